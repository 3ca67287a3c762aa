"""Builds the wheel: the program's own build makes the module, this packs it (PEP 517)."""
import base64
import hashlib
import os
import pathlib
import subprocess
import tomllib
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent / "build"
TAG = "cp311-cp311-linux_x86_64"


def _project():
    return tomllib.loads((HERE / "pyproject.toml").read_text())["project"]


def _metadata(project):
    lines = ["Metadata-Version: 2.1", f"Name: {project['name']}", f"Version: {project['version']}",
             f"Summary: {project['description']}", f"Requires-Python: {project['requires-python']}"]
    lines += [f"Requires-Dist: {one}" for one in project["dependencies"]]
    for extra, needs in project["optional-dependencies"].items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {one}; extra == '{extra}'" for one in needs]
    return "\n".join(lines) + "\n"


def _files():
    for path in sorted((HERE / "cangong").iterdir()):
        if path.suffix in (".py", ".pyi", ".typed") or path.name == "py.typed":
            yield f"cangong/{path.name}", path.read_bytes()
    for path in sorted((BUILD / "python").glob("_cangong*.so")) + [BUILD / "libcangong_torch.so"]:
        if path.exists():
            yield f"cangong/{path.name}", path.read_bytes()


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    subprocess.run(["make", "python-module"], cwd=HERE.parent, check=True)
    project = _project()
    info = f"{project['name']}-{project['version']}.dist-info"
    name = f"{project['name']}-{project['version']}-{TAG}.whl"
    files = list(_files()) + [
        (f"{info}/METADATA", _metadata(project).encode()),
        (f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: cangong\n"
                          f"Root-Is-Purelib: false\nTag: {TAG}\n".encode()),
    ]
    record = []
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in files:
            wheel.writestr(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{path},sha256={digest},{len(data)}")
        wheel.writestr(f"{info}/RECORD", "\n".join(record + [f"{info}/RECORD,,"]) + "\n")
    return name


def build_sdist(sdist_directory, config_settings=None):
    raise SystemExit("build from a clone: the module needs the whole tree")

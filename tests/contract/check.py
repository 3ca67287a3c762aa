"""`check.py PROGRAM SCHEMATHESIS EXAMPLES`: a served home, and every address of its OpenAPI asked."""
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "service"))
from client import Service, make_accounts, make_home, run  # noqa: E402

PROGRAM, SCHEMATHESIS, EXAMPLES = sys.argv[1:]
# What the document promises of every answer; what it says is refused is refused.
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,"
          "response_schema_conformance,negative_data_rejection")
# Signing in and out again and again would only meet the lock of an account, or end the run's token;
# schemathesis cannot write NDJSON.
LEFT_OUT = r"^/auth/(sign-in|sign-out|second-factor)$|^/fhir/\$import$"
# What there is, so that not only 404 is answered.
REAL = """[parameters]
model = "heart"
type = "Patient"
[[operations]]
include-path-regex = "^/(fhir/Patient|fhir/.type|api/patients|admin/accounts/.name./patients)/"
parameters = { id = "own", name = "a-clinician" }
[[operations]]
include-path-regex = "^/fhir/Group/"
parameters = { id = "all" }
[[operations]]
include-path-regex = "^/(cds-services|api/models)/"
parameters = { id = "heart", name = "heart" }
"""


def failures_in(told):
    """The lines of the sections that name what failed: the rest is a summary."""
    lines = told.splitlines()
    heads = [i for i, line in enumerate(lines) if line.strip(" =") in ("ERRORS", "FAILURES")]
    for i in heads:
        section = lines[i + 1:]
        end = next((k for k, line in enumerate(section) if line.startswith("====")), len(section))
        yield from section[:end][:60]


# One worker: CPython 3.11's ast.parse, which Hypothesis calls, is not safe in threads (gh-106905).
def ask_everything(service, token, config):
    document = pathlib.Path(service.home).parent / "openapi.json"
    document.write_bytes(service.ask("GET", "/openapi.json").body)
    (document.parent / "schemathesis.toml").write_text(config)
    operations = sum(len(path) for path in json.loads(document.read_text())["paths"].values())
    done = subprocess.run(
        [SCHEMATHESIS, "run", document, "--url", f"https://127.0.0.1:{service.port}", "--tls-verify",
         service.home / "keys" / "tls.crt", "-H", "Authorization: Bearer " + token, "--checks", CHECKS,
         "--exclude-path-regex", LEFT_OUT, "--phases", "coverage,fuzzing", "--max-examples", EXAMPLES,
         "--seed", "1", "--workers", "1", "--continue-on-failure", "--no-color",
         "--suppress-health-check", "all"],
        cwd=document.parent, text=True, capture_output=True, timeout=900)
    if done.returncode:
        print(done.stdout[-20000:], done.stderr[-3000:])
        print("WHAT FAILED:", *failures_in(done.stdout), sep="\n")
    else:
        print(f"{operations} operations; " + done.stdout.strip().splitlines()[-1].strip(" ="))
    return done.returncode


with tempfile.TemporaryDirectory() as folder:
    home = make_home(PROGRAM, folder)
    with Service(PROGRAM, home) as service:
        make_accounts(PROGRAM, home)
        run(PROGRAM, "account", "add", home, "everyone", "--roles",
            "clinician,scientist,integrator,admin,auditor", stdin="correct horse battery\n")
        token = run(PROGRAM, "account", "token", home, "everyone").strip()
        for body in ({"resourceType": "Patient", "id": "own"},
                     {"resourceType": "Group", "id": "all", "type": "person", "actual": True}):
            service.ask("PUT", f"/fhir/{body['resourceType']}/{body['id']}", body, token=token)
        failed = [ask_everything(service, token, config) for config in ("", REAL)]
        alive = service.ask("GET", "/readyz").status == 200
        if not alive:
            print("FAILED: the service is not ready afterwards")
    sys.exit(any(failed) or not alive)

"""Makes the data of one benchmark, once: make_data.py NAME FOLDER."""
import gzip
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DATA = pathlib.Path(os.environ["DATA"])
CANGONG = os.environ["CANGONG"]


def write(folder, name, values, kind):
    np.ascontiguousarray(values, dtype=kind).tofile(folder / name)


def cox(folder):
    rng = np.random.default_rng(1)
    n, p = 1_000_000, 20
    x = rng.standard_normal((n, p)).astype(np.float32)
    beta = np.linspace(-0.5, 0.5, p)
    time = -np.log(rng.uniform(size=n)) * np.exp(-(x @ beta))
    censor = rng.exponential(2.0, n)
    write(folder, "x.f32", x, np.float32)
    write(folder, "y.f64", np.ceil(np.minimum(time, censor) * 365) + 1, np.float64)  # tied days
    write(folder, "event.f64", time <= censor, np.float64)


def scores(folder):
    rng = np.random.default_rng(2)
    n = 50_000
    risk = rng.standard_normal(n)
    time = -np.log(rng.uniform(size=n)) * np.exp(-0.7 * risk)
    censor = rng.exponential(1.5, n)
    write(folder, "risk.f64", risk, np.float64)
    write(folder, "y.f64", np.ceil(np.minimum(time, censor) * 1000), np.float64)
    write(folder, "event.f64", time <= censor, np.float64)


def mlp(folder):
    import tarfile
    import io
    archive = DATA / "physionet2019-sepsis-b" / "training_setB.tar.gz"
    rows = []
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name.endswith(".psv"):
                text = tar.extractfile(member).read().decode()
                rows.append(np.genfromtxt(io.StringIO(text), delimiter="|", skip_header=1, ndmin=2))
    table = np.concatenate(rows)
    x, y = table[:, :40], table[:, 40]
    mean = np.nanmean(x, 0)
    x = np.where(np.isnan(x), mean, x)
    sd = x.std(0)
    x = np.clip((x - mean) / np.where(sd > 0, sd, 1), -10, 10)
    write(folder, "x.f32", x, np.float32)
    write(folder, "y.f64", y, np.float64)


def replicate(times):
    """The MIMIC-IV demo with its patients repeated under new numbers."""
    tables = [pq.read_table(DATA / "mimic-iv-demo-meds" / "data" / split / "0.parquet")
              for split in ("train", "tuning", "held_out")]
    one = pa.concat_tables(tables).combine_chunks()
    copies = []
    for k in range(times):
        ids = pc.add(one["subject_id"], pa.scalar(k * 100_000_000, pa.int64()))
        copies.append(one.set_column(0, "subject_id", ids))
    return copies


def store(folder, copies):
    meds = folder / "meds"
    (meds / "data" / "train").mkdir(parents=True)
    for k, table in enumerate(copies):
        pq.write_table(table, meds / "data" / "train" / f"{k}.parquet")
    subprocess.run([CANGONG, "import", "meds", meds, "--into", folder / "store"], check=True,
                   stdout=subprocess.DEVNULL)


def labels(folder):
    store(folder, replicate(50))
    shutil.copy(DATA / "mimic-iv-demo-meds" / "tasks" / "in_hospital_mortality_first_24h.yaml",
                folder / "task.yaml")


def label(folder, task="readmission_30d"):
    shutil.copy(DATA / "mimic-iv-demo-meds" / "tasks" / f"{task}.yaml", folder / "task.yaml")
    subprocess.run([CANGONG, "label", folder / "task.yaml", "--store", folder / "store", "--out",
                    folder / "all"], check=True, stdout=subprocess.DEVNULL)
    (folder / "labels").mkdir()
    shutil.copy(next((folder / "all").glob("*/0.parquet")), folder / "labels" / "0.parquet")


def features(folder):
    store(folder, replicate(20))
    label(folder)


def features_small(folder):
    """The first patients of the demo, about 34,000 events."""
    table = replicate(1)[0]
    ids = table["subject_id"].to_numpy()
    starts = np.flatnonzero(np.r_[True, ids[1:] != ids[:-1]])
    store(folder, [table.slice(0, int(starts[starts <= 34_600][-1]))])
    label(folder)


def fhir(folder):
    (folder / "fhir").mkdir()
    for source in sorted((DATA / "synthea-fhir-100" / "fhir").glob("*.gz")):
        with gzip.open(source) as packed, open(folder / "fhir" / source.stem, "wb") as out:
            shutil.copyfileobj(packed, out, 1 << 20)


name, target = sys.argv[1], pathlib.Path(sys.argv[2])
if not (target / "done").exists():
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    globals()[name.replace("-", "_")](target)
    (target / "done").touch()

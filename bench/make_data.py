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


def delphi(folder):
    shutil.copy(DATA / "delphi-simulated" / "train.bin", folder)


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


def forward(layers, x):
    for weights, bias in layers[:-1]:
        x = np.maximum(x @ weights + bias, 0)
    weights, bias = layers[-1]
    return (x @ weights + bias)[:, 0]


def train_network(x, y, rng):
    """An MLP 64-64 with ReLU by Adam, in plain numpy."""
    sizes = [x.shape[1], 64, 64, 1]
    parts = [(rng.normal(0, np.sqrt(2 / a), (a, b)), np.zeros(b)) for a, b in zip(sizes, sizes[1:])]
    flat = [part for layer in parts for part in layer]
    first, second = [np.zeros_like(w) for w in flat], [np.zeros_like(w) for w in flat]
    for step in range(1, 1501):
        rows = rng.integers(0, len(x), 256)
        seen = [x[rows]]
        for weights, bias in zip(flat[:-2:2], flat[1:-2:2]):
            seen.append(np.maximum(seen[-1] @ weights + bias, 0))
        margin = (seen[-1] @ flat[-2] + flat[-1])[:, 0]
        slope = ((1 / (1 + np.exp(-margin)) - y[rows]) / len(rows))[:, None]
        grads = []
        for k in (4, 2, 0):
            grads = [seen[k // 2].T @ slope, slope.sum(0)] + grads
            slope = (slope @ flat[k].T) * (seen[k // 2] > 0)
        for k, grad in enumerate(grads):
            first[k] = 0.9 * first[k] + 0.1 * grad
            second[k] = 0.999 * second[k] + 0.001 * grad**2
            scale = np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8
            flat[k] -= 3e-3 * first[k] / (1 - 0.9**step) / scale
    return [(flat[k].astype(np.float32), flat[k + 1].astype(np.float32)) for k in (0, 2, 4)]


def shapley(layers, row, background, rng, samples):
    """Permutations and their reverses, for each background row its own; `samples` model calls."""
    columns, count = len(row), len(background)
    parts, rounds = np.zeros(columns), samples // (2 * count * (columns + 1))
    for _ in range(rounds):
        order = rng.permuted(np.tile(np.arange(columns), (count, 1)), axis=1)
        for walk in (order, order[:, ::-1]):
            rank = np.argsort(walk, axis=1)  # the column is the row's from this step on
            taken = rank[:, None, :] < np.arange(columns + 1)[None, :, None]
            mixed = np.where(taken, row, background[:, None, :]).reshape(-1, columns)
            steps = np.diff(forward(layers, mixed).reshape(count, columns + 1), axis=1)
            np.add.at(parts, walk.ravel(), steps.ravel())
    return parts / (2 * rounds * count)


def shap(folder):
    """A network of 35 features that interact, 100 rows, 100 background rows, and the Shapley values
    of the rows from 10^6 model calls each."""
    import json
    rng = np.random.default_rng(7)
    x = rng.standard_normal((20_000, 35)).astype(np.float32)
    margin = x[:, :10] @ np.linspace(1, 0.1, 10) + x[:, 0] * x[:, 1] + x[:, 2] * x[:, 3] * x[:, 4]
    layers = train_network(x, rng.uniform(size=len(x)) < 1 / (1 + np.exp(-margin)), rng)
    saved = [{"in": w.shape[0], "out": w.shape[1], "weights": w.T.ravel().tolist(),
              "bias": b.tolist()} for w, b in layers]
    identity = {"mean": [0.0] * 35, "scale": [1.0] * 35, "fill": [0.0] * 35, "flags": [], "bins": []}
    (folder / "network.json").write_text(json.dumps({
        "format": 1, "kind": "mlp", "activation": "relu", "epochs": 1, "interval_ends": [],
        "mean": 0, "scale": 1, "normaliser": identity, "layers": saved}))
    write(folder, "x.f32", x[:100], np.float32)
    write(folder, "background.f32", x[-100:], np.float32)
    truth = [shapley(layers, row, x[-100:], rng, 1_000_000) for row in x[:100]]
    write(folder, "reference.f64", truth, np.float64)


def rsf(folder):
    """SUPPORT with its published split."""
    import csv
    with open(DATA / "survival" / "support.csv") as file:
        rows = list(csv.DictReader(file))
    for part in ("train", "test"):
        chosen = [row for row in rows if row["split"] == part]
        x = [[float(row[f"x{j}"]) for j in range(14)] for row in chosen]
        write(folder, f"{part}.x.f32", x, np.float32)
        for name in ("time", "event"):
            write(folder, f"{part}.{name}.f64", [float(row[name]) for row in chosen], np.float64)


def conformal(folder):
    """50,000 answers with their truths, and as many to come."""
    rng = np.random.default_rng(1)
    for value, truth in (("value", "truth"), ("asked", "came")):
        x = rng.uniform(0, 10, 50_000)
        write(folder, f"{value}.f64", x, np.float64)
        write(folder, f"{truth}.f64", x + (0.2 + x) * rng.normal(size=len(x)), np.float64)


def synthesize(folder):
    """Nothing is needed but room."""


def deep(folder):
    """Whole lives of 200,000 people: about ten million events."""
    subprocess.run([CANGONG, "synthesize", "--deep", "--patients", "200000", "--into", folder / "store", "-q"],
                   check=True, stdout=subprocess.DEVNULL)


name, target = sys.argv[1], pathlib.Path(sys.argv[2])
if not (target / "done").exists():
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    globals()[name.replace("-", "_")](target)
    (target / "done").touch()

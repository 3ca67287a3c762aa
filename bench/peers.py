"""The peers' side: peers.py NAME FOLDER prints {"cpu": seconds, "check": {...}}."""
import json
import pathlib
import sys
import time


def clock():
    return time.process_time()


def load(folder, name, kind="float64"):
    import numpy as np
    return np.fromfile(folder / name, dtype=kind)


def fhir_json(folder):
    start, rows = clock(), 0
    for path in sorted((folder / "fhir").iterdir()):
        with open(path, "rb") as lines:
            for line in lines:
                resource = json.loads(line)
                rows += 1 if resource.get("resourceType") else 0
    return clock() - start, {"rows": rows}


def fhir_duckdb(folder):
    import duckdb
    db = duckdb.connect()
    db.execute("set threads to 1")
    start, rows = clock(), 0
    common = ("resourceType: 'VARCHAR', id: 'VARCHAR', status: 'VARCHAR', "
              "subject: 'STRUCT(reference VARCHAR)', patient: 'STRUCT(reference VARCHAR)', "
              "encounter: 'STRUCT(reference VARCHAR)'")
    clinical = (", issued: 'VARCHAR', effectiveDateTime: 'VARCHAR', recordedDate: 'VARCHAR', "
                "authoredOn: 'VARCHAR', period: 'STRUCT(start VARCHAR, \"end\" VARCHAR)', "
                "code: 'STRUCT(coding STRUCT(system VARCHAR, code VARCHAR, display VARCHAR)[])', "
                "valueQuantity: 'STRUCT(value DOUBLE, unit VARCHAR, code VARCHAR)', "
                "valueString: 'VARCHAR'")
    administrative = ("PractitionerRole", "Practitioner", "Organization", "Location", "CareTeam",
                      "CarePlan", "Provenance", "Patient", "Device", "SupplyDelivery")
    for path in sorted((folder / "fhir").iterdir()):
        schema = "{" + common + ("" if path.stem in administrative else clinical) + "}"
        db.execute(f"create or replace temp table t as select * from read_json('{path}', "
                   f"format='newline_delimited', columns={schema}, maximum_object_size=67108864)")
        rows += db.execute("select count(*) from t").fetchone()[0]
    return clock() - start, {"rows": rows}


def labels(folder):
    import resource
    import subprocess
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = f'''
import polars as pl
from omegaconf import DictConfig
from aces import config, predicates, query
task = config.TaskExtractorConfig.load(config_path="{folder}/task.yaml")
frames = predicates.get_predicates_df(task, DictConfig({{"path": "{folder}/all.parquet",
    "standard": "meds", "ts_format": None}}))
found = query.query(task, frames)
print(len(found), int((found["label"] > 0).sum()))
'''
    import polars as pl
    if not (folder / "all.parquet").exists():
        pl.concat([pl.read_parquet(p) for p in sorted((folder / "meds").rglob("*.parquet"))]) \
            .sort("subject_id", "time", maintain_order=True).write_parquet(folder / "all.parquet")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows, positive = map(int, done.stdout.split()[-2:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, {"rows": rows, "positive": positive}


def features_polars(folder):
    import polars as pl
    events = pl.concat([pl.read_parquet(p) for p in sorted((folder / "meds").rglob("*.parquet"))])
    wanted = pl.read_parquet(folder / "labels" / "0.parquet").select("subject_id", "prediction_time")
    top = (events.filter(pl.col("time").is_not_null()).group_by("code")
           .agg(pl.col("subject_id").n_unique()).top_k(200, by="subject_id")["code"])
    start = clock()
    rows = (wanted.with_row_index("example")
            .join(events.filter(pl.col("code").is_in(top.implode())), on="subject_id")
            .filter(pl.col("time") <= pl.col("prediction_time"))
            .sort("example", "time", maintain_order=True))
    entries = 0
    for window in ("1d", "7d", "30d", None):
        part = rows
        if window:
            part = rows.filter(pl.col("time") > pl.col("prediction_time").dt.offset_by("-" + window))
        value = pl.col("numeric_value")
        found = part.group_by("example", "code").agg(
            pl.len().alias("count"), value.mean().alias("mean"), value.min().alias("min"),
            value.max().alias("max"), value.drop_nulls().last().alias("last"))
        entries += int(sum(found[c].count() for c in ("count", "mean", "min", "max", "last")))
    return clock() - start, {"rows": len(wanted), "entries": entries}


def features_medstab(folder):
    raise SystemExit("meds-tab cannot run here; see docs/known-gaps.md")


def mlp(folder):
    import numpy as np
    import torch
    torch.set_num_threads(1)
    torch.manual_seed(1)
    x = torch.from_numpy(load(folder, "x.f32", np.float32).reshape(-1, 40).copy())
    y = torch.from_numpy(load(folder, "y.f64").astype(np.float32))
    net = torch.nn.Sequential(torch.nn.Linear(40, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64),
                              torch.nn.ReLU(), torch.nn.Linear(64, 1))
    steps = torch.optim.Adam(net.parameters(), lr=1e-3)
    loss_of = torch.nn.BCEWithLogitsLoss()

    def epoch():
        order = torch.randperm(len(x))
        total = 0.0
        for at in range(0, len(x), 1024):
            rows = order[at:at + 1024]
            steps.zero_grad()
            loss = loss_of(net(x[rows]).squeeze(1), y[rows])
            loss.backward()
            steps.step()
            total += loss.item() * len(rows)
        return total / len(x)

    epoch()
    start = clock()
    for _ in range(5):
        loss = epoch()
    return (clock() - start) / 5, {"loss": loss}


def cox(folder):
    import numpy as np
    import pandas as pd
    from lifelines import CoxPHFitter
    x = load(folder, "x.f32", np.float32).reshape(-1, 20).astype(np.float64)
    table = pd.DataFrame(x, columns=[f"x{j}" for j in range(20)])
    table["time"], table["event"] = load(folder, "y.f64"), load(folder, "event.f64")
    start = clock()
    model = CoxPHFitter().fit(table, "time", "event")
    return clock() - start, {"coefficients": [float(b) for b in model.params_]}


def c_index(folder):
    from lifelines.utils import concordance_index
    risk, days, events = (load(folder, n) for n in ("risk.f64", "y.f64", "event.f64"))
    start = clock()
    value = concordance_index(days, -risk, events)
    return clock() - start, {"value": value}


def bootstrap(folder):
    import numpy as np
    score, truth = load(folder, "risk.f64"), load(folder, "event.f64")
    start = clock()
    order = np.argsort(-score, kind="stable")
    y = truth[order]
    rng = np.random.default_rng(1)
    values = []
    for _ in range(2000):
        w = np.bincount(rng.integers(0, len(y), len(y)), minlength=len(y)).astype(np.float64)
        positive = w * y
        negative = w - positive
        above = np.cumsum(positive) - 0.5 * positive
        values.append(float((negative * above).sum() / (positive.sum() * negative.sum())))
    low, high = np.quantile(values, [0.025, 0.975])
    return clock() - start, {"low": low, "high": high}


if __name__ == "__main__":
    spent, check = globals()[sys.argv[1].replace("-", "_")](pathlib.Path(sys.argv[2]))
    print(json.dumps({"cpu": spent, "check": check}))

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


# What our importer reads of each type, as DuckDB's schema: the same work on both sides.
TEXT = "VARCHAR"
REFERENCE = "STRUCT(reference VARCHAR)"
CODING = "STRUCT(system VARCHAR, code VARCHAR, display VARCHAR)"
CONCEPT = f"STRUCT(coding {CODING}[], text VARCHAR)"
QUANTITY = "STRUCT(value DOUBLE, unit VARCHAR, code VARCHAR, comparator VARCHAR)"
PERIOD = 'STRUCT(start VARCHAR, "end" VARCHAR)'
MONEY = "STRUCT(value DOUBLE, currency VARCHAR)"
COMMON = {"resourceType": TEXT, "id": TEXT, "status": TEXT}
CLINICAL = {"subject": REFERENCE, "encounter": REFERENCE, "code": CONCEPT}
VALUE = {"valueQuantity": QUANTITY, "valueCodeableConcept": CONCEPT, "valueString": TEXT}
COMPONENT = "STRUCT(code {}, {})".format(CONCEPT, ", ".join(f"{k} {v}" for k, v in VALUE.items()))
SCHEMAS = {
    "Patient": {"identifier": "STRUCT(system VARCHAR, value VARCHAR)[]", "birthDate": TEXT,
                "deceasedDateTime": TEXT, "gender": TEXT, "maritalStatus": CONCEPT,
                "extension": "STRUCT(url VARCHAR, extension STRUCT(url VARCHAR, "
                             f"valueCoding {CODING})[])[]"},
    "Encounter": {"subject": REFERENCE, "class": CODING, "type": CONCEPT + "[]", "period": PERIOD,
                  "hospitalization": f"STRUCT(dischargeDisposition {CONCEPT})",
                  "reasonCode": CONCEPT + "[]"},
    "Condition": {**CLINICAL, "verificationStatus": CONCEPT, "recordedDate": TEXT,
                  "onsetDateTime": TEXT, "abatementDateTime": TEXT},
    "Observation": {**CLINICAL, **VALUE, "issued": TEXT, "effectiveDateTime": TEXT,
                    "effectivePeriod": PERIOD, "dataAbsentReason": CONCEPT,
                    "component": COMPONENT + "[]"},
    "MedicationRequest": {"subject": REFERENCE, "medicationCodeableConcept": CONCEPT,
                          "medicationReference": REFERENCE, "authoredOn": TEXT},
    "MedicationAdministration": {
        "subject": REFERENCE, "medicationCodeableConcept": CONCEPT,
        "medicationReference": REFERENCE, "effectiveDateTime": TEXT, "effectivePeriod": PERIOD,
        "dosage": f"STRUCT(dose {QUANTITY})"},
    "Procedure": {**CLINICAL, "performedDateTime": TEXT, "performedPeriod": PERIOD},
    "DiagnosticReport": {**CLINICAL, "issued": TEXT, "effectiveDateTime": TEXT,
                         "effectivePeriod": PERIOD, "conclusion": TEXT,
                         "conclusionCode": CONCEPT + "[]"},
    "Immunization": {"patient": REFERENCE, "vaccineCode": CONCEPT, "occurrenceDateTime": TEXT,
                     "recorded": TEXT},
    "AllergyIntolerance": {"patient": REFERENCE, "encounter": REFERENCE, "code": CONCEPT,
                           "verificationStatus": CONCEPT, "recordedDate": TEXT,
                           "onsetDateTime": TEXT},
    "DocumentReference": {"subject": REFERENCE, "type": CONCEPT, "date": TEXT,
                          "context": f"STRUCT(period {PERIOD})",
                          "content": "STRUCT(attachment STRUCT(contentType VARCHAR, "
                                     "data VARCHAR))[]"},
    "Claim": {"patient": REFERENCE, "created": TEXT, "total": MONEY},
    "ExplanationOfBenefit": {"patient": REFERENCE, "created": TEXT,
                             "payment": f"STRUCT(amount {MONEY})",
                             "total": f"STRUCT(category {CONCEPT}, amount {MONEY})[]"},
}


def fhir_duckdb(folder):
    import duckdb
    db = duckdb.connect()
    db.execute("set threads to 1")
    start, rows = clock(), 0
    for path in sorted((folder / "fhir").iterdir()):
        fields = {**COMMON, **SCHEMAS.get(path.stem, {})}
        schema = ", ".join(f"'{name}': '{kind}'" for name, kind in fields.items())
        db.execute(f"create or replace temp table t as select * from read_json('{path}', "
                   "format='newline_delimited', columns={" + schema + "}, "
                   "maximum_object_size=67108864)")
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
    """meds-tab's three programs; input files are laid out for it before the clock starts."""
    import os
    import resource
    import shutil
    import subprocess
    import polars as pl
    work = folder / "medstab"
    shutil.rmtree(work, ignore_errors=True)
    events = pl.concat([pl.read_parquet(p) for p in sorted((folder / "meds").rglob("*.parquet"))])
    events = events.filter(pl.col("time").is_not_null())
    top = (events.group_by("code").agg(pl.col("subject_id").n_unique())
           .sort(["subject_id", "code"], descending=[True, False]).head(200)["code"])
    events = (events.filter(pl.col("code").is_in(top.implode()))
              .select("subject_id", "time", "code", "numeric_value")
              .sort("subject_id", "time", maintain_order=True))
    wanted = pl.read_parquet(folder / "labels" / "0.parquet").sort("subject_id", "prediction_time")
    for name, table in (("data", events), ("labels", wanted)):
        (work / name / "train").mkdir(parents=True)
        table.write_parquet(work / name / "train" / "0.parquet")
    out, programs = work / "out", pathlib.Path(sys.executable).parent
    common = [f"input_dir={work / 'data'}", f"output_dir={out}"]
    options = [f"input_label_dir={work / 'labels'}",
               f"tabularization.filtered_code_metadata_fp={out / 'metadata' / 'kept.parquet'}",
               "tabularization.min_code_inclusion_count=1",
               "tabularization.window_sizes=[1d,7d,30d,full]", "tabularization.aggs=[code/count]"]
    env = dict(os.environ, POLARS_MAX_THREADS="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for program, more in (("describe", []), ("tabularize-static", options),
                          ("tabularize-time-series", options)):
        done = subprocess.run([programs / f"meds-tab-{program}", *common, *more], env=env,
                              capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"meds-tab-{program}\n{(done.stdout + done.stderr)[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, {"rows": len(wanted)}


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


def shap_of(folder, explain):
    """`explain`: of the model, the background and the rows."""
    import numpy as np
    x, background = (load(folder, n, np.float32).reshape(-1, 35) for n in ("x.f32", "background.f32"))
    layers = [(np.array(l["weights"], np.float32).reshape(l["out"], l["in"]).T,
               np.array(l["bias"], np.float32))
              for l in json.loads((folder / "network.json").read_text())["layers"]]

    def model(rows):
        now = rows.astype(np.float32)
        for weights, bias in layers[:-1]:
            now = np.maximum(now @ weights + bias, 0)
        return (now @ layers[-1][0] + layers[-1][1])[:, 0]

    start = clock()
    parts = explain(model, background, x)
    spent = clock() - start
    error = parts - load(folder, "reference.f64").reshape(-1, 35)
    return spent, {"rmse": float(np.sqrt(np.mean(error**2)))}


def shap_kernel(folder):
    import shap
    # Its own default keeps ten features of a row and would lose the rest: no such selection here.
    return shap_of(folder, lambda model, background, x: shap.KernelExplainer(
        model, background).shap_values(x, l1_reg=False, silent=True))


def shap_permutation(folder):
    import shap
    return shap_of(folder, lambda model, background, x: shap.PermutationExplainer(
        model, shap.maskers.Independent(background, 100), seed=1)(x).values)


def rsf(folder):
    import numpy as np
    from sksurv.ensemble import RandomSurvivalForest
    from sksurv.util import Surv

    def part(name):
        x = load(folder, f"{name}.x.f32", np.float32).reshape(-1, 14)
        event, time = load(folder, f"{name}.event.f64"), load(folder, f"{name}.time.f64")
        return x, Surv.from_arrays(event > 0, time)

    train, test = part("train"), part("test")
    start = clock()
    forest = RandomSurvivalForest(n_estimators=100, random_state=1, n_jobs=2).fit(*train)
    c_index = forest.score(*test)
    return clock() - start, {"c_index": c_index}


def conformal(folder):
    import numpy as np
    from mapie.regression import CrossConformalRegressor
    from sklearn.linear_model import LinearRegression

    value, truth, asked, came = (load(folder, f"{n}.f64") for n in ("value", "truth", "asked", "came"))
    model = CrossConformalRegressor(LinearRegression(), confidence_level=0.95, method="plus", cv=5)
    model.fit_conformalize(value.reshape(-1, 1), truth)
    start = clock()
    held = 0
    for at in range(0, len(asked), 500):
        part = slice(at, at + 500)
        _, interval = model.predict_interval(asked[part].reshape(-1, 1))
        held += int(((came[part] >= interval[:, 0, 0]) & (came[part] <= interval[:, 1, 0])).sum())
    return clock() - start, {"coverage": held / len(asked)}


def delphi(folder):
    """The official code (model.py and utils.py unmodified), of the checkout that DELPHI names."""
    import os
    import numpy as np
    import torch
    sys.path.insert(0, os.environ["DELPHI"])
    from model import Delphi, DelphiConfig
    from utils import get_p2i
    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(42)
    data = np.fromfile(folder / "train.bin", dtype=np.uint32).reshape(-1, 3)
    model = Delphi(DelphiConfig(n_layer=12, n_head=12, n_embd=120, block_size=48, vocab_size=1270, dropout=0.1,
                                token_dropout=0.0, t_min=0.1, mask_ties=True, bias=False,
                                ignore_tokens=[0, *range(2, 13)]))
    return data, get_p2i(data), model


def pretrain(folder):
    import torch
    data, people, model = delphi(folder)
    from utils import get_batch
    steps = model.configure_optimizers(0.2, 2e-3, (0.9, 0.99), "cpu")
    start, began, rows = clock(), 0, 0
    for step in range(12):
        if step == 2:
            began, rows = time.perf_counter(), 0
        x, a, y, b = get_batch(torch.randint(len(people), (128,)), data, people, block_size=48,
                               padding="random", lifestyle_augmentations=True, select="left",
                               no_event_token_rate=5, device="cpu")
        rows += int((x > 0).sum())
        _, loss, _ = model(x, a, y, b)
        (loss["loss_ce"] + loss["loss_dt"]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        steps.step()
        steps.zero_grad(set_to_none=True)
    return clock() - start, {"rate": rows / (time.perf_counter() - began)}


def simulate(folder):
    import torch
    data, people, model = delphi(folder)
    model.eval()
    rows = [data[first:first + 24] for first, count in people if count >= 24][:32]
    ids = torch.tensor([[int(t) + 1 for _, _, t in row] for row in rows])
    days = torch.tensor([[float(d) for _, d, _ in row] for row in rows])
    start, began = clock(), time.perf_counter()
    with torch.no_grad():
        made = model.generate(ids, days, max_new_tokens=48, max_age=1e9, no_repeat=False,
                              termination_tokens=[1269])[0]
    seconds = time.perf_counter() - began
    return clock() - start, {"rate": (made.shape[1] - 24) * len(rows) / seconds}


if __name__ == "__main__":
    spent, check = globals()[sys.argv[1].replace("-", "_")](pathlib.Path(sys.argv[2]))
    print(json.dumps({"cpu": spent, "check": check}))

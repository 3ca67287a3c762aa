"""ONNX in both directions, against scikit-learn and ONNX Runtime in Python."""
import json
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
from skl2onnx import to_onnx
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore")  # of networks that learn for a moment only
CANGONG, WORK = sys.argv[1], pathlib.Path(sys.argv[2])
FEATURES, ROWS = 6, 900
passed = failed = 0


def check(name, holds, detail=""):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    if not holds:
        print(f"FAILED: {name} {detail}")


def run(*words):
    return subprocess.run([CANGONG, *map(str, words)], capture_output=True, text=True)


def need(*words):
    done = run(*words)
    if done.returncode:
        sys.exit(f"{words}: {done.stderr[-2000:]}")
    return json.loads(done.stdout) if "--json" in words else done.stdout


def table():
    """Rows of numbers, some missing, and a yes/no outcome."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(ROWS, FEATURES)).round(4)
    margin = x[:, 0] + x[:, 1] * x[:, 2] - 0.5 * x[:, 3]
    yes = (rng.random(ROWS) < 1 / (1 + np.exp(-margin))).astype(int)
    gaps = rng.random(x.shape) < 0.15
    gaps[:, 0] = False  # the column that begins an example
    with open(WORK / "table.csv", "w") as out:
        out.write("id,yes," + ",".join(f"f{k}" for k in range(FEATURES)) + "\n")
        for i in range(ROWS):
            cells = ["" if gaps[i, k] else f"{x[i, k]:.4f}" for k in range(FEATURES)]
            out.write(f"{i},{yes[i]}," + ",".join(cells) + "\n")
    return np.where(gaps, np.nan, x).astype(np.float32), yes


def store():
    (WORK / "mapping.yaml").write_text(
        "tables:\n  - files: table.csv\n    subject: {column: id, keep: true}\n"
        "    time: {at: 2020-01-01}\n    events:\n"
        "      - {code: OUTCOME, value: yes, time: {at: 2020-02-01}}\n" + "".join(
            f"      - {{code: LAB//f{k}, value: f{k}}}\n" for k in range(FEATURES)))
    need("import", "csv", WORK / "table.csv", "--mapping", WORK / "mapping.yaml", "--into",
         WORK / "store", "-q")
    (WORK / "task.yaml").write_text(
        "predicates:\n  visit: {code: LAB//f0}\n  outcome: {code: OUTCOME}\n"
        "  bad: {code: OUTCOME, value_min: 0.5}\ntrigger: visit\nwindows:\n"
        "  target: {start: trigger, end: start + 60 days, start_inclusive: False, "
        "end_inclusive: True, index_timestamp: start, label: bad}\n")
    need("label", WORK / "task.yaml", "--store", WORK / "store", "--out", WORK / "labels", "-q")


def recipe(name, model, features=range(FEATURES), more=""):
    listed = "".join(f"    - {{code: LAB//f{k}, aggregate: last, window: all}}\n" for k in features)
    path = WORK / f"{name}.yaml"
    path.write_text(f"name: {name}\nencoder:\n  features:\n{listed}model: {model}\nbaselines: []\n"
                    f"split: {{tuning: 0.2, held_out: 0.2}}\nseed: 1\n{more}")
    return path


def train(name, model, **how):
    return run("train", recipe(name, model, **how), "--store", WORK / "store", "--labels",
               WORK / "labels", "--out", WORK / "models" / name, "-q")


def answers(name, patients):
    """What `cangong predict` says of each."""
    return np.array([need("predict", WORK / "models" / name, "--store", WORK / "store", "--subject",
                          i, "--as-of", "2020-01-02", "--json")["value"] for i in patients])


x, yes = table()
store()
filled = np.nan_to_num(x)
asked = list(range(0, ROWS, 90))

# In: models that know no gaps are told what one becomes.
for name, estimator in (("logistic", LogisticRegression()),
                        ("boosted", GradientBoostingClassifier(n_estimators=20, random_state=1)),
                        ("network", MLPClassifier((16,), max_iter=60, random_state=1))):
    estimator.fit(filled, yes)
    file = WORK / f"{name}.onnx"
    file.write_bytes(to_onnx(estimator, x[:1], options={"zipmap": False},
                             target_opset={"": 17, "ai.onnx.ml": 3}).SerializeToString())
    done = train(name, f"{{kind: onnx, file: {file.name}, fill: 0}}", more="recalibrate: none\n")
    check(f"{name} comes in", done.returncode == 0, done.stderr)
    difference = np.abs(answers(name, asked) - estimator.predict_proba(filled[asked])[:, 1]).max()
    check(f"{name} answers what scikit-learn answers", difference < 1e-5, difference)
done = train("gaps", f"{{kind: onnx, file: logistic.onnx}}")
check("a model that makes NaN of a gap is refused with what to do",
      done.returncode == 1 and "fill:" in done.stderr, done.stderr)

gapped = HistGradientBoostingClassifier(max_iter=30, random_state=1).fit(x, yes)
file = WORK / "gapped.onnx"
file.write_bytes(to_onnx(gapped, x[:1], options={"zipmap": False},
                         target_opset={"": 17, "ai.onnx.ml": 3}).SerializeToString())
done = train("gapped", f"{{kind: onnx, file: {file.name}}}", more="recalibrate: none\n")
check("a model that takes gaps comes in", done.returncode == 0, done.stderr)
difference = np.abs(answers("gapped", asked) - gapped.predict_proba(x[asked])[:, 1]).max()
check("and answers what scikit-learn answers", difference < 1e-5, difference)
report = need("evaluate", WORK / "models/gapped", "--store", WORK / "store", "--labels",
              WORK / "labels", "--split", "held_out", "--report", WORK / "report", "--json")
check("it is judged as any other", "auroc" in json.dumps(report))
explained = need("predict", WORK / "models/gapped", "--store", WORK / "store", "--subject", "3",
                 "--as-of", "2020-01-02", "--explain", "--json")
check("and explained", len(explained["reasons"]) > 0)
again = run("onnx", WORK / "models/gapped", "--out", WORK / "x.onnx")
check("what came in as ONNX is not written again", again.returncode != 0 and
      not (WORK / "x.onnx").exists(), again.stderr)

# In, with mistakes: each is refused with what to do.
for name, model, how, word in (
        ("missing", "{kind: onnx, file: nowhere.onnx}", {}, "no file nowhere.onnx"),
        ("outside", "{kind: onnx, file: /etc/hostname}", {}, "beside the recipe"),
        ("above", "{kind: onnx, file: ../m.onnx}", {}, "beside the recipe"),
        ("narrow", f"{{kind: onnx, file: {file.name}}}", {"features": range(4)}, "wants 6 columns"),
        ("unknown-output", f"{{kind: onnx, file: {file.name}, output: odds}}", {}, "probabilities"),
        ("no-feature", f"{{kind: onnx, file: {file.name}}}", {"features": [0, 1, 2, 3, 4, 77]},
         'no code "LAB//f77"'),
        ("no-says", f"{{kind: onnx, file: {file.name}, says: odds}}", {}, "auto, probability or margin")):
    done = train(name, model, **how)
    check(f"{name} is refused", done.returncode == 1 and word in done.stderr, done.stderr)
    check(f"{name} leaves nothing", not (WORK / "models" / name).exists())
zipped = WORK / "zipped.onnx"
zipped.write_bytes(to_onnx(gapped, x[:1], target_opset={"": 17, "ai.onnx.ml": 3}).SerializeToString())
done = train("zipped", f"{{kind: onnx, file: zipped.onnx}}")
check("a sequence of maps is refused with what to do", "zipmap" in done.stderr, done.stderr)
outside = onnx.load(WORK / "logistic.onnx")
weights = outside.graph.initializer.add(name="w", data_type=onnx.TensorProto.UINT8, dims=[1],
                                        data_location=onnx.TensorProto.EXTERNAL)
weights.external_data.add(key="location", value="/etc/hostname")
(WORK / "outside.onnx").write_bytes(outside.SerializeToString())
done = train("outside", "{kind: onnx, file: outside.onnx, fill: 0}")
check("a model that names other files is refused", "one file" in done.stderr, done.stderr)
odds = onnx.helper.make_model(onnx.helper.make_graph(
    [onnx.helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1)], "odds",
    [onnx.helper.make_tensor_value_info("x", 1, ["n", FEATURES])],
    [onnx.helper.make_tensor_value_info("y", 1, ["n", 1])],
    [onnx.helper.make_tensor("axes", 7, [1], [1])]),
    opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
(WORK / "odds.onnx").write_bytes(odds.SerializeToString())
done = train("odds", "{kind: onnx, file: odds.onnx, fill: 0}")
check("log-odds are not taken for chances", "says: margin" in done.stderr, done.stderr)
done = train("odds", "{kind: onnx, file: odds.onnx, fill: 0, says: margin}")
check("but for what they are where that is said", done.returncode == 0, done.stderr)
(WORK / "text.onnx").write_text("this is no model")
done = train("text", f"{{kind: onnx, file: text.onnx}}")
check("a file that is no model is refused", done.returncode == 1 and "ONNX" in done.stderr)

# Out: every kind that can be written, read by the packages themselves.
for name, model in (("linear", "{kind: linear, products: 2}"), ("trees", "{kind: trees, rounds: 30}"),
                    ("forest", "{kind: forest, trees: 20}"),
                    ("mlp", "{kind: mlp, hidden: [8], epochs: 5}"),
                    ("small", "{kind: mlp, hidden: [16, 8], epochs: 5, weights: int8, prune: 0.3}"),
                    ("half", "{kind: mlp, hidden: [16, 8], epochs: 5, weights: bf16}")):
    done = train(name, model)
    if done.returncode:
        sys.exit(done.stderr)
    written = need("onnx", WORK / "models" / name, "--out", WORK / f"{name}-out.onnx", "--json")
    check(f"{name} was compared on rows", written["compared"] > 50 and written["difference"] < 1e-5)
    graph = onnx.load(WORK / f"{name}-out.onnx")
    onnx.checker.check_model(graph, full_check=True)
    notes = {entry.key: entry.value for entry in graph.metadata_props}
    columns = json.loads(notes["columns"])
    check(f"{name} names its columns", [c["name"] for c in columns] ==
          [f"LAB//f{k} | last | all" for k in range(FEATURES)], columns)
    session = onnxruntime.InferenceSession(WORK / f"{name}-out.onnx")
    told = session.run(["value"], {"features": x[asked]})[0][:, 0]
    difference = np.abs(told - answers(name, asked)).max()
    check(f"{name} answers outside what it answers here", difference < 1e-5, difference)

# Out and in again: the same model, the same answers.
done = train("returned", f"{{kind: onnx, file: trees-out.onnx, output: margin, "
             "says: margin}", more="recalibrate: none\n")
check("what went out comes in again", done.returncode == 0, done.stderr)
print(f"onnx: {passed} passed, {failed} failed")
sys.exit(failed > 0)

"""What the example does not show: views instead of copies, errors, agreement with the program."""
import inspect
import pathlib

import numpy as np
import polars
import pyarrow as pa

import cangong

done = 0


def check(name, holds):
    global done
    if not holds:
        raise SystemExit(f"FAILED: {name}")
    done += 1


store = cangong.Store("hospital")
labels = cangong.Labels("labels")
model = cangong.Model("models/heart")

check("the store knows its patients", len(store) == 6000 and store.synthetic)
check("labels are rows", len(labels) == len(labels.patients) == len(labels.values) > 500)
check("labels are survival", labels.kind == "survival" and set(labels.causes) <= {0, 1, 2})
for array in (labels.patients, labels.values, labels.causes, labels.times):
    check("an array is a view", not array.flags.owndata)
check("two views share memory", np.shares_memory(labels.patients, labels.patients))
table = labels.to_arrow()
address = table["subject_id"].chunk(0).buffers()[1].address
check("pyarrow shares memory", address == labels.patients.__array_interface__["data"][0])
frame = labels.to_polars()
check("polars shares memory", frame["value"]._get_buffer_info()[0]
      == labels.values.__array_interface__["data"][0])
patients = labels.patients
first = int(patients[0])
del labels
check("a view keeps its owner alive", int(patients[0]) == first)
labels = cangong.Labels("labels")

x = model.encode(store, labels)
check("features", x.dtype == np.float32 and x.shape == (len(labels), len(model.features)))
answers = model.answers(x)
check("risks", answers.shape == (len(labels), 1) and np.all((answers >= 0) & (answers <= 1)))
parts = model.explain(x[:5])
check("parts", parts.shape == (5, x.shape[1] + 1))

given = 0
for row in range(10):
    told = model.predict(store, int(labels.patients[row]), str(labels.times[row]), method="shap")
    if told["answer"] == "abstention":
        check("a refusal says why", told["reason"])
        continue
    given += 1
    check("one answer is that of the array", abs(told["value"] - answers[row, 0]) < 1e-12)
    check("reasons", told["reasons"])
check("most are answered", given >= 5)

events = store.events()
check("pyarrow reads the events", events.count_rows() == store.to_polars().select(
    polars.len()).collect().item())
check("codes", "MEDS_BIRTH" in store.codes)

for wrong in (lambda: cangong.Store("nowhere"), lambda: model.answers(x[:, :2].copy()),
              lambda: cangong.Task("nowhere.yaml").label(store, "labels2")):
    try:
        wrong()
    except cangong.Error as error:
        check("an error says what is wrong", len(str(error)) > 10)
    else:
        raise SystemExit("FAILED: no error")

package = pathlib.Path(inspect.getfile(cangong)).parent
check("stubs are installed", (package / "_cangong.pyi").exists() and (package / "py.typed").exists())
stub = (package / "_cangong.pyi").read_text()
for name in ("Store", "Labels", "Model"):
    for member in vars(getattr(cangong._cangong, name)):
        if not member.startswith("__"):
            check(f"{name}.{member} has a stub", f"def {member}(" in stub)
print(f"python: {done} checks passed")

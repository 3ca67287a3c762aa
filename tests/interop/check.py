"""check.py WORK DEMO: validates the stores and labels below WORK; compares the MIMIC-IV demo with its
source row by row."""
import json
import pathlib
import sys

import meds
import polars as pl
import pyarrow.parquet as pq

work, demo = map(pathlib.Path, sys.argv[1:])
checks = 0


def check(holds, what):
    global checks
    checks += 1
    if not holds:
        sys.exit(f"FAILED: {what}")


for store in sorted(work.iterdir()):
    if not (store / "current").exists():
        continue
    root = store / "current"
    for file in sorted((root / "data").rglob("*.parquet")):
        meds.DataSchema.validate(pq.read_table(file))
        checks += 1
    meds.CodeMetadataSchema.validate(pq.read_table(root / "metadata" / "codes.parquet"))
    splits = root / "metadata" / "subject_splits.parquet"
    if splits.exists():
        meds.SubjectSplitSchema.validate(pq.read_table(splits))
    meds.DatasetMetadataSchema.from_dict(json.loads((root / "metadata/dataset.json").read_text()))
    events = pl.read_parquet(root / "data" / "*.parquet")
    for subject, rows in events.group_by("subject_id"):
        times = rows["time"]
        if times.null_count() and times.head(times.null_count()).null_count() != times.null_count():
            sys.exit("FAILED: static rows come first")
        check(times.drop_nulls().is_sorted(), "rows are sorted by time")
    codes = set(pl.read_parquet(root / "metadata" / "codes.parquet")["code"])
    check(set(events["code"]) <= codes, "codes.parquet names every code")
for labels in sorted(work.glob("*-labels")):
    for file in sorted(labels.rglob("*.parquet")):
        meds.LabelSchema.validate(pq.read_table(file))
        checks += 1

if (work / "mimic").exists():
    key = ["subject_id", "time", "code", "numeric_value"]
    source = pl.concat([pl.read_parquet(f) for f in sorted((demo / "data").rglob("*.parquet"))])
    ours = pl.read_parquet(work / "mimic" / "current" / "data" / "*.parquet")
    check(len(source) == len(ours) == 916_166, "no row is lost")
    check(source.select(key).sort(key).equals(ours.select(key).sort(key)), "rows are equal")
print(f"interop: {checks} passed")

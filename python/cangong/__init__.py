"""Cangong from Python: the same stores, tasks, recipes and bundles as on the command line.

    import cangong
    store = cangong.Store("hospital")
    labels = cangong.Task("task.yaml").label(store, "labels")
    model = cangong.Recipe("recipe.yaml").train(store, labels, "models/heart")
    print(model.evaluate(store, labels).metrics["auroc"])

Arrays are views of the engine's own memory; nothing is copied on the way to numpy, pyarrow or
polars.
"""
from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from . import _cangong
from ._cangong import Error, __version__

__all__ = ["Error", "Labels", "Model", "Recipe", "Report", "Store", "Task", "__version__"]

Path = str | os.PathLike[str]


class Store(_cangong.Store):
    """A folder that `cangong import` or `synthesize` wrote."""

    def events(self) -> Any:
        """All events as a pyarrow.dataset.Dataset (MEDS columns), read when asked for."""
        import pyarrow.dataset

        return pyarrow.dataset.dataset(self.files, format="parquet")

    def to_polars(self) -> Any:
        """All events as a polars.LazyFrame."""
        import polars

        return polars.scan_parquet(self.files)


class Labels(_cangong.Labels):
    """Answers to a task: one row per patient and moment."""

    @property
    def times(self) -> np.ndarray:
        """Moments (UTC) as datetime64[us]; a view."""
        return self.microseconds.view("datetime64[us]")

    def to_arrow(self) -> Any:
        """A pyarrow.Table over the same memory."""
        import pyarrow as pa

        def column(array: np.ndarray, kind: Any) -> Any:
            return pa.Array.from_buffers(kind, len(array), [None, pa.py_buffer(array)])

        table = {
            "subject_id": column(self.patients, pa.int64()),
            "prediction_time": column(self.microseconds, pa.timestamp("us")),
            "value": column(self.values, pa.float64()),
        }
        if self.kind == "survival":
            table["cause"] = column(self.causes, pa.int64())
        return pa.table(table)

    def to_polars(self) -> Any:
        """A polars.DataFrame over the same memory."""
        import polars

        return polars.from_arrow(self.to_arrow(), rechunk=False)


class Task:
    """A task file (docs/tasks.md)."""

    def __init__(self, path: Path) -> None:
        self.path = os.fspath(path)

    def label(self, store: _cangong.Store, into: Path) -> Labels:
        """Labels the store's patients; the MEDS label folder goes below `into`."""
        task = _cangong.label(self.path, store.path, into).task
        return Labels(into, task)


class Report:
    """What an evaluation found; `data` is all of report.json."""

    def __init__(self, text: str, folder: Path | None) -> None:
        self.data: dict[str, Any] = json.loads(text)
        self.folder = None if folder is None else os.fspath(folder)

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """By name: value, low and high (95 %)."""
        return self.data["metrics"]

    @property
    def html(self) -> str | None:
        """The page, where a folder was given."""
        return None if self.folder is None else os.path.join(self.folder, "index.html")


class Model(_cangong.Model):
    """A bundle that was trained here or on the command line."""

    def predict(self, store: _cangong.Store, subject: str | int, as_of: str,
                method: str = "") -> dict[str, Any]:
        """One answer, or why there is none; audited like any other. `method`: how to explain it."""
        return json.loads(self._predict(store, str(subject), as_of, method))

    def evaluate(self, store: _cangong.Store, labels: _cangong.Labels, split: str = "held_out",
                 report: Path | None = None, replicates: int = 1000) -> Report:
        """Judges the model; the report's pages go into the folder `report`."""
        folder = "" if report is None else os.fspath(report)
        return Report(self._evaluate(store, labels, split, folder, replicates), report)


class Recipe:
    """A recipe file (docs/recipes.md)."""

    def __init__(self, path: Path) -> None:
        self.path = os.fspath(path)

    def train(self, store: _cangong.Store, labels: _cangong.Labels, into: Path) -> Model:
        """Trains a bundle and opens it."""
        _cangong.train(self.path, store, labels, into)
        return Model(into)

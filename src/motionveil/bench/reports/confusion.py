"""Confusion matrices: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..results import Row
from .charts import MatrixChart, MatrixPanel
from .names import PROTOCOL_TITLES, dataset_name, network_name, obfuscator_name, role
from .study import ACTION, Judge, Study

_MOST = 6
"""Panels of a figure."""


def confusion_charts(study: Study) -> list[MatrixChart]:
    """One figure for every task of every data set that has matrices, of the last protocol that has any.

    Each panel is the judge that reaches most: of attributes the strongest attacker.
    """
    tasks = dict.fromkeys((row.dataset, row.task) for row in study.rows)
    found = (_chart(study, dataset, task) for dataset, task in tasks)
    return [chart for chart in found if chart is not None]


def _chart(study: Study, dataset: str, task: str) -> MatrixChart | None:
    classes = _classes([row for row in study.rows if (row.dataset, row.task) == (dataset, task)])
    for protocol in (*reversed(study.compared), *study.protocols):
        panels = []
        for name in _chosen(study.obfuscators):
            best = _best(study, dataset, task, name, protocol)
            if best is not None:
                judge, rows = best
                shares = matrix_of(rows, len(classes))
                if shares is not None:
                    title = f"{obfuscator_name(name)}\n{network_name(judge.network)}, {judge.level}"
                    panels.append(MatrixPanel(title, classes, tuple(tuple(map(float, row)) for row in shares)))
        if any(not panel.title.startswith("Original") for panel in panels):
            what = "actions" if task == ACTION else task.replace("_", " ")
            return MatrixChart(
                f"confusion_{dataset}_{task}",
                f"{dataset_name(dataset)}, {what}: which are taken for which, {PROTOCOL_TITLES[protocol]}.",
                "Rows are true classes, columns what was said, as shares of the row; of each obfuscator the network "
                "that reaches most.",
                tuple(panels[:_MOST]),
            )
    return None


def _chosen(names: Sequence[str]) -> list[str]:
    """The original, our presets, the references, then as many others as there is room for."""
    first = [n for n in names if role(n) in ("original", "reference") or (role(n) == "ours" and "_" not in n)]
    others = [n for n in names if n not in first]
    kept = {*first, *others[: max(0, _MOST - len(first))]}
    return [name for name in names if name in kept]


def _best(study: Study, dataset: str, task: str, name: str, protocol: str) -> tuple[Judge, list[Row]] | None:
    cell = study.cell(dataset, task, name, protocol)
    figures = study.estimates(dataset, task, name, protocol)
    known = [judge for judge, rows in cell.items() if all(_has_matrix(row) for row in rows)]
    if not known:
        return None
    best = max(known, key=lambda judge: figures[judge].value)
    return best, cell[best]


def _has_matrix(row: Row) -> bool:
    return bool(row.detail.get("confusion"))


def _classes(rows: Sequence[Row]) -> tuple[str, ...]:
    """The names of the classes of a task, as any of its rows tells them; numbers from 1 where none does."""
    count = max((len(row.detail["confusion"]) for row in rows if _has_matrix(row)), default=0)
    told = (row.detail.get("classes") for row in rows)
    names = next((names for names in told if isinstance(names, list) and len(names) == count), range(1, count + 1))
    return tuple(map(str, names))


def matrix_of(rows: Sequence[Row], count: int) -> npt.NDArray[np.float64] | None:
    """The sum of the matrices of rows (over folds and seeds), each line divided by its sum; None where one is no
    (count, count) of counts.
    """
    total = np.zeros((count, count))
    for row in rows:
        try:
            counts = np.asarray(row.detail["confusion"], np.float64)
        except (TypeError, ValueError):
            return None
        if counts.shape != total.shape or not (counts >= 0).all():
            return None
        total += counts
    return total / np.maximum(total.sum(axis=1, keepdims=True), 1)

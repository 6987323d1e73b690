"""Confusion matrices: which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..results import Row
from .charts import MatrixChart, MatrixPanel
from .names import FLOOR, ORIGINAL, PROTOCOL_TITLES, SILHOUETTE, dataset_name, network_name, obfuscator_name, role
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
    for protocol in reversed(study.protocols):
        panels = []
        for name in _chosen(study.obfuscators):
            best = _best(study, dataset, task, name, protocol)
            if best is not None:
                judge, rows = best
                shares = matrix_of(rows)
                if shares is not None:
                    title = f"{obfuscator_name(name)}\n{network_name(judge.network)}, {judge.level}"
                    panels.append(MatrixPanel(title, _classes(rows), tuple(tuple(map(float, row)) for row in shares)))
        panels = [panel for panel in panels if panel.classes == panels[0].classes]
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
    first = [n for n in names if n == ORIGINAL or n in (FLOOR, SILHOUETTE) or (role(n) == "ours" and "_" not in n)]
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
    """Their names; numbers from 1 where rows do not tell them."""
    told, count = rows[0].detail.get("classes"), len(rows[0].detail["confusion"])
    names = told if isinstance(told, list) and len(told) == count else list(range(1, count + 1))
    return tuple(map(str, names))


def matrix_of(rows: Sequence[Row]) -> npt.NDArray[np.float64] | None:
    """The sum of the matrices of rows (over folds and seeds), each line divided by its sum; None where they differ in
    their classes or are no squares of counts.
    """
    classes = _classes(rows)
    total = np.zeros((len(classes), len(classes)))
    for row in rows:
        try:
            counts = np.asarray(row.detail["confusion"], np.float64)
        except (TypeError, ValueError):
            return None
        if counts.shape != total.shape or _classes([row]) != classes or not (counts >= 0).all():
            return None
        total += counts
    return total / np.maximum(total.sum(axis=1, keepdims=True), 1)

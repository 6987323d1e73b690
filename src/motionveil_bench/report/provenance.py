"""The provenance of the figures in a report."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from ..results import Row
from .pooling import num_clips
from .study import METRICS, Study
from .tables import Cell, Group, Section, Table

_HEADS = (
    "dataset", "task", "metric", "obfuscator", "protocol", "network", "level", "value", "low", "high", "prior",
    "clips", "seeds", "folds", "lowest", "highest", "configurations", "commits",
)  # fmt: skip


def provenance_table(study: Study) -> Table:
    """For each task: numbers of rows, networks, obfuscators, seeds, folds and clips; configurations and commits."""
    rows = []
    shown = [row for row in study.rows if row.metric in METRICS]
    for dataset, task in dict.fromkeys((row.dataset, row.task) for row in shown):
        found = [row for row in shown if (row.dataset, row.task) == (dataset, task)]
        counts = (
            len(found), len({r.network for r in found}), len({r.obfuscator for r in found}),
            len({r.seed for r in found}), len({r.fold for r in found}), f"{num_clips(found):g}",
        )  # fmt: skip
        rows.append((
            Cell(dataset), Cell(task), Cell(study.metric(dataset, task)), *(Cell(str(count)) for count in counts),
            *(Cell(", ".join(_some(_all(found, field)))) for field in ("configuration_hash", "commit")),
        ))  # fmt: skip
    return Table(
        "provenance",
        "Where the figures come from.",
        "Counts of what is behind them. Test clips: of folds that share none; where "
        "folds overlap there may be more. Rows with the same hash were made "
        "with the same settings.",
        ("Data", "task", "metric"),
        (
            Group("number of", ("rows", "networks", "obfuscators", "seeds", "folds", "test clips")),
            Group("", ("configurations", "commits")),
        ),
        (Section(tuple(rows)),),
    )


def pooled_csv(study: Study) -> str:
    """CSV with one pooled figure per line, as fractions in [0, 1]."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_HEADS)
    shown = [row for row in study.rows if row.metric in METRICS]
    keys = dict.fromkeys((row.dataset, row.task, row.obfuscator, row.protocol) for row in shown)
    for dataset, task, obfuscator, protocol in keys:
        cell = study.cell(dataset, task, obfuscator, protocol)
        for recogniser, estimate in study.estimates(dataset, task, obfuscator, protocol).items():
            rows = cell[recogniser]
            low, high = estimate.interval or ("", "")
            extremes = estimate.extremes or (estimate.value, estimate.value)
            writer.writerow([
                dataset, task, study.metric(dataset, task), obfuscator, protocol, *recogniser,
                *(_rounded(value) for value in (estimate.value, low, high, estimate.prior)), f"{estimate.num_clips:g}",
                *(len(set(values)) for values in ([r.seed for r in rows], [r.fold for r in rows])),
                *(_rounded(value) for value in extremes),
                " ".join(_all(rows, "configuration_hash")), " ".join(_all(rows, "commit")),
            ])  # fmt: skip
    return file.getvalue()


def _rounded(value: float | str | None) -> str:
    return f"{value:.6f}" if isinstance(value, float) else str(value if value is not None else "")


def _all(rows: Sequence[Row], field: str) -> list[str]:
    return sorted({getattr(row, field) for row in rows} - {""})


def _some(names: list[str]) -> list[str]:
    """The first four, and the number of others."""
    return names[:4] + ([f"and {len(names) - 4} more"] if len(names) > 4 else [])

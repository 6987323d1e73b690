"""What papers have published, in tables of their own."""

from __future__ import annotations

from .names import dataset_name
from .published import Published
from .tables import Cell, Group, Section, Table, plain

_SOURCES = {
    "cvpr2024": "Table 2 of the CVPR 2024 paper. Methods that train (BDQ, ALF, ELR) were judged by the networks "
    "trained with them, all others by networks trained on original video.",
    "tpami2020": "Trade-offs of Wu et al., TPAMI 2020: action accuracy, and accuracy (SBU) or class-wise mean average "
    "precision (the others) of the attributes, by new attackers.",
}


def published_tables(published: Published) -> list[Table]:
    """One table for every source; none where nothing is to be shown."""
    return [_table(source, published) for source in published.titles]


def _table(source: str, published: Published) -> Table:
    items = [item for item in published.tradeoffs if item.source == source]
    datasets = list(dict.fromkeys(item.dataset for item in items))
    columns = ("action ↑", "privacy ↓") + (("f₀.₅ ↑",) if any(item.f is not None for item in items) else ())
    rows = []
    for name in dict.fromkeys(item.name for item in items):
        row = [Cell(name)]
        for dataset in datasets:
            found = next((item for item in items if (item.name, item.dataset) == (name, dataset)), None)
            if found is None:
                row += [Cell()] * len(columns)
                continue
            row += [plain(found.action, "{:.2f}"), plain(found.privacy, "{:.2f}")]
            if len(columns) == 3:
                row.append(plain(found.f, "{:.2f}", 1))
        rows.append(tuple(row))
    return Table(
        f"published_{source}",
        "Published, not measured by us.",
        f"{_SOURCES.get(source, '')} {published.titles[source]}.".strip(),
        ("Method",),
        tuple(Group(dataset_name(dataset), columns) for dataset in datasets),
        (Section(tuple(rows)),),
    )

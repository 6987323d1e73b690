"""Attributes that hold several at once, one by one: a mean over them hides those that were not protected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..results import Row
from .names import PROTOCOLS_SHORT, network_name, obfuscator_name
from .study import Attribute, Study
from .tables import Cell, Group, Section, Table

MOST = 24
"""Attributes that a table shows."""


def class_tables(study: Study) -> list[Table]:
    """One for each attribute that is judged by average precisions ('cmap') and whose rows tell those of its classes."""
    found = [_table(study, attribute) for attribute in study.compared_attributes if attribute.task]
    return [table for table in found if table is not None]


def _table(study: Study, attribute: Attribute) -> Table | None:
    if study.metric(attribute.dataset, attribute.task) != "cmap":
        return None
    lines: list[tuple[str, str, str, dict[str, dict[str, float]]]] = []
    for protocol in study.compared:
        for name in study.obfuscators:
            best = study.strongest(attribute, name, protocol)
            if best is not None:
                rows = study.cell(attribute.dataset, attribute.task, name, protocol)[best[0]]
                lines.append(
                    (protocol, name, f"{network_name(best[0].network)}, {best[0].level}", values_of_classes(rows))
                )
    names = list(dict.fromkeys(name for *_, classes in lines for name in classes))[:MOST]
    if not names:
        return None
    sections = []
    for protocol in study.compared:
        chosen = [line for line in lines if line[0] == protocol]
        drawn = [
            (Cell(obfuscator_name(o)), Cell(judge), *_cells(classes, names, "value")) for _, o, judge, classes in chosen
        ]
        if drawn:
            drawn.append((Cell("Prior"), Cell(""), *_cells(chosen[0][3], names, "prior")))
        sections.append(Section(tuple(drawn), PROTOCOLS_SHORT[protocol]))
    return Table(
        f"classes_{attribute.slug}",
        f"{attribute.title}: each attribute by itself.",
        "Average precision of the strongest attacker (the highest mean), in per cent, and of the prior, which is "
        "the share of clips that have the attribute. What lies clearly above its prior is not protected, whatever "
        "the mean is.",
        ("Obfuscator", "by"),
        (Group("", tuple(name.replace("_", " ") for name in names)),),
        tuple(section for section in sections if section.rows),
    )


def values_of_classes(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Value and prior of each class, averaged over rows with their clips as weights."""
    sums: dict[str, list[tuple[float, float, int]]] = {}
    for row in rows:
        told: Any = row.detail.get("classes")
        if isinstance(told, Mapping):
            for name, item in told.items():
                sums.setdefault(name, []).append((item["value"], item["prior"], row.num_clips))
    return {
        name: {
            "value": sum(value * count for value, _, count in items) / sum(count for *_, count in items),
            "prior": sum(prior * count for _, prior, count in items) / sum(count for *_, count in items),
        }
        for name, items in sums.items()
    }


def _cells(classes: Mapping[str, Mapping[str, float]], names: Sequence[str], key: str) -> list[Cell]:
    return [Cell(f"{100 * classes[name][key]:.1f}") if name in classes else Cell() for name in names]

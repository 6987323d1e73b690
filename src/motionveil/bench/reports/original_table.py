"""Table 1 of the CVPR 2024 paper: what every network reaches on unmodified video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..obfuscations import ORIGINAL
from .names import dataset_name, network_name, network_order
from .pooling import Estimate, average
from .published import Published
from .study import ACTION, Attribute, Judge, Study
from .tables import Cell, Group, Section, Table, percent, plain, ranked


def original_table(study: Study, published: Published) -> Table | None:
    """Top-1 of all networks, actions above attributes; None where there are no rows of `original`."""
    attributes = study.attributes
    actions = [Attribute(d, ACTION, dataset_name(d)) for d in study.datasets]
    upper = _section("Actions", "action", actions, [a.title for a in attributes], study, published)
    lower = _section("Attributes that should be hidden", "privacy", attributes, [], study, published)
    if not (upper.rows or lower.rows):
        return None
    groups = []
    for attribute in attributes:
        printed = _is_published(attribute.dataset, published)
        groups.append(Group(attribute.title, ("ours", "published") if printed else ("ours",)))
    return Table(
        "table_1",
        "Unmodified video.",
        "Accuracy on the original video, in per cent, with 95 % intervals; best bold, second underlined. "
        "f × r: frames, and how far they lie apart; spread: over the whole clip. "
        "Level: whether a network sees one frame at a time or a clip.",
        ("Network", "level", "f × r"),
        tuple(groups),
        tuple(section for section in (upper, lower) if section.rows),
    )


def _is_published(dataset: str, published: Published) -> bool:
    return published.accuracy("action", "average", dataset) is not None


def _section(
    title: str, kind: str, tasks: Sequence[Attribute], columns: Sequence[str], study: Study, published: Published
) -> Section:
    """Rows of the networks that judge these tasks. columns: titles of all columns where they are more than the tasks.

    An action task stands in the column of every attribute of its data set.
    """
    shown = tasks
    if columns:
        shown = [next(t for t in tasks if t.dataset == a.dataset) for a in study.attributes]
    found = [study.estimates(task.dataset, task.task, ORIGINAL, study.protocols[0]) for task in shown]
    judges = sorted({judge for column in found for judge in column}, key=lambda j: (*network_order(j.network), j.level))
    blocks: list[list[Cell]] = []
    for task, column in zip(shown, found, strict=True):
        blocks.append(_column(column, judges))
        if _is_published(task.dataset, published):
            names = [*(judge.network for judge in judges), "average"]
            blocks.append([plain(published.accuracy(kind, name, task.dataset), "{:.2f}") for name in names])
    heads = [[Cell(network_name(j.network)), Cell(j.level), Cell(_sampling(study, j))] for j in judges]
    heads.append([Cell("Average"), Cell(""), Cell("")])
    rows = [(*head, *(block[index] for block in blocks)) for index, head in enumerate(heads)]
    return Section(tuple(rows) if judges else (), title)


def _column(found: Mapping[Judge, Estimate], judges: Sequence[Judge]) -> list[Cell]:
    values = [found.get(judge) for judge in judges]
    cells = ranked([percent(value) for value in values], values)
    return [*cells, percent(average(list(found.values())))]


def _sampling(study: Study, judge: Judge) -> str:
    """f × r as the rows tell it, or else the table of networks; a dash where neither knows the network."""
    settings = next((row.configuration for row in study.rows if row.network == judge.network), {})
    told, sampling = settings.get("frames"), settings.get("sampling")
    if isinstance(told, list | tuple) and len(told) > 1:
        spread = isinstance(sampling, Mapping) and sampling.get("spread") and told[0] > 1
        return f"{told[0]} spread" if spread else f"{told[0]}×{told[1]}"
    from ..networks import NETWORKS

    network = NETWORKS.get(judge.network)
    return "–" if network is None else f"{network.num_frames}×{network.frame_stride}"

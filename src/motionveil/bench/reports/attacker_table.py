"""Our own table: what the strongest attacker learns, frozen and retrained, above what is left without the people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..obfuscations import ORIGINAL
from .names import FLOORS, PROTOCOLS_SHORT, SECTIONS, network_name, obfuscator_name, role
from .pooling import average, difference
from .study import Attribute, Study
from .tables import Cell, Group, Section, Table, percent, plain, points


def attacker_table(study: Study, attribute: Attribute) -> Table:
    """One attribute of one data set, frozen and retrained side by side; set against those floors that it has."""
    protocols = study.compared
    floors = [name for name in FLOORS if any(study.strongest(attribute, name, p) for p in protocols)]
    short = tuple(PROTOCOLS_SHORT[protocol] for protocol in protocols)
    sections = []
    for kind, title in SECTIONS:
        rows = []
        for name in study.obfuscators:
            if role(name) == kind:
                row = _row(study, attribute, name, floors)
                if any(cell.text != "–" for cell in row[1:]):
                    rows.append(row)
        sections.append(Section(tuple(rows), title))
    prior = study.prior(attribute)
    groups = [
        Group("action accuracy ↑", short),
        Group("action, change from the original", short),
    ]
    if attribute.task:
        groups += [
            Group("strongest attacker ↓", short),
            *(Group(f"strongest, above {FLOORS[floor]}", short) for floor in floors),
            Group("mean of attackers ↓", short),
            Group("", ("prior",)),
        ]
    told = "" if prior is None else f" Who knows only how often each class occurs reaches {100 * prior:.1f} %."
    return Table(
        f"attackers_{attribute.slug}",
        f"{attribute.title}: the strongest attackers.",
        "In per cent, differences in percentage points, with 95 % intervals. The strongest attacker is the one with "
        "the highest accuracy over all networks and levels; as it is chosen after the fact, it looks slightly "
        "stronger than it is. Frozen attackers have only seen original video; retrained ones have seen what the "
        "obfuscator makes, as whoever owns the tool can. Person removed: people cut out of each frame with a wide "
        "margin, which leaves the place, and outlines that move. Scene alone: all that anybody ever covers cut out of "
        "all frames, which leaves the place. Silhouette: outline and motion without the place." + told,
        ("Obfuscator",),
        tuple(groups),
        tuple(section for section in sections if section.rows),
    )  # fmt: skip


def _row(study: Study, attribute: Attribute, name: str, floors: Sequence[str]) -> tuple[Cell, ...]:
    protocols, dataset = study.compared, attribute.dataset
    actions = {p: study.action(dataset, name, p) for p in protocols}
    row = [Cell(obfuscator_name(name))]
    row += [percent(actions[p]) for p in protocols]
    row += [
        Cell() if name == ORIGINAL else points(difference(actions[p], study.action(dataset, ORIGINAL, p)))
        for p in protocols
    ]
    if not attribute.task:
        return tuple(row)
    estimates = {p: study.estimates(dataset, attribute.task, name, p) for p in protocols}
    for protocol in protocols:
        strongest = study.strongest(attribute, name, protocol)
        cell = percent(strongest and strongest[1])
        if strongest is not None:
            by = f"{network_name(strongest[0].network)}, {strongest[0].level}"
            cell = replace(cell, detail="\n".join(filter(None, (cell.detail, by))))
        row.append(cell)
    for floor in floors:
        row += [Cell() if name == floor else points(study.gain(attribute, name, p, floor)) for p in protocols]
    row += [percent(average(list(estimates[p].values()))) for p in protocols]
    priors = [e.prior for found in estimates.values() for e in found.values() if e.prior is not None]
    row.append(plain(sum(priors) / len(priors) if priors else None))
    return tuple(row)

"""Tables that compare obfuscators, networks and attackers under the protocols that all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..copies.obfuscations import ORIGINAL
from ..results import Row
from .names import FLOORS, PROTOCOL_TITLES, PROTOCOLS_SHORT, dataset_name, network_name, obfuscator_name, role
from .pooling import Estimate, average, difference, tradeoff
from .published import Published
from .study import ACTION, Attribute, Recogniser, Study, recogniser_order
from .tables import Cell, Group, Section, Table, by_role, limits, percent, plain, points, ranked, ratio

MIXED = "mixed"
_FLATTERS = (
    " This protocol flatters whoever is not retrained: attackers of learned methods know what these make, those of all "
    "others do not. It is here to be compared with the paper; the table of retrained networks is the fair one."
)
MOST = 24
"""Attributes that a table shows."""


def class_tables(study: Study) -> list[Table]:
    """One for each attribute that is judged by average precisions ('cmap') and whose rows tell those of its classes."""
    found = [_class_table(study, attribute) for attribute in study.compared_attributes if attribute.task]
    return [table for table in found if table is not None]


def _class_table(study: Study, attribute: Attribute) -> Table | None:
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
            (Cell(obfuscator_name(o)), Cell(recogniser), *_class_cells(classes, names, "value"))
            for _, o, recogniser, classes in chosen
        ]
        if drawn:
            drawn.append((Cell("Prior"), Cell(""), *_class_cells(chosen[0][3], names, "prior")))
        sections.append(Section(tuple(drawn), PROTOCOLS_SHORT[protocol]))
    return Table(
        f"classes_{attribute.slug}",
        f"{attribute.title}: each attribute by itself.",
        "Average precision of the strongest attacker (the highest mean), in per cent, and of the prior, which is "
        "the share of clips that have the attribute. What lies clearly above its prior is not protected, whatever "
        "the mean is.",
        ("Obfuscator", "by"),
        (Group("", tuple(name.replace("_", " ") for name in names)),),
        tuple(sections),
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


def _class_cells(classes: Mapping[str, Mapping[str, float]], names: Sequence[str], key: str) -> list[Cell]:
    return [Cell(f"{100 * classes[name][key]:.1f}") if name in classes else Cell() for name in names]


def attacker_table(study: Study, attribute: Attribute) -> Table:
    """One attribute of one data set, frozen and retrained side by side; set against those floors that it has."""
    protocols = study.compared
    floors = [name for name in FLOORS if any(study.strongest(attribute, name, p) for p in protocols)]
    short = tuple(PROTOCOLS_SHORT[protocol] for protocol in protocols)

    def row(name: str) -> list[Cell] | None:
        cells = _attacker_row(study, attribute, name, floors)
        return cells if any(cell.text != "–" for cell in cells) else None

    prior = study.prior(attribute)
    groups = [Group("action accuracy ↑", short), Group("action, change from the original", short)]
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
        by_role(study.obfuscators, row),
    )  # fmt: skip


def _attacker_row(study: Study, attribute: Attribute, name: str, floors: Sequence[str]) -> list[Cell]:
    protocols, dataset = study.compared, attribute.dataset
    actions = {p: study.action(dataset, name, p) for p in protocols}
    row = [percent(actions[p]) for p in protocols]
    row += [
        Cell() if name == ORIGINAL else points(difference(actions[p], study.action(dataset, ORIGINAL, p)))
        for p in protocols
    ]
    if not attribute.task:
        return row
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
    return [*row, plain(sum(priors) / len(priors) if priors else None)]


def comparison_table(study: Study, protocol: str, published: Published) -> Table:
    """One protocol: action, privacy, f_0.5 per attribute, and by how much our presets are above the best other.

    protocol: also 'mixed', see `Tradeoffs`.
    """
    columns = {attribute: Tradeoffs(study, attribute, protocol) for attribute in study.compared_attributes}
    printed = {
        a: {item.obfuscator: item for item in published.of(a.dataset, None if protocol == MIXED else protocol)}
        for a in columns
    }
    groups, blocks = [], list[dict[str, list[Cell]]]()
    for attribute, found in columns.items():
        names: tuple[str, ...] = ("action ↑", "privacy ↓", "f₀.₅ ↑", "Δ")
        cells = found.cells()
        if set(printed[attribute]) & set(cells):
            names += ("published action / privacy / f₀.₅",)
            for name, line in cells.items():
                item = printed[attribute].get(name)
                text = "" if item is None else f"{100 * item.action:.2f} / {100 * item.privacy:.2f} / {item.f:.2f}"
                line.append(Cell(text or "–"))
        groups.append(Group(attribute.title, names))
        blocks.append(cells)

    def row(name: str) -> list[Cell] | None:
        """Those of which nothing is known are left out, but for the original."""
        cells = [cell for block in blocks for cell in block[name]]
        return cells if name == ORIGINAL or any(cell.text not in ("–", "") for cell in cells) else None

    return Table(
        f"table_2_{protocol}",
        f"Obfuscators, {PROTOCOL_TITLES[protocol]}.",
        "Accuracy in per cent, averaged over networks: action over those that see clips, privacy over those that see "
        "single frames, as in the paper. f₀.₅ = (action + 1 − privacy) / 2. Δ: f₀.₅ of ours above the best of the "
        "others. Best bold, second underlined, references and the original aside. Strongest attackers are in tables of "
        "their own: an average hides them." + (_FLATTERS if protocol == MIXED else ""),
        ("Obfuscator",),
        tuple(groups),
        by_role(study.obfuscators, row),
    )


def long_table(study: Study) -> Table:
    """All protocols one below the other, with intervals, priors, and the range of several folds and seeds."""
    sections = []
    for protocol in study.compared:
        rows = []
        for attribute in study.compared_attributes:
            found = Tradeoffs(study, attribute, protocol)
            for name in study.obfuscators:
                action, privacy, f = found.action[name], found.privacy[name], found.f[name]
                if action is None and privacy is None:
                    continue
                cells = [Cell(obfuscator_name(name)), Cell(attribute.title)]
                for figure in (action, privacy):
                    cells += [percent(figure), limits(figure), plain(None if figure is None else figure.prior)]
                counts = (Cell(f"{figure.num_clips:g}") if figure else Cell() for figure in (action, privacy))
                rows.append((*cells, ratio(f), *counts))
        sections.append(Section(tuple(rows), PROTOCOL_TITLES[protocol].capitalize()))
    return Table(
        "table_2_long",
        "Obfuscators, with intervals and priors.",
        "The same averages over networks with 95 % intervals and what somebody reaches who knows only how often each "
        "class occurs (prior). Range: the lowest and the highest of several trainings (folds and seeds), each averaged "
        "over networks. Clips: test clips behind the figures.",
        ("Obfuscator", "data"),
        (
            Group("action ↑", ("accuracy", "range", "prior")), Group("privacy ↓", ("accuracy", "range", "prior")),
            Group("", ("f₀.₅ ↑",)), Group("clips", ("action", "privacy")),
        ),
        tuple(sections),
    )  # fmt: skip


def is_mixed(study: Study) -> bool:
    """Whether there is what the mixed protocol compares: learned methods, retrained, and others, frozen."""
    learned = {row.protocol for row in study.rows if role(row.obfuscator) == "learned"}
    return "retrained" in learned and any(
        row.protocol == "frozen" and role(row.obfuscator) == "ours" for row in study.rows
    )


class Tradeoffs:
    """Action, privacy and f_0.5 of every obfuscator for one attribute under one protocol; None where not known.

    'mixed' is that of Ilic et al.: networks of learned methods were trained on what these make, all others were not.
    """

    def __init__(self, study: Study, attribute: Attribute, protocol: str) -> None:
        mixed = {name: "retrained" if role(name) == "learned" else "frozen" for name in study.obfuscators}
        used = mixed if protocol == MIXED else dict.fromkeys(mixed, protocol)
        self.action = {name: study.action(attribute.dataset, name, used[name]) for name in used}
        self.privacy = {n: study.privacy(attribute, n, used[n]) if attribute.task else None for n in used}
        self.f = {name: tradeoff(self.action[name], self.privacy[name]) for name in used}

    def delta(self, name: str) -> Estimate | None:
        """f_0.5 of one of ours above the best baseline or learned method; None for all others."""
        others = [f for other, f in self.f.items() if role(other) in ("baseline", "learned") and f is not None]
        if role(name) != "ours" or not others:
            return None
        return difference(self.f[name], max(others, key=lambda estimate: estimate.value))

    def cells(self) -> dict[str, list[Cell]]:
        """The four cells of every obfuscator."""
        names = list(self.f)
        among = [role(name) in ("baseline", "learned", "ours") for name in names]

        def column(values: Sequence[Estimate | None], cells: Sequence[Cell], lowest: bool = False) -> list[Cell]:
            return ranked(cells, values, lowest=lowest, among=among)

        action, privacy, f = (list(values.values()) for values in (self.action, self.privacy, self.f))
        drawn = (
            column(action, [percent(value, interval=False) for value in action]),
            column(privacy, [percent(value, interval=False) for value in privacy], True),
            column(f, [ratio(value, interval=False) for value in f]),
            [ratio(d, interval=False, sign=True) if (d := self.delta(name)) else Cell("") for name in names],
        )
        return {name: [cells[index] for cells in drawn] for index, name in enumerate(names)}


def original_table(study: Study, published: Published) -> Table | None:
    """Top-1 of all networks, actions above attributes; None where there are no rows of `original`."""
    attributes = study.attributes
    actions = [Attribute(d, ACTION, dataset_name(d)) for d in study.datasets]
    upper = _original_section("Actions", "action", actions, [a.title for a in attributes], study, published)
    lower = _original_section("Attributes that should be hidden", "privacy", attributes, [], study, published)
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
        (upper, lower),
    )


def _is_published(dataset: str, published: Published) -> bool:
    return published.accuracy("action", "average", dataset) is not None


def _original_section(
    title: str, kind: str, tasks: Sequence[Attribute], columns: Sequence[str], study: Study, published: Published
) -> Section:
    """Rows of the networks that judge these tasks. columns: titles of all columns where they are more than the tasks.

    An action task stands in the column of every attribute of its data set.
    """
    shown = tasks
    if columns:
        shown = [next(t for t in tasks if t.dataset == a.dataset) for a in study.attributes]
    found = [study.estimates(task.dataset, task.task, ORIGINAL, study.protocols[0]) for task in shown]
    recognisers = sorted({recogniser for column in found for recogniser in column}, key=recogniser_order)
    blocks: list[list[Cell]] = []
    for task, column in zip(shown, found, strict=True):
        blocks.append(_column(column, recognisers))
        if _is_published(task.dataset, published):
            names = [*(recogniser.network for recogniser in recognisers), "average"]
            blocks.append([plain(published.accuracy(kind, name, task.dataset), "{:.2f}") for name in names])
    heads = [[Cell(network_name(j.network)), Cell(j.level), Cell(_sampling(study, j))] for j in recognisers]
    heads.append([Cell("Average"), Cell(""), Cell("")])
    rows = [(*head, *(block[index] for block in blocks)) for index, head in enumerate(heads)]
    return Section(tuple(rows) if recognisers else (), title)


def _column(found: Mapping[Recogniser, Estimate], recognisers: Sequence[Recogniser]) -> list[Cell]:
    values = [found.get(recogniser) for recogniser in recognisers]
    cells = ranked([percent(value) for value in values], values)
    return [*cells, percent(average(list(found.values())))]


def _sampling(study: Study, recogniser: Recogniser) -> str:
    """f × r as the rows tell it, or else the table of networks; a dash where neither knows the network."""
    settings = next((row.configuration for row in study.rows if row.network == recogniser.network), {})
    told, sampling = settings.get("frames"), settings.get("sampling")
    if isinstance(told, list | tuple) and len(told) > 1:
        spread = isinstance(sampling, Mapping) and sampling.get("spread") and told[0] > 1
        return f"{told[0]} spread" if spread else f"{told[0]}×{told[1]}"
    from ..models import NETWORKS

    network = NETWORKS.get(recogniser.network)
    return "–" if network is None else f"{network.num_frames}×{network.frame_stride}"

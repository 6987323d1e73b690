"""Table 2 of the CVPR 2024 paper: action against privacy, per obfuscator, averaged over networks."""

from __future__ import annotations

from collections.abc import Sequence

from ..obfuscations import ORIGINAL
from .names import PROTOCOL_TITLES, SECTIONS, obfuscator_name, role
from .pooling import Estimate, difference, tradeoff
from .published import Published
from .study import Attribute, Study
from .tables import Cell, Group, Section, Table, limits, percent, plain, ranked, ratio


def comparison_table(study: Study, protocol: str, published: Published) -> Table:
    """One protocol: action, privacy, f_0.5 per attribute, and by how much our presets are above the best other."""
    columns = {attribute: Tradeoffs(study, attribute, protocol) for attribute in study.compared_attributes}
    printed = {a: {item.obfuscator: item for item in published.of(a.dataset, protocol)} for a in columns}
    groups, blocks = [], list[dict[str, list[Cell]]]()
    for attribute, found in columns.items():
        names: tuple[str, ...] = ("action ↑", "privacy ↓", "f₀.₅ ↑", "Δ")
        cells = found.cells()
        if set(printed[attribute]) & set(cells):
            names += ("published action / privacy / f₀.₅",)
            for name, row in cells.items():
                item = printed[attribute].get(name)
                text = "" if item is None else f"{100 * item.action:.2f} / {100 * item.privacy:.2f} / {item.f:.2f}"
                row.append(Cell(text or "–"))
        groups.append(Group(attribute.title, names))
        blocks.append(cells)
    return Table(
        f"table_2_{protocol}",
        f"Obfuscators, {PROTOCOL_TITLES[protocol]}.",
        "Accuracy in per cent, averaged over networks: action over those that see clips, privacy over those that see "
        "single frames, as in the paper. f₀.₅ = (action + 1 − privacy) / 2. Δ: f₀.₅ of ours above the best of the "
        "others. Best bold, second underlined, references and the original aside. Strongest attackers are in tables of "
        "their own: an average hides them.",
        ("Obfuscator",),
        tuple(groups),
        _sections(study.obfuscators, blocks),
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
        tuple(section for section in sections if section.rows),
    )  # fmt: skip


class Tradeoffs:
    """Action, privacy and f_0.5 of every obfuscator for one attribute under one protocol; None where not known."""

    def __init__(self, study: Study, attribute: Attribute, protocol: str) -> None:
        names = study.obfuscators
        self.action = {name: study.action(attribute.dataset, name, protocol) for name in names}
        self.privacy = {name: study.privacy(attribute, name, protocol) if attribute.task else None for name in names}
        self.f = {name: tradeoff(self.action[name], self.privacy[name]) for name in names}

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


def _sections(names: Sequence[str], blocks: Sequence[dict[str, list[Cell]]]) -> tuple[Section, ...]:
    """Original, baselines, ours and references, without those of which nothing is known."""
    sections = []
    for kind, title in SECTIONS:
        rows = []
        for name in names:
            cells = [cell for block in blocks for cell in block[name]]
            known = any(cell.text not in ("–", "") for cell in cells)
            if role(name) == kind and (known or name == ORIGINAL):
                rows.append((Cell(obfuscator_name(name)), *cells))
        sections.append(Section(tuple(rows), title))
    return tuple(section for section in sections if section.rows)

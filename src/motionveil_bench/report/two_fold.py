"""The two-fold evaluation (Wu et al., TPAMI 2020): obfuscators are frozen, and unseen attackers are trained on their
output.

The strongest of ten attackers is stronger than the strongest of one. Results therefore refer to a set of attackers that
all ran on the same trainings: all that an obfuscator met, or those that evaluated every obfuscator.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..copies.obfuscations import ORIGINAL
from ..results import Row
from .comparison import values_of_classes
from .names import obfuscator_order
from .pooling import Estimate, average, pool
from .study import ACTION, TWO_FOLD, Attribute, Recogniser, Study, recogniser_order

Place = tuple[int, int]
"""Seed and fold of a training."""
Cell = Mapping[Recogniser, Mapping[Place, Row]]


@dataclass(frozen=True)
class RecogniserGroup:
    """Networks that evaluated an obfuscator, all on the same trainings."""

    rows: Cell
    places: tuple[Place, ...]

    @property
    def recognisers(self) -> tuple[Recogniser, ...]:
        """Ordered by network."""
        return tuple(self.rows)

    @cached_property
    def estimates(self) -> Mapping[Recogniser, Estimate]:
        """The pooled figure of each."""
        return {recogniser: pool([rows[place] for place in self.places]) for recogniser, rows in self.rows.items()}

    @property
    def strongest(self) -> tuple[Recogniser, Estimate]:
        """The network with the highest pooled figure."""
        return max(self.estimates.items(), key=lambda item: item[1].value)

    @property
    def mean(self) -> Estimate:
        """The mean over all of them."""
        found = average(list(self.estimates.values()))
        assert found is not None
        return found

    @property
    def is_with_obfuscator(self) -> bool:
        """Whether these networks were trained together with the obfuscator."""
        first = next(iter(self.rows.values()))[self.places[0]]
        return "utility" in first.configuration

    def classes(self) -> dict[str, tuple[Recogniser, Mapping[str, float]]]:
        """For each class of a task with several labels, the attacker that recognises it best, and its result."""
        found: dict[str, tuple[Recogniser, Mapping[str, float]]] = {}
        for recogniser, rows in self.rows.items():
            for name, told in values_of_classes([rows[place] for place in self.places]).items():
                if name not in found or told["value"] > found[name][1]["value"]:
                    found[name] = recogniser, told
        return found


class TwoFold:
    """All rows of the two-fold evaluation of one attribute of one data set, with those of the actions.

    The original counts under any protocol, since networks that are trained on it meet no obfuscator.
    """

    def __init__(self, study: Study, attribute: Attribute) -> None:
        self.attribute = attribute
        self.metric = study.metric(attribute.dataset, attribute.task)
        self._attackers = _cells(study, attribute.dataset, attribute.task)
        self._actions = _cells(study, attribute.dataset, ACTION)
        known = {*self._attackers, *self._actions}
        self.names = tuple(sorted(known, key=obfuscator_order)) if known - {ORIGINAL} else ()

    @property
    def attackers(self) -> Mapping[str, Cell]:
        """The rows of each attacker of each obfuscator."""
        return self._attackers

    @cached_property
    def common(self) -> tuple[Recogniser, ...]:
        """The attackers by which most obfuscators can be compared (all of them, if possible), on most trainings."""
        return common_recognisers(self._attackers)

    @cached_property
    def most(self) -> tuple[Recogniser, ...]:
        """The largest set of attackers that any obfuscator but the original met."""
        found = [group for name in self.names if name != ORIGINAL and (group := self.all_attackers(name)) is not None]
        return max(found, key=lambda group: len(group.recognisers)).recognisers if found else ()

    def all_attackers(self, name: str) -> RecogniserGroup | None:
        """All attackers that an obfuscator met, on the trainings with all of them (or else with most)."""
        return largest_group(self._attackers.get(name, {}))

    def by(self, name: str, recognisers: Collection[Recogniser]) -> RecogniserGroup | None:
        """These attackers of an obfuscator, on the trainings on which all of them ran; None if there are none."""
        return group_of(self._attackers.get(name, {}), recognisers)

    def action(self, name: str) -> RecogniserGroup | None:
        """Action networks: those that ran for all obfuscators, or else this obfuscator's own."""
        cell = self._actions.get(name, {})
        return group_of(cell, common_recognisers(self._actions)) or largest_group(cell)


def largest_group(cell: Cell) -> RecogniserGroup | None:
    """The largest set of networks that ran on the same trainings, and these trainings; None if there are no rows."""
    at: dict[Place, list[Recogniser]] = {}
    for recogniser, rows in cell.items():
        for place in rows:
            at.setdefault(place, []).append(recogniser)
    found = [
        group
        for recognisers in dict.fromkeys(map(tuple, at.values()))
        if (group := group_of(cell, recognisers)) is not None
    ]
    return max(found, key=lambda group: (len(group.recognisers), len(group.places)), default=None)


def group_of(cell: Cell, recognisers: Collection[Recogniser]) -> RecogniserGroup | None:
    """Given networks on all trainings on which all of them ran; None if there are none."""
    if not recognisers or not set(recognisers) <= set(cell):
        return None
    places = set.intersection(*(set(cell[recogniser]) for recogniser in recognisers))
    rows = {each: rows for each, rows in cell.items() if each in recognisers}
    return RecogniserGroup(rows, tuple(sorted(places))) if places else None


def common_recognisers(cells: Mapping[str, Cell]) -> tuple[Recogniser, ...]:
    """The networks that evaluated most obfuscators in common, and of these, those on most trainings.

    None if several obfuscators have no network in common.
    """
    groups: dict[tuple[frozenset[str], int], list[Recogniser]] = {}
    for recogniser in dict.fromkeys(recogniser for cell in cells.values() for recogniser in cell):
        names = frozenset(name for name, cell in cells.items() if recogniser in cell)
        groups.setdefault((names, min(len(cells[name][recogniser]) for name in names)), []).append(recogniser)
    if not groups:
        return ()
    (names, _), recognisers = max(groups.items(), key=lambda item: (len(item[0][0]), item[0][1], len(item[1])))
    return tuple(sorted(recognisers, key=recogniser_order)) if len(names) > 1 or len(cells) == 1 else ()


def _cells(study: Study, dataset: str, task: str) -> dict[str, Cell]:
    """Rows by obfuscator, network and training. For the original, only networks that evaluated something else too."""
    metric = study.metric(dataset, task)
    about = [row for row in study.rows if (row.dataset, row.task, row.metric) == (dataset, task, metric)]
    two_fold = [row for row in about if row.protocol == TWO_FOLD]
    found = {name: _cell(r for r in two_fold if r.obfuscator == name) for name in study.obfuscators}
    others = {recogniser for name, cell in found.items() if name != ORIGINAL for recogniser in cell}
    # Attackers trained on another data set cannot be compared with those trained on this one.
    elsewhere = any(row.configuration.get("learn_from") for row in two_fold)
    original = [r for r in about if r.obfuscator == ORIGINAL and not (elsewhere and r.protocol != TWO_FOLD)]
    # If several protocols have the same training, the last one counts.
    original.sort(key=lambda row: row.protocol == TWO_FOLD)
    found[ORIGINAL] = {
        recogniser: rows for recogniser, rows in _cell(original).items() if recogniser in others or not others
    }
    return {name: cell for name, cell in found.items() if cell} if others else {}


def _cell(rows: Iterable[Row]) -> Cell:
    found: dict[Recogniser, dict[Place, Row]] = {}
    for row in rows:
        found.setdefault(Recogniser(row.network, row.level), {})[row.seed, row.fold] = row
    return {recogniser: found[recogniser] for recogniser in sorted(found, key=recogniser_order)}


def two_folds(study: Study) -> Sequence[TwoFold]:
    """One for each attribute evaluated in this way."""
    found = (TwoFold(study, attribute) for attribute in study.attributes)
    return [each for each in found if each.names]

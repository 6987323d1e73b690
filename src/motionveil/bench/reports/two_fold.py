"""The two-fold evaluation (Wu et al., TPAMI 2020): obfuscators are frozen, and unseen attackers learn what they make.

The strongest of ten attackers is stronger than the strongest of one. So everything here is said of a set of attackers
that all ran on the same trainings: of all that an obfuscator met, and of those that judged every obfuscator.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..obfuscations import ORIGINAL
from ..results import Row
from .class_table import values_of_classes
from .names import network_order, obfuscator_order
from .pooling import Estimate, average, pool
from .study import ACTION, TWO_FOLD, Attribute, Judge, Study

Place = tuple[int, int]
"""Seed and fold of a training."""
Cell = Mapping[Judge, Mapping[Place, Row]]


@dataclass(frozen=True)
class Met:
    """Networks that judged an obfuscator, all of them on the same trainings."""

    rows: Cell
    places: tuple[Place, ...]

    @property
    def judges(self) -> tuple[Judge, ...]:
        """Ordered by network."""
        return tuple(self.rows)

    @cached_property
    def estimates(self) -> Mapping[Judge, Estimate]:
        """The pooled figure of each."""
        return {judge: pool([rows[place] for place in self.places]) for judge, rows in self.rows.items()}

    @property
    def strongest(self) -> tuple[Judge, Estimate]:
        """The one with the highest pooled figure."""
        return max(self.estimates.items(), key=lambda item: item[1].value)

    @property
    def mean(self) -> Estimate:
        """Over all of them."""
        found = average(list(self.estimates.values()))
        assert found is not None
        return found

    @property
    def is_with_obfuscator(self) -> bool:
        """Whether these are networks that were trained together with the obfuscator."""
        first = next(iter(self.rows.values()))[self.places[0]]
        return "utility" in first.configuration

    def classes(self) -> dict[str, tuple[Judge, Mapping[str, float]]]:
        """Of each class of a task with several labels the attacker that finds it best, with 'value' and 'prior'."""
        found: dict[str, tuple[Judge, Mapping[str, float]]] = {}
        for judge, rows in self.rows.items():
            for name, told in values_of_classes([rows[place] for place in self.places]).items():
                if name not in found or told["value"] > found[name][1]["value"]:
                    found[name] = judge, told
        return found


class TwoFold:
    """All rows of the two-fold evaluation of one attribute of one data set, with the actions beside it.

    The original counts by whichever protocol it was judged: a network that learns from it has no obfuscator to meet.
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
        """The rows of every attacker of every obfuscator."""
        return self._attackers

    @cached_property
    def common(self) -> tuple[Judge, ...]:
        """The attackers by which most obfuscators (all, where any judged all) can be compared, on most trainings."""
        return common_judges(self._attackers)

    @cached_property
    def most(self) -> tuple[Judge, ...]:
        """The largest set of attackers that any obfuscator but the original met."""
        found = [met for name in self.names if name != ORIGINAL and (met := self.tried(name)) is not None]
        return max(found, key=lambda met: len(met.judges)).judges if found else ()

    def tried(self, name: str) -> Met | None:
        """All attackers that an obfuscator met, on the trainings on which it met all of them (or else most)."""
        return largest(self._attackers.get(name, {}))

    def by(self, name: str, judges: Collection[Judge]) -> Met | None:
        """These attackers of an obfuscator, on all trainings on which all of them ran; None where there is none."""
        return shared(self._attackers.get(name, {}), judges)

    def action(self, name: str) -> Met | None:
        """Networks that recognise actions: those that did so for all obfuscators, or else this one's own."""
        cell = self._actions.get(name, {})
        return shared(cell, common_judges(self._actions)) or largest(cell)


def largest(cell: Cell) -> Met | None:
    """The most judges that ran on the same trainings, and these trainings; None where there are no rows."""
    at: dict[Place, list[Judge]] = {}
    for judge, rows in cell.items():
        for place in rows:
            at.setdefault(place, []).append(judge)
    found = [met for judges in dict.fromkeys(map(tuple, at.values())) if (met := shared(cell, judges)) is not None]
    return max(found, key=lambda met: (len(met.judges), len(met.places)), default=None)


def shared(cell: Cell, judges: Collection[Judge]) -> Met | None:
    """Some judges on all trainings on which all of them ran; None where there is no such training."""
    if not judges or not set(judges) <= set(cell):
        return None
    places = set.intersection(*(set(cell[judge]) for judge in judges))
    return (
        Met({judge: rows for judge, rows in cell.items() if judge in judges}, tuple(sorted(places))) if places else None
    )


def common_judges(cells: Mapping[str, Cell]) -> tuple[Judge, ...]:
    """Those that judged most obfuscators, the same ones each, and of these those that did so on most trainings.

    None where several obfuscators have no judge in common.
    """
    groups: dict[tuple[frozenset[str], int], list[Judge]] = {}
    for judge in dict.fromkeys(judge for cell in cells.values() for judge in cell):
        names = frozenset(name for name, cell in cells.items() if judge in cell)
        groups.setdefault((names, min(len(cells[name][judge]) for name in names)), []).append(judge)
    if not groups:
        return ()
    (names, _), judges = max(groups.items(), key=lambda item: (len(item[0][0]), item[0][1], len(item[1])))
    return tuple(sorted(judges, key=judge_order)) if len(names) > 1 or len(cells) == 1 else ()


def _cells(study: Study, dataset: str, task: str) -> dict[str, Cell]:
    """Rows by obfuscator, judge and training. Of the original those whose judges judged anything else."""
    metric = study.metric(dataset, task)
    about = [row for row in study.rows if (row.dataset, row.task, row.metric) == (dataset, task, metric)]
    two_fold = [row for row in about if row.protocol == TWO_FOLD]
    found = {name: _cell(r for r in two_fold if r.obfuscator == name) for name in study.obfuscators}
    others = {judge for name, cell in found.items() if name != ORIGINAL for judge in cell}
    # What attackers learned on another data set is no match for what they learned on this one.
    elsewhere = any(row.configuration.get("learn_from") for row in two_fold)
    original = [r for r in about if r.obfuscator == ORIGINAL and not (elsewhere and r.protocol != TWO_FOLD)]
    # Later ones stay where several protocols have the same training.
    original.sort(key=lambda row: row.protocol == TWO_FOLD)
    found[ORIGINAL] = {judge: rows for judge, rows in _cell(original).items() if judge in others or not others}
    return {name: cell for name, cell in found.items() if cell} if others else {}


def _cell(rows: Iterable[Row]) -> Cell:
    found: dict[Judge, dict[Place, Row]] = {}
    for row in rows:
        found.setdefault(Judge(row.network, row.level), {})[row.seed, row.fold] = row
    return {judge: found[judge] for judge in sorted(found, key=judge_order)}


def judge_order(judge: Judge) -> tuple[int, str, str]:
    """A key to sort judges by: as networks are listed."""
    return *network_order(judge.network), judge.level


def two_folds(study: Study) -> Sequence[TwoFold]:
    """One for every attribute that was judged so."""
    found = (TwoFold(study, attribute) for attribute in study.attributes)
    return [each for each in found if each.names]

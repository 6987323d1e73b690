"""The rows of a study, queried by topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from motionveil._core.errors import InputError

from ..copies.obfuscations import ORIGINAL, TEMPLATE
from ..results import LEVELS, PROTOCOLS, Row, merged
from .names import dataset_name, network_order, obfuscator_order
from .pooling import Estimate, average, difference, pool

ACTION = "action"
"""The task to be kept; all others of a data set are attributes to be hidden."""
TWO_FOLD = "two_fold"
METRICS = ("top1", "cmap")
"""The metric that is shown for a task: the first of these that it has."""


class Recogniser(NamedTuple):
    """A network, and whether it sees single frames or clips."""

    network: str
    level: str


def recogniser_order(recogniser: Recogniser) -> tuple[int, str, str]:
    """A sort key: the order of networks in tables."""
    return *network_order(recogniser.network), recogniser.level


@dataclass(frozen=True)
class Attribute:
    """A task of a data set that is to be hidden, with its action task; `task` is empty if there is none."""

    dataset: str
    task: str
    title: str

    @property
    def slug(self) -> str:
        """The name for files."""
        return "_".join(part for part in (self.dataset, self.task) if part)


class Study:
    """Result rows; later rows replace earlier ones that they repeat.

    Rows of `original` count for every protocol, since frozen and retrained are the same for it.

    Raises:
        InputError: If there are none, or impossible ones.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        given = list(rows)
        for row in given:
            _check(row)
        self.rows = merged(given)
        self.num_repeated = len(given) - len(self.rows)
        if not any(row.metric in METRICS for row in self.rows):
            raise InputError("there are no rows of accuracies to report; make them with: motionveil bench run")
        self._cells: dict[tuple[str, str, str, str, str], dict[Recogniser, list[Row]]] = {}
        for row in self.rows:
            key = (row.dataset, row.task, row.obfuscator, row.protocol, row.metric)
            self._cells.setdefault(key, {}).setdefault(Recogniser(row.network, row.level), []).append(row)
        self._pooled: dict[tuple[str, str, str, str], dict[Recogniser, Estimate]] = {}

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """In order of first appearance."""
        return tuple(dict.fromkeys(row.dataset for row in self.rows))

    @cached_property
    def protocols(self) -> tuple[str, ...]:
        """Protocols with results on anything but the original; all protocols if there are none."""
        found = {row.protocol for row in self.rows if row.obfuscator != ORIGINAL}
        return tuple(p for p in PROTOCOLS if p in (found or {row.protocol for row in self.rows}))

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """Protocols in which all networks evaluate all obfuscators: all but the two-fold evaluation, in which
        obfuscators may have met different attackers, and which has its own tables (`TwoFold`).
        """
        return tuple(protocol for protocol in self.protocols if protocol != TWO_FOLD)

    @cached_property
    def obfuscators(self) -> tuple[str, ...]:
        """Obfuscators without single templates, in display order."""
        return obfuscators_of(self.rows)

    @cached_property
    def templates(self) -> tuple[str, ...]:
        """Obfuscators `template_<name>`, which replace what matches one template."""
        return tuple(dict.fromkeys(r.obfuscator for r in self.rows if r.obfuscator.startswith(TEMPLATE)))

    @cached_property
    def attributes(self) -> tuple[Attribute, ...]:
        """One for each task to be hidden, and one for a data set without any."""
        found = []
        for dataset in self.datasets:
            tasks = list(dict.fromkeys(r.task for r in self.rows if r.dataset == dataset and r.task != ACTION))
            for task in tasks or [""]:
                title = dataset_name(dataset) + (f" ({task.replace('_', ' ')})" if len(tasks) > 1 else "")
                found.append(Attribute(dataset, task, title))
        return tuple(found)

    @cached_property
    def compared_attributes(self) -> tuple[Attribute, ...]:
        """Attributes of data sets with results under `compared`, other than those where only the original was
        evaluated, as a reference for a two-fold evaluation.
        """
        known = {(row.dataset, row.protocol == TWO_FOLD) for row in self.rows if row.obfuscator != ORIGINAL}
        two_fold_alone = {dataset for dataset, _ in known if (dataset, False) not in known}
        return tuple(each for each in self.attributes if each.dataset not in two_fold_alone)

    def metric(self, dataset: str, task: str) -> str:
        """The metric that is shown for a task."""
        found = {row.metric for row in self.rows if (row.dataset, row.task) == (dataset, task)}
        return next((metric for metric in METRICS if metric in found), METRICS[0])

    def cell(self, dataset: str, task: str, obfuscator: str, protocol: str) -> Mapping[Recogniser, list[Row]]:
        """Rows by network, ordered. Empty if there are none."""
        metric = self.metric(dataset, task)
        order = [protocol] if obfuscator != ORIGINAL else [protocol, *(p for p in PROTOCOLS if p != protocol)]
        for choice in order:
            found = self._cells.get((dataset, task, obfuscator, choice, metric))
            if found:
                return {each: found[each] for each in sorted(found, key=recogniser_order)}
        return {}

    def estimates(self, dataset: str, task: str, obfuscator: str, protocol: str) -> dict[Recogniser, Estimate]:
        """The pooled figure of each network."""
        key = (dataset, task, obfuscator, protocol)
        if key not in self._pooled:
            self._pooled[key] = {recogniser: pool(_last(rows)) for recogniser, rows in self.cell(*key).items()}
        return self._pooled[key]

    def mean(self, dataset: str, task: str, obfuscator: str, protocol: str, level: str = "") -> Estimate | None:
        """The mean over networks; of a given level if there are any."""
        found = self.estimates(dataset, task, obfuscator, protocol)
        chosen = [estimate for recogniser, estimate in found.items() if recogniser.level == level]
        return average(chosen or list(found.values()))

    def action(self, dataset: str, obfuscator: str, protocol: str) -> Estimate | None:
        """Action accuracy, averaged over networks for clips, as in the paper (over all if there are none)."""
        return self.mean(dataset, ACTION, obfuscator, protocol, "clip")

    def privacy(self, attribute: Attribute, obfuscator: str, protocol: str) -> Estimate | None:
        """Accuracy on an attribute, averaged over networks for single frames, as in the paper (or over all)."""
        return self.mean(attribute.dataset, attribute.task, obfuscator, protocol, "frame")

    def strongest(self, attribute: Attribute, obfuscator: str, protocol: str) -> tuple[Recogniser, Estimate] | None:
        """The attacker with the highest pooled figure, over networks and levels."""
        found = self.estimates(attribute.dataset, attribute.task, obfuscator, protocol)
        return max(found.items(), key=lambda item: item[1].value) if found else None

    def gain(self, attribute: Attribute, obfuscator: str, protocol: str, reference: str) -> Estimate | None:
        """The advantage of the strongest attacker over the strongest one on a reference."""
        one, other = (self.strongest(attribute, name, protocol) for name in (obfuscator, reference))
        return difference(one and one[1], other and other[1])

    def prior(self, attribute: Attribute) -> float | None:
        """The accuracy on an attribute of a predictor that knows only class frequencies, over all rows."""
        metric = self.metric(attribute.dataset, attribute.task)
        key = (attribute.dataset, attribute.task, metric)
        rows = [row for row in self.rows if (row.dataset, row.task, row.metric) == key]
        return pool(rows).prior if rows else None


def obfuscators_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """Obfuscators without single templates, in display order."""
    return tuple(sorted({r.obfuscator for r in rows if not r.obfuscator.startswith(TEMPLATE)}, key=obfuscator_order))


def stand_ins_of(rows: Iterable[Row]) -> dict[str, str]:
    """Networks of obfuscators → their substitutes, according to the rows."""
    found: dict[str, str] = {}
    for row in rows:
        found |= row.configuration.get("substitutes") or {}
    return found


def _last(rows: Sequence[Row]) -> list[Row]:
    """The last of rows that share seed and fold but differ in configuration."""
    return list({(row.seed, row.fold): row for row in rows}.values())


def _check(row: Row) -> None:
    """Raise InputError for an impossible row."""
    where = f"the row {row.dataset}, {row.task}, {row.network}, {row.obfuscator}, {row.protocol}, fold {row.fold}"
    if row.level not in LEVELS or row.protocol not in PROTOCOLS:
        raise InputError(
            f"{where} has the level {row.level!r}; levels are {', '.join(LEVELS)}, protocols {', '.join(PROTOCOLS)}"
        )
    if row.metric in METRICS and not (_is_share(row.value) and _is_share(row.prior) and _is_count(row.num_clips)):
        raise InputError(
            f"{where} says {row.metric} {row.value} of {row.num_clips} clips with the prior {row.prior}; "
            "rates lie in [0, 1] and need clips; remove that row"
        )


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value > 0

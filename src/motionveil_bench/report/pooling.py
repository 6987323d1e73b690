"""Pools rows: folds are pooled, seeds are averaged, and intervals are derived from the counts.

An interval covers 95 %, and describes the variation between samples of test clips. It does not describe the variation
between trainings, people or cameras.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from ..evaluation import difference_interval, f_lambda
from ..results import Row

Interval = tuple[float, float]
Outcomes = Mapping[tuple[int, str], npt.NDArray[np.float64]]
"""How often each test clip was recognised, in [0, 1], by fold and hash of its clips."""
_Z = 1.959964
"""Half width, in standard deviations, of the central 95 % of a normal distribution."""
COUNTED = ("top1", "top5")
"""Metrics that are fractions of clips, so that intervals can be derived from counts."""


@dataclass(frozen=True)
class Estimate:
    """A pooled figure.

    Attributes:
        value: In [0, 1]; differences in [-1, 1].
        interval: 95 %; None if unknown.
        prior: The same figure for a predictor that knows only the class frequencies, averaged like the value.
        num_clips: Number of different test clips (a lower bound if folds overlap).
        counted: Whether it is a fraction of these clips, or a mean of such fractions.
        trainings: The figure by seed and fold.
        outcomes: Results per clip; empty if rows do not contain them.
    """

    value: float
    interval: Interval | None = None
    prior: float | None = None
    num_clips: float = 0
    counted: bool = True
    trainings: Mapping[tuple[int, int], float] = field(default_factory=dict, compare=False, repr=False)
    outcomes: Outcomes = field(default_factory=dict, compare=False, repr=False)

    @property
    def extremes(self) -> Interval | None:
        """The minimum and maximum over several trainings; None for a single one."""
        return (min(self.trainings.values()), max(self.trainings.values())) if len(self.trainings) > 1 else None


def wilson(value: float, count: float) -> Interval:
    """The 95 % interval of a fraction observed in `count` independent clips (Wilson, JASA 1927).

    Unlike value ± 2 standard errors, it is valid near 0 and 1 and for few clips, and stays within [0, 1].
    """
    square = _Z * _Z / count
    centre = (value + square / 2) / (1 + square)
    half = _Z / (1 + square) * sqrt(max(0.0, value * (1 - value) / count + square / (4 * count)))
    return min(value, max(0.0, centre - half)), max(value, min(1.0, centre + half))


def partitions(rows: Iterable[Row]) -> list[list[list[Row]]]:
    """Rows by fold, with folds in groups that share no test clip.

    The folds that partition the clips together with a row's own are in `configuration["partition"]`; without it, its
    fold is a group of its own.
    """
    folds: dict[int, list[Row]] = {}
    for row in rows:
        folds.setdefault(row.fold, []).append(row)
    groups: dict[frozenset[int], list[list[Row]]] = {}
    for fold, found in folds.items():
        told = frozenset(found[-1].configuration.get("partition") or ())
        groups.setdefault(told if fold in told else frozenset({fold}), []).append(found)
    return list(groups.values())


def num_clips(rows: Iterable[Row]) -> float:
    """Number of different test clips behind the rows of one task: that of the largest group of disjoint folds."""
    return max((sum(_mean(row.num_clips for row in fold) for fold in group) for group in partitions(rows)), default=0)


def pool(rows: Sequence[Row]) -> Estimate:
    """Pool rows that differ only in seed and fold.

    Seeds of a fold are averaged first, since they use the same clips. Folds that partition the clips are pooled: the
    accuracy is sum(value * clips) / sum(clips), with the interval of the pooled count. Several partitions, or
    overlapping folds, are averaged without an interval, since repeated clips add no evidence. Metrics that are not
    fractions of clips have the interval of a single row, or none.
    """
    groups = partitions(rows)
    counts = [[_mean(row.num_clips for row in fold) for fold in group] for group in groups]

    def pooled(values: Sequence[Sequence[float]]) -> float:
        return _mean(float(np.average(v, weights=n)) for v, n in zip(values, counts, strict=True))

    value = pooled([[_mean(row.value for row in fold) for fold in group] for group in groups])
    prior = pooled([[_mean(row.prior for row in fold) for fold in group] for group in groups])
    counted, total = rows[0].metric in COUNTED, max(map(sum, counts))
    outcomes: Outcomes = {}
    if len(groups) > 1:
        interval: Interval | None = None
    elif counted:
        interval, outcomes = wilson(value, total), _outcomes(groups[0])
    else:
        interval = rows[0].interval if len(rows) == 1 else None
    trainings = {(row.seed, row.fold): row.value for row in rows}
    return Estimate(value, interval, prior, total, counted, trainings, outcomes)


def _outcomes(folds: Sequence[Sequence[Row]]) -> Outcomes:
    """Results per clip for disjoint folds, averaged over seeds. Empty if any row lacks them, or if they contradict its
    value.
    """
    found: dict[tuple[int, str], npt.NDArray[np.float64]] = {}
    for fold in folds:
        data = {(row.configuration.get("data"), row.num_clips) for row in fold}
        told = [_correct(row.detail.get("correct")) for row in fold]
        agree = (
            len(given) == row.num_clips and abs(given.mean() - row.value) < 1e-6
            for given, row in zip(told, fold, strict=True)
        )
        ((hash_of_clips, _), *others) = data
        if others or not isinstance(hash_of_clips, str) or not all(agree):
            return {}
        found[fold[0].fold, hash_of_clips] = np.mean(told, axis=0)
    return found


def _correct(told: Any) -> npt.NDArray[np.float64]:
    """Parse '0110…' to numbers; empty for anything else."""
    known = isinstance(told, str) and set(told) <= {"0", "1"}
    return np.array([letter == "1" for letter in told] if known else [], np.float64)


def average(estimates: Sequence[Estimate]) -> Estimate | None:
    """The mean of several networks evaluated on the same clips; None if there are none.

    Networks make correlated errors on the same clips, so the interval counts each clip once, as if all networks were
    one. It is never too narrow, since a mean of correlated fractions varies at most as much as a single one. Metrics
    that are not fractions of clips have no interval, unless there is only one network.
    """
    if len(estimates) < 2:
        return estimates[0] if estimates else None
    value = _mean(estimate.value for estimate in estimates)
    priors = [estimate.prior for estimate in estimates if estimate.prior is not None]
    count = min(estimate.num_clips for estimate in estimates)
    counted = all(estimate.counted for estimate in estimates)
    known = counted and count > 0 and all(estimate.interval is not None for estimate in estimates)
    places = [place for place in estimates[0].trainings if all(place in e.trainings for e in estimates)]
    trainings = {place: _mean(e.trainings[place] for e in estimates) for place in places}
    outcomes: Outcomes = {}
    if all(_same_clips(estimate, estimates[0]) for estimate in estimates):
        outcomes = {key: np.mean([e.outcomes[key] for e in estimates], axis=0) for key in estimates[0].outcomes}
    interval = wilson(value, count) if known else None
    return Estimate(value, interval, _mean(priors) if priors else None, count, counted, trainings, outcomes)


def difference(one: Estimate | None, other: Estimate | None) -> Estimate | None:
    """The difference of two figures; None if either is unknown.

    If results per clip are known for the same clips, the interval is that of the paired differences, by bootstrap.
    Otherwise, or if no clip differs, the figures are treated as independent, which gives a wider interval than
    necessary if they are positively correlated.
    """
    if one is None or other is None:
        return None
    value = one.value - other.value
    if _same_clips(one, other):
        pairs = [np.concatenate([estimate.outcomes[key] for key in one.outcomes]) for estimate in (one, other)]
        if (pairs[0] != pairs[1]).any():
            return Estimate(value, difference_interval(*pairs), None, one.num_clips)
    return _combined(value, [(1, one), (-1, other)])


def tradeoff(action: Estimate | None, privacy: Estimate | None, weight: float = 0.5) -> Estimate | None:
    """`f_lambda` of two figures, treated as independent; None if either is unknown."""
    if action is None or privacy is None:
        return None
    return _combined(f_lambda(action.value, privacy.value, weight), [(1 - weight, action), (-weight, privacy)])


def _same_clips(one: Estimate, other: Estimate) -> bool:
    counts = [{key: len(found) for key, found in estimate.outcomes.items()} for estimate in (one, other)]
    return bool(one.outcomes) and counts[0] == counts[1]


def _combined(value: float, terms: Sequence[tuple[float, Estimate]]) -> Estimate:
    """A weighted sum of independent estimates, with their squared intervals added (Newcombe, Stat. Med. 1998)."""
    below, above = 0.0, 0.0
    interval: Interval | None = None
    if all(estimate.interval is not None for _, estimate in terms):
        for weight, estimate in terms:
            down, up = (weight * (bound - estimate.value) for bound in estimate.interval or ())
            below += min(down, up) ** 2
            above += max(down, up) ** 2
        interval = value - sqrt(below), value + sqrt(above)
    return Estimate(value, interval, None, min(estimate.num_clips for _, estimate in terms))


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)

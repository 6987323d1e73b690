"""Many rows, one figure: folds are pooled, seeds averaged, and intervals follow from the counts.

An interval covers 95 % and says how far the figure would move with other test clips. It does not say how far it would
move with another training, other people or another camera.
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
"""Standard deviations to either side that hold 95 % of a normal distribution."""
COUNTED = ("top1", "top5")
"""Metrics that are shares of clips, whose intervals follow from counts."""


@dataclass(frozen=True)
class Estimate:
    """A figure with what is known about it.

    value: in [0, 1], differences in [-1, 1]. interval: 95 %, None where it cannot be known. prior: the same figure of
    whoever knows only how often each class occurs, averaged like the value. num_clips: different test clips behind it
    (at least so many where folds overlap). counted: whether it is a share of these clips, or a mean of such shares.
    trainings: the figure by seed and fold. outcomes: clip by clip; empty where rows do not tell them.
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
        """The lowest and the highest of several trainings; None of a single one."""
        return (min(self.trainings.values()), max(self.trainings.values())) if len(self.trainings) > 1 else None


def wilson(value: float, count: float) -> Interval:
    """95 % interval of a share that was found in `count` independent clips (Wilson, JASA 1927).

    Unlike value ± 2 standard errors it is right near 0 and 1 and with few clips, and never leaves [0, 1].
    """
    square = _Z * _Z / count
    centre = (value + square / 2) / (1 + square)
    half = _Z / (1 + square) * sqrt(max(0.0, value * (1 - value) / count + square / (4 * count)))
    return min(value, max(0.0, centre - half)), max(value, min(1.0, centre + half))


def partitions(rows: Iterable[Row]) -> list[list[list[Row]]]:
    """Rows by fold, and folds in groups that share no test clip.

    A row tells the folds that partition the clips together with its own in `configuration["partition"]`; where it does
    not, its fold stands alone.
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
    """Different test clips behind rows of one task: of the largest group of folds that share none."""
    return max((sum(_mean(row.num_clips for row in fold) for fold in group) for group in partitions(rows)), default=0)


def pool(rows: Sequence[Row]) -> Estimate:
    """One figure of rows that differ in seed and fold alone.

    Seeds of one fold are averaged first: they judge the same clips and make them no more. Folds that partition the
    clips are pooled: their accuracy is sum(value * clips) / sum(clips), and its interval that of the pooled count.
    Several partitions, or folds that share clips, are averaged, without an interval: clips that count more than once
    are no further evidence. Metrics that are no shares of clips have the interval of a single row, or none.
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
    """Of folds that share no clip, averaged over seeds. Empty where any row does not tell them, or tells another
    figure with them than its own.
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
    """'0110…' as numbers; none of anything else."""
    known = isinstance(told, str) and set(told) <= {"0", "1"}
    return np.array([letter == "1" for letter in told] if known else [], np.float64)


def average(estimates: Sequence[Estimate]) -> Estimate | None:
    """The mean of several networks that judged the same clips; None of none.

    Networks that see the same clips err together. The interval counts every clip once, as if all networks were one:
    that is never too narrow, since a mean of correlated shares varies at most as much as a single one. Figures that are
    no shares of clips have none, but for that of a single one.
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
    """One minus the other; None where either is not known.

    Where both are known clip by clip, and of the same clips, the interval is that of the differences of each clip, by
    bootstrap. Where they are not, or no clip tells the two apart, it is that of independent figures, which is wider
    than it need be where both rise and fall together.
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
    """`f_lambda` of two figures, as if they were independent; None where either is not known."""
    if action is None or privacy is None:
        return None
    return _combined(f_lambda(action.value, privacy.value, weight), [(1 - weight, action), (-weight, privacy)])


def _same_clips(one: Estimate, other: Estimate) -> bool:
    counts = [{key: len(found) for key, found in estimate.outcomes.items()} for estimate in (one, other)]
    return bool(one.outcomes) and counts[0] == counts[1]


def _combined(value: float, terms: Sequence[tuple[float, Estimate]]) -> Estimate:
    """A weighted sum of independent estimates: their intervals squared and added (Newcombe, Stat. Med. 1998)."""
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

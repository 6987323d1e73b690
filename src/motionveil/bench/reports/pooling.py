"""Many rows, one figure: folds are pooled, seeds averaged, and intervals follow from the counts.

An interval covers 95 % and says how far the figure would move with other test clips. It does not say how far it would
move with another training, other people or another camera.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from ..results import Row

Interval = tuple[float, float]
_Z = 1.959964
"""Standard deviations to either side that hold 95 % of a normal distribution."""
COUNTED = ("top1", "top5")
"""Metrics that are shares of clips, whose intervals follow from counts."""


@dataclass(frozen=True)
class Estimate:
    """A figure with what is known about it.

    value: in [0, 1], differences in [-1, 1]. interval: 95 %, None where it cannot be known. prior: the same figure of
    whoever knows only how often each class occurs, averaged like the value. num_clips: test clips behind it.
    """

    value: float
    interval: Interval | None = None
    prior: float | None = None
    num_clips: float = 0


def wilson(value: float, count: float) -> Interval:
    """95 % interval of a share that was found in `count` independent clips (Wilson, JASA 1927).

    Unlike value ± 2 standard errors it is right near 0 and 1 and with few clips, and never leaves [0, 1].
    """
    square = _Z * _Z / count
    centre = (value + square / 2) / (1 + square)
    half = _Z / (1 + square) * sqrt(max(0.0, value * (1 - value) / count + square / (4 * count)))
    return min(value, max(0.0, centre - half)), max(value, min(1.0, centre + half))


def pool(rows: Sequence[Row]) -> Estimate:
    """One figure of rows that differ in seed and fold alone.

    Seeds of one fold are averaged first: they judge the same clips and make them no more. Folds partition the clips,
    so that the pooled accuracy is sum(value * clips) / sum(clips) and its interval that of the pooled count. Metrics
    that are not shares of clips are averaged with the same weights; a single row then keeps its own interval.
    """
    folds: dict[int, list[Row]] = {}
    for row in rows:
        folds.setdefault(row.fold, []).append(row)
    counts = [_mean(row.num_clips for row in fold) for fold in folds.values()]
    total = sum(counts)

    def weighted(values: Iterable[float]) -> float:
        return sum(value * count for value, count in zip(values, counts, strict=True)) / total

    value = weighted(_mean(row.value for row in fold) for fold in folds.values())
    prior = weighted(_mean(row.prior for row in fold) for fold in folds.values())
    if rows[0].metric in COUNTED:
        interval: Interval | None = wilson(value, total)
    else:
        interval = rows[0].interval if len(rows) == 1 else None
    return Estimate(value, interval, prior, total)


def average(estimates: Sequence[Estimate]) -> Estimate | None:
    """The mean of several networks that judged the same clips; None of none.

    Networks that see the same clips err together. The interval counts every clip once, as if all networks were one:
    that is never too narrow, since a mean of correlated shares varies at most as much as a single one.
    """
    if not estimates:
        return None
    value = _mean(estimate.value for estimate in estimates)
    priors = [estimate.prior for estimate in estimates if estimate.prior is not None]
    count = min(estimate.num_clips for estimate in estimates)
    known = count > 0 and all(estimate.interval is not None for estimate in estimates)
    return Estimate(value, wilson(value, count) if known else None, _mean(priors) if priors else None, count)


def combine(weighted: Iterable[tuple[float, Estimate]], constant: float = 0.0) -> Estimate:
    """constant + sum(weight * estimate), with its interval by squaring and adding (Newcombe, Stat. Med. 1998).

    It takes the estimates as independent. Those of the same clips rather rise and fall together, so that the interval
    of a difference is wider than it need be.
    """
    value, below, above, known = constant, 0.0, 0.0, True
    terms = list(weighted)
    for weight, estimate in terms:
        value += weight * estimate.value
        if estimate.interval is None:
            known = False
            continue
        down, up = (weight * (bound - estimate.value) for bound in estimate.interval)
        below += min(down, up) ** 2
        above += max(down, up) ** 2
    interval = (value - sqrt(below), value + sqrt(above)) if known else None
    return Estimate(value, interval, None, min((estimate.num_clips for _, estimate in terms), default=0))


def difference(one: Estimate | None, other: Estimate | None) -> Estimate | None:
    """One minus the other; None where either is not known."""
    return None if one is None or other is None else combine([(1, one), (-1, other)])


def tradeoff(action: Estimate | None, privacy: Estimate | None, weight: float = 0.5) -> Estimate | None:
    """f(a, p) = (1 - weight) a + weight (1 - p), Eq. 6 of Ilic et al. (CVPR 2024), where `weight` is called lambda."""
    if action is None or privacy is None:
        return None
    return combine([(1 - weight, action), (-weight, privacy)], constant=weight)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)

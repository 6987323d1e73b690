"""How sure a rate is, and the difference of two.

Intervals are percentiles of the bootstrap over test clips (Efron and Tibshirani, 1993, ch. 13): 95 % of the figures
that other draws of as many clips would have given. The draws are always the same. Where all clips agree, for instance
all are right, so do all draws, and the interval has no width, however few they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float]
Values = npt.NDArray[np.floating[Any]] | npt.NDArray[np.bool_]

RESAMPLES = 1000
LEVEL = 0.95


def resampled_counts(num_clips: int, resamples: int = RESAMPLES, seed: int = 0) -> npt.NDArray[np.int64]:
    """How often each clip is drawn when as many are drawn with replacement: (resamples, num_clips)."""
    return np.random.default_rng(seed).multinomial(num_clips, np.full(num_clips, 1 / num_clips), size=resamples)


def percentiles(values: npt.NDArray[np.float64]) -> Interval:
    """The middle 95 % of some values; those that are NaN do not count."""
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def mean_interval(values: Values, *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The interval of the mean of a value per clip, (N,): right or wrong, or a loss.

    Clips of the same value are drawn as one that is as much likelier: right and wrong take two counts a draw, not N.
    """
    found, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=resamples)
    return percentiles(drawn @ found / len(values))


def difference_interval(one: Values, other: Values, *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The interval of the mean of `one` minus the mean of `other`, on the same clips in the same order.

    Pairs are drawn together, so what makes a clip easy or hard for both cancels out: two obfuscators differ where zero
    lies outside. Raises ValueError where their lengths differ.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} and {len(other)} values are not of the same clips")
    differences = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    return mean_interval(differences, resamples=resamples, seed=seed)

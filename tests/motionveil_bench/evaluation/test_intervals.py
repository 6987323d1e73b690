"""Intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from motionveil_bench.evaluation import difference_interval, mean_interval


def test_an_interval_is_that_of_the_normal_approximation_where_there_are_many_clips() -> None:
    correct = np.arange(1000) % 10 < 7
    low, high = mean_interval(correct, resamples=4000)
    half = 1.96 * np.sqrt(0.7 * 0.3 / 1000)
    assert (low, high) == pytest.approx((0.7 - half, 0.7 + half), abs=0.003)


def test_an_interval_is_that_of_scipy() -> None:
    losses = np.random.default_rng(0).exponential(size=80)
    expected = scipy.stats.bootstrap((losses,), np.mean, method="percentile", n_resamples=20000)
    found = mean_interval(losses, resamples=20000)
    assert found == pytest.approx(tuple(expected.confidence_interval), abs=0.015)


def test_an_interval_holds_the_truth_nineteen_times_in_twenty() -> None:
    generator = np.random.default_rng(3)
    held = 0
    for trial in range(300):
        low, high = mean_interval(generator.random(200) < 0.6, resamples=300, seed=trial)
        held += low <= 0.6 <= high
    assert 0.91 <= held / 300 <= 0.98


def test_an_interval_is_always_the_same() -> None:
    correct = np.random.default_rng(0).random(50) < 0.5
    assert mean_interval(correct) == mean_interval(correct)
    assert mean_interval(np.ones(5, bool)) == (1, 1)


def test_pairs_are_compared_as_pairs() -> None:
    generator = np.random.default_rng(0)
    easy = generator.random(400) < 0.5
    better = easy | (generator.random(400) < 0.1)
    low, high = difference_interval(better, easy)
    assert 0 < low < better.mean() - easy.mean() < high
    alone = mean_interval(better)
    assert high - low < alone[1] - alone[0]
    assert difference_interval(easy, easy) == (0, 0)
    with pytest.raises(ValueError, match="not of the same clips"):
        difference_interval(easy, easy[1:])

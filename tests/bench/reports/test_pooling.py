"""Folds, seeds, networks: what becomes of many rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from motionveil.bench.reports.pooling import Estimate, average, combine, difference, pool, tradeoff, wilson

from .rows import rows

ROW = rows(["original"])[0]


@pytest.mark.parametrize(("right", "count"), [(0, 7), (7, 7), (3, 12), (150, 216), (1, 1)])
def test_wilson_is_scipys(right: int, count: int) -> None:
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right / count, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_folds_are_pooled_by_their_clips() -> None:
    folds = [replace(ROW, fold=0, value=1.0, num_clips=30, prior=0.1), replace(ROW, fold=1, value=0.5, num_clips=10)]
    found = pool([folds[0], replace(folds[1], prior=0.5)])
    assert found.value == pytest.approx(35 / 40)
    assert found.prior == pytest.approx((0.1 * 30 + 0.5 * 10) / 40)
    assert found.num_clips == 40
    assert found.interval == pytest.approx(wilson(35 / 40, 40))


def test_seeds_of_a_fold_are_averaged_and_add_no_clips() -> None:
    seeds = [replace(ROW, seed=seed, value=value, num_clips=20) for seed, value in enumerate((0.4, 0.6))]
    found = pool([*seeds, replace(ROW, fold=1, value=1.0, num_clips=20)])
    assert found.value == pytest.approx(0.75)
    assert found.num_clips == 40


def test_a_metric_that_is_no_share_keeps_its_own_interval() -> None:
    row = replace(ROW, metric="cmap", interval=(0.2, 0.4), value=0.3)
    assert pool([row]).interval == (0.2, 0.4)
    assert pool([row, replace(row, fold=1)]).interval is None
    assert average([pool([row, replace(row, fold=1)])]) == Estimate(0.3, None, row.prior, 2 * row.num_clips)


def test_averages_of_networks_count_each_clip_once() -> None:
    estimates = [Estimate(0.4, wilson(0.4, 50), 0.1, 50), Estimate(0.8, wilson(0.8, 60), 0.3, 60)]
    found = average(estimates)
    assert found == Estimate(pytest.approx(0.6), pytest.approx(wilson(0.6, 50)), pytest.approx(0.2), 50)  # type: ignore[arg-type]
    assert average([]) is None


def test_intervals_of_averages_hold_when_networks_err_together() -> None:
    """Clips that are hard for one network are hard for the other: the truth is still covered 95 times of 100."""
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        hardness = generator.random((1, 60))
        right = hardness < np.array([[0.6], [0.8]])
        found = average([Estimate(v, wilson(v, 60), None, 60) for v in right.mean(axis=1).tolist()])
        assert found is not None
        assert found.interval is not None
        covered += found.interval[0] <= 0.7 <= found.interval[1]
    assert covered / 400 > 0.93


def test_differences_of_independent_figures_are_covered() -> None:
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(500):
        one, other = generator.binomial(80, 0.7) / 80, generator.binomial(80, 0.6) / 80
        found = difference(Estimate(one, wilson(one, 80)), Estimate(other, wilson(other, 80)))
        assert found is not None
        assert found.interval is not None
        covered += found.interval[0] <= 0.1 <= found.interval[1]
    assert 0.93 <= covered / 500 <= 0.98


def test_the_tradeoff_is_equation_6() -> None:
    action, privacy = Estimate(0.8871, (0.8, 0.95)), Estimate(0.0546, (0.01, 0.1))
    found = tradeoff(action, privacy)
    assert found is not None
    assert found.value == pytest.approx(0.5 * 0.8871 + 0.5 * (1 - 0.0546))
    weighted = tradeoff(action, privacy, 0.25)
    assert weighted is not None
    assert weighted.value == pytest.approx(0.75 * 0.8871 + 0.25 * (1 - 0.0546))
    only = tradeoff(action, privacy, 1.0)
    assert only is not None
    assert only.interval == pytest.approx((0.9, 0.99))
    assert tradeoff(action, None) is None
    assert combine([(1, action), (1, Estimate(0.5))]).interval is None

"""Folds, seeds, networks: what becomes of many rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest

from motionveil_bench.report.pooling import Estimate, average, difference, num_clips, pool, tradeoff, wilson
from motionveil_bench.results import Row

from .rows import rows

ROW = rows(["original"])[0]


def _fold(fold: int, value: float, num_clips: int = 20, partition: list[int] | None = None, **changes: Any) -> Row:
    configuration = {} if partition is None else {"partition": partition}
    row = replace(ROW, fold=fold, value=value, num_clips=num_clips, configuration=configuration, detail={})
    return replace(row, **changes)


def _told(correct: str, fold: int = 0, data: str = "a", **changes: Any) -> Row:
    """A row that says which clips were recognised."""
    configuration = {"data": data, "partition": [0, 1]}
    value = correct.count("1") / len(correct)
    row = replace(ROW, fold=fold, value=value, num_clips=len(correct), configuration=configuration)
    return replace(row, detail={"correct": correct}, **changes)


@pytest.mark.parametrize(("right", "count"), [(0, 7), (7, 7), (3, 12), (150, 216), (1, 1)])
def test_wilson_is_scipys(right: int, count: int) -> None:
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert wilson(right / count, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_folds_that_partition_the_clips_are_pooled() -> None:
    found = pool([_fold(0, 1.0, 30, [0, 1], prior=0.1), _fold(1, 0.5, 10, [0, 1], prior=0.5)])
    assert found.value == pytest.approx(35 / 40)
    assert found.prior == pytest.approx((0.1 * 30 + 0.5 * 10) / 40)
    assert found.num_clips == 40
    assert found.interval == pytest.approx(wilson(35 / 40, 40))


@pytest.mark.parametrize("partition", [None, [], [0], [5, 6]])
def test_folds_that_may_share_clips_are_averaged_without_an_interval(partition: list[int] | None) -> None:
    folds = [_fold(0, 1.0, 30, partition), _fold(1, 0.5, 10, partition and [1])]
    found = pool(folds)
    assert (found.value, found.interval, found.num_clips) == (0.75, None, 30)
    assert found.extremes == (0.5, 1.0)
    assert num_clips(folds) == 30
    assert pool(folds[:1]).interval == wilson(1.0, 30)
    known = pool([_fold(0, 0.7, 40)])
    assert average([found, known]) == Estimate(pytest.approx(0.725), None, ROW.prior, 30)  # type: ignore[arg-type]
    change = difference(found, known)
    assert change is not None
    assert change.interval is None


def test_two_partitions_of_the_same_clips_are_averaged() -> None:
    """Three folds of ten clips each, and the same thirty one by one."""
    thirds = [_fold(fold, 0.4, 10, [0, 1, 2]) for fold in range(3)]
    single = [_fold(3 + clip, float(clip < 24), 1, list(range(3, 33))) for clip in range(30)]
    assert pool(single).interval == wilson(0.8, 30)
    both = pool([*thirds, *single])
    assert both.value == pytest.approx((0.4 + 0.8) / 2)
    assert (both.interval, both.num_clips) == (None, 30)


def test_seeds_of_a_fold_are_averaged_and_add_no_clips() -> None:
    seeds = [_fold(0, value, partition=[0, 1], seed=seed) for seed, value in enumerate((0.4, 0.6))]
    found = pool([*seeds, _fold(1, 1.0, partition=[0, 1])])
    assert found.value == pytest.approx(0.75)
    assert found.num_clips == 40
    assert found.extremes == (0.4, 1.0)
    assert pool(seeds[:1]).extremes is None


def test_a_metric_that_is_no_share_has_no_interval_of_counts() -> None:
    row = _fold(0, 0.3, metric="cmap", interval=(0.2, 0.4), partition=[0, 1])
    single, both = pool([row]), pool([row, replace(row, fold=1)])
    assert single.interval == (0.2, 0.4)
    assert both.interval is None
    assert average([single]) == single
    assert average([both]) == both
    mean = average([single, single])
    assert mean is not None
    assert mean.interval is None


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


def test_differences_on_the_same_clips_are_taken_clip_by_clip() -> None:
    """Half of the clips are easy for both: what is left to tell them apart are two clips of forty."""
    one, other = pool([_told("11" * 10 + "00" * 10)]), pool([_told("11" * 9 + "00" * 11, network="another")])
    found = difference(one, other)
    assert found is not None
    assert found.value == pytest.approx(0.05)
    assert found.interval is not None
    assert 0 <= found.interval[0] < 0.05 < found.interval[1] < 0.15
    alone = difference(one, replace(other, outcomes={}))
    assert alone is not None
    assert alone.interval is not None
    assert alone.interval[1] > 0.2


def test_averages_and_folds_keep_their_clips() -> None:
    first = pool([_told("1100", 0), _told("1111", 1, "b")])
    second = pool([_told("1000", 0), _told("1110", 1, "b")])
    mean = average([first, second])
    assert mean is not None
    assert {key: list(found) for key, found in mean.outcomes.items()} == {
        (0, "a"): [1, 0.5, 0, 0], (1, "b"): [1, 1, 1, 0.5],
    }  # fmt: skip
    seeds = pool([_told("10"), _told("11", seed=1)])
    assert {key: list(found) for key, found in seeds.outcomes.items()} == {(0, "a"): [1, 0.5]}


@pytest.mark.parametrize(
    "other",
    [
        _told("10" * 10, data="b"),
        _told("10" * 10, fold=1),
        _told("10" * 9),
        replace(_told("10" * 10), value=0.4),
        replace(_told("10" * 10), detail={}),
        replace(_told("10" * 10), detail={"correct": "1x" * 10}),
        replace(_told("10" * 10), configuration={"partition": [0, 1]}),
    ],
    ids=["other data", "other fold", "other length", "other value", "not told", "damaged", "data not told"],
)
def test_what_is_not_on_the_same_clips_is_not_paired(other: Row) -> None:
    one = pool([_told("11" * 10)])
    paired, found = difference(one, pool([_told("10" * 10)])), difference(one, pool([other]))
    independent = difference(replace(one, outcomes={}), pool([other]))
    assert paired is not None
    assert found == independent
    assert found is not None
    assert found.interval != paired.interval


def test_clips_that_tell_nothing_apart_are_no_proof_that_nothing_differs() -> None:
    one = pool([_told("1" * 20)])
    found = difference(one, pool([_told("1" * 20, network="another")]))
    assert found is not None
    assert found.interval is not None
    assert found.interval[0] < -0.1 < 0 < found.interval[1]


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
    unsure = tradeoff(action, Estimate(0.5))
    assert unsure is not None
    assert unsure.interval is None

"""Rates whose values are known beforehand, by hand or from scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics

from motionveil_bench.evaluation import (
    average_precisions,
    clip_losses,
    confusion_matrix,
    f_lambda,
    prior_loss,
    prior_top_k,
    top_k_correct,
)

LOGITS = np.array([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [2.0, 1.0, 3.0], [0.0, 0.0, 0.0]])
TARGETS = np.array([0, 2, 1, 1])


def test_top_k_counts_the_highest_logits_and_the_first_of_equal_ones() -> None:
    assert top_k_correct(LOGITS, TARGETS).tolist() == [True, False, False, False]
    assert top_k_correct(LOGITS, TARGETS, 2).tolist() == [True, True, False, True]
    assert top_k_correct(LOGITS, TARGETS, 3).all()


def test_top_k_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    logits, targets = generator.normal(size=(200, 9)), generator.integers(0, 9, 200)
    for k in (1, 5):
        expected = sklearn.metrics.top_k_accuracy_score(targets, logits, k=k, labels=np.arange(9))
        assert top_k_correct(logits, targets, k).mean() == pytest.approx(expected)


def test_the_loss_of_equal_logits_is_the_logarithm_of_the_classes() -> None:
    assert clip_losses(LOGITS, TARGETS)[3] == pytest.approx(np.log(3))
    assert clip_losses(np.array([[1000.0, 0.0], [0.0, 1000.0]]), np.array([0, 0])) == pytest.approx([0, 1000])


def test_the_confusion_matrix_has_the_truth_in_its_rows() -> None:
    assert confusion_matrix(LOGITS, TARGETS).tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]


def test_average_precision_by_hand() -> None:
    scores = np.array([[4.0], [3.0], [2.0], [1.0]])
    # Found at ranks 1 and 3: (1/1 + 2/3) / 2.
    assert average_precisions(scores, np.array([[1], [0], [1], [0]])) == pytest.approx([5 / 6])
    assert average_precisions(scores, np.array([[0], [0], [0], [1]])) == pytest.approx([1 / 4])


def test_average_precision_of_a_constant_is_the_share_of_the_class() -> None:
    truth = np.array([[1, 0], [0, 1], [0, 1], [0, 1]])
    assert average_precisions(np.zeros((4, 2)), truth) == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("decimals", [0, 1, 8])
def test_average_precision_is_that_of_scikit_learn(decimals: int) -> None:
    generator = np.random.default_rng(decimals)
    scores, truth = generator.normal(size=(60, 4)).round(decimals), generator.integers(0, 2, (60, 4))
    counts = generator.integers(0, 3, (5, 60))
    expected = [
        [sklearn.metrics.average_precision_score(truth[:, i], scores[:, i], sample_weight=count) for i in range(4)]
        for count in counts
    ]
    np.testing.assert_allclose(average_precisions(scores, truth, counts), expected)
    assert average_precisions(scores, truth).mean() == pytest.approx(
        sklearn.metrics.average_precision_score(truth, scores, average="macro")
    )


def test_a_clip_that_counts_twice_is_two_clips() -> None:
    generator = np.random.default_rng(1)
    scores, truth = generator.normal(size=(30, 3)), generator.integers(0, 2, (30, 3))
    counts = generator.integers(0, 3, 30)
    repeated = np.repeat(np.arange(30), counts)
    expected = average_precisions(scores[repeated], truth[repeated])
    assert average_precisions(scores, truth, counts) == pytest.approx(expected)


def test_a_class_that_no_clip_has_is_no_number() -> None:
    found = average_precisions(np.ones((3, 2)), np.array([[1, 0], [0, 0], [1, 0]]))
    assert found[0] == pytest.approx(2 / 3)
    assert np.isnan(found[1])


def test_f_lambda_weighs_action_against_privacy() -> None:
    assert f_lambda(1, 0) == 1
    assert f_lambda(0.8867, 0.0546) == pytest.approx(0.92, abs=0.005)  # KTH in Table 2 of the paper
    assert f_lambda(0.9, 0.3, 0) == pytest.approx(0.9)
    assert f_lambda(0.9, 0.3, 1) == pytest.approx(0.7)


def test_the_prior_knows_the_training_clips_only() -> None:
    train, test = np.array([2, 2, 2, 1, 1, 0]), np.array([0, 0, 0, 2, 1])
    assert prior_top_k(train, test, 4) == pytest.approx(1 / 5)
    assert prior_top_k(train, test, 4, k=2) == pytest.approx(2 / 5)
    # Counted once more for each of four classes: 2, 3, 4, 1 of 10.
    assert prior_loss(train, test, 4) == pytest.approx(-(3 * np.log(0.2) + np.log(0.4) + np.log(0.3)) / 5)
    assert np.isfinite(prior_loss(train, np.array([3]), 4))

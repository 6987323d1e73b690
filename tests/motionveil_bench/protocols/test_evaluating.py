"""What is reported about a network."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict

import numpy as np
import pytest

from motionveil._core.errors import InputError
from motionveil_bench.evaluation import Measure, average_precisions, evaluate
from motionveil_bench.records import Task

ACTION = Task("action", ("walk", "run", "jump"))
PRIVACY = Task("privacy", ("face", "nudity", "gender"), multilabel=True)


def by_name(measures: list[Measure]) -> dict[str, Measure]:
    json.dumps([asdict(measure) for measure in measures], allow_nan=False)
    return {measure.metric: measure for measure in measures}


def test_one_label() -> None:
    logits = np.eye(3)[[0, 0, 1, 1]] * 5
    found = by_name(evaluate(logits, np.array([0, 0, 1, 0]), ACTION, np.array([0, 0, 1, 2])))
    assert set(found) == {"top1", "loss"}
    top1 = found["top1"]
    assert (top1.value, top1.prior) == (0.75, 0.75)
    assert top1.interval[0] < 0.75 < top1.interval[1]
    confusion = {"confusion": [[2, 1, 0], [0, 1, 0], [0, 0, 0]], "classes": list(ACTION.classes)}
    assert top1.detail == {**confusion, "correct": "1110", "absent": ["jump"]}
    right = np.log(1 + 2 * np.exp(-5))
    assert found["loss"].value == pytest.approx(right + 5 / 4)
    assert found["loss"].prior == pytest.approx(-(3 * np.log(3 / 7) + np.log(2 / 7)) / 4)


def test_top5_needs_more_than_five_classes_and_a_large_confusion_matrix_is_left_out() -> None:
    generator = np.random.default_rng(0)
    for num, names in ((5, {"top1", "loss"}), (6, {"top1", "top5", "loss"}), (61, {"top1", "top5", "loss"})):
        targets = generator.integers(0, num, 200)
        task = Task("action", tuple(map(str, range(num))))
        found = by_name(evaluate(generator.normal(size=(200, num)), targets, task, targets))
        assert set(found) == names
        assert ("confusion" in found["top1"].detail) == (num <= 60)
    assert found["top1"].value <= found["top5"].value
    assert found["top1"].prior == np.bincount(targets).max() / 200


def test_several_labels() -> None:
    generator = np.random.default_rng(0)
    targets = generator.integers(0, 2, (80, 3))
    logits = targets + generator.normal(size=(80, 3))
    (cmap,) = evaluate(logits, targets, PRIVACY, targets, resamples=100)
    by_name([cmap])
    assert cmap.metric == "cmap"
    assert cmap.value == pytest.approx(average_precisions(logits, targets).mean())
    assert cmap.prior == pytest.approx(targets.mean())
    assert cmap.interval[0] < cmap.value < cmap.interval[1]
    assert list(cmap.detail["classes"]) == ["face", "nudity", "gender"]
    face = cmap.detail["classes"]["face"]
    assert face["prior"] == pytest.approx(targets[:, 0].mean())
    assert face["interval"][0] < face["value"] < face["interval"][1]


def test_a_class_that_no_test_clip_has_is_left_out_and_named() -> None:
    targets = np.zeros((20, 3), int)
    targets[:7, 0] = 1
    targets[0, 2] = 1  # in about a third of the draws there is none
    logits = np.random.default_rng(0).normal(size=(20, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (cmap,) = evaluate(logits, targets, PRIVACY, targets, resamples=100)
    by_name([cmap])
    assert cmap.detail["absent"] == ["nudity"]
    assert list(cmap.detail["classes"]) == ["face", "gender"]
    assert cmap.prior == pytest.approx((7 / 20 + 1 / 20) / 2)
    with pytest.raises(InputError, match="no test clip has any class"):
        evaluate(logits, np.zeros((20, 3), int), PRIVACY, targets)


def test_what_cannot_be_judged_is_refused() -> None:
    logits, targets = np.zeros((2, 3)), np.array([0, 1])
    nothing = np.zeros(0, int)
    with pytest.raises(InputError, match="no test clips"):
        evaluate(np.zeros((0, 3)), nothing, ACTION, targets)
    with pytest.raises(InputError, match="no training clips"):
        evaluate(logits, targets, ACTION, nothing)
    with pytest.raises(InputError, match="the test targets do not fit"):
        evaluate(logits, np.array([0, 3]), ACTION, targets)
    with pytest.raises(InputError, match="the training targets do not fit"):
        evaluate(np.zeros((2, 3)), np.zeros((2, 3), int), PRIVACY, targets)
    with pytest.raises(InputError, match="logits of shape"):
        evaluate(logits[:, :2], targets, ACTION, targets)
    with pytest.raises(InputError, match="no numbers"):
        evaluate(logits * np.nan, targets, ACTION, targets)

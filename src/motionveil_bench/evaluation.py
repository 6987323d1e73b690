"""Metrics of recognition, compared with a predictor that knows only the class frequencies. Pure functions.

Throughout, logits are (N, C) float; targets are (N,) int, class indices, or for tasks with several labels (N, C), 0 and
1. Intervals are percentiles of the bootstrap over test clips (Efron and Tibshirani, 1993, ch. 13): 95 % of the values
for other samples of the same size. The samples are always the same. If all clips agree, for instance if all are
correct, so do all samples, and the interval has no width, however few clips there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn.metrics

from motionveil._core.errors import InputError

from .records import Task

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
Booleans = npt.NDArray[np.bool_]


def top_k_correct(logits: Floats, targets: Integers, k: int = 1) -> Booleans:
    """Whether the target is among the k classes with the highest logits, (N,). Ties are won by the first class."""
    ranked = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return np.asarray((ranked == targets[:, None]).any(1))


def clip_losses(logits: Floats, targets: Integers) -> npt.NDArray[np.float64]:
    """Cross entropy of each clip, (N,), in nats."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(1))
    return np.asarray(log_sums - shifted[np.arange(len(targets)), targets])


def confusion_matrix(logits: Floats, targets: Integers) -> npt.NDArray[np.int64]:
    """Numbers of clips of each class (row) that were assigned to each class (column), (C, C)."""
    return np.asarray(sklearn.metrics.confusion_matrix(targets, logits.argmax(1), labels=np.arange(logits.shape[1])))


def average_precisions(
    scores: Floats, targets: Integers, weights: Floats | Integers | None = None
) -> npt.NDArray[np.float64]:
    """Average precision of each class, (C,); NaN for classes without clips. The mean over the classes is cMAP.

    The sum over ranks of precision times gain in recall, without interpolation; clips of equal score share a rank, as
    in scikit-learn. The weights of the clips may be those of many samples, (..., N), which gives (..., C). Scores only
    need to rank the clips.
    """
    weights = np.ones(len(targets)) if weights is None else weights
    return np.stack([_average_precision(*each, weights) for each in zip(scores.T, targets.T, strict=True)], axis=-1)


def _average_precision(score: Floats, truth: Integers, weights: Floats | Integers) -> npt.NDArray[np.float64]:
    order = np.argsort(-score, kind="stable")
    last_of_rank = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    seen = weights[..., order].cumsum(-1)[..., last_of_rank]
    found = (weights * truth)[..., order].cumsum(-1)[..., last_of_rank]
    precision = found / np.maximum(seen, 1e-12)  # ranks that were not drawn gain nothing
    gained = np.diff(found, prepend=0, axis=-1)
    total = found[..., -1]
    return np.where(total > 0, (precision * gained).sum(-1) / np.where(total > 0, total, 1), np.nan)


def f_lambda(action: float, privacy: float, weight: float = 0.5) -> float:
    """(1 - weight) * action + weight * (1 - privacy), both in [0, 1]: Eq. 6 of Ilic et al. (CVPR 2024); 1 is best."""
    return (1 - weight) * action + weight * (1 - privacy)


def prior_top_k(train_targets: Integers, targets: Integers, num_classes: int, k: int = 1) -> float:
    """Accuracy of always predicting the k most frequent training classes; ties are won by the first."""
    counts = np.bincount(train_targets, minlength=num_classes)
    return float(np.isin(targets, np.argsort(-counts, kind="stable")[:k]).mean())


def prior_loss(train_targets: Integers, targets: Integers, num_classes: int) -> float:
    """Mean cross entropy of predicting the training frequencies, with one more count per class, so that classes that do
    not occur in training are unlikely but not impossible.
    """
    counts = np.bincount(train_targets, minlength=num_classes) + 1
    return float(-np.log(counts[targets] / counts.sum()).mean())


Interval = tuple[float, float]
Values = npt.NDArray[np.floating[Any]] | npt.NDArray[np.bool_]

RESAMPLES = 1000
LEVEL = 0.95


def resampled_counts(num_clips: int, resamples: int = RESAMPLES, seed: int = 0) -> npt.NDArray[np.int64]:
    """How often each clip is drawn, if as many are drawn with replacement: (resamples, num_clips)."""
    return np.random.default_rng(seed).multinomial(num_clips, np.full(num_clips, 1 / num_clips), size=resamples)


def percentiles(values: npt.NDArray[np.float64]) -> Interval:
    """The central 95 % of some values, ignoring NaN."""
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def mean_interval(values: Values, *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The interval of the mean of a value per clip, (N,), such as correctness or loss.

    Clips with the same value are drawn together, so that correct and incorrect take two counts per sample instead of N.
    """
    found, counts = np.unique(np.asarray(values, np.float64), return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), size=resamples)
    return percentiles(drawn @ found / len(values))


def difference_interval(one: Values, other: Values, *, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The interval of the mean of `one` minus the mean of `other`, on the same clips in the same order.

    Pairs are drawn together, so what makes a clip easy or hard for both cancels out. Two obfuscators differ if the
    interval excludes zero.

    Raises:
        ValueError: If the lengths differ.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} and {len(other)} values are not of the same clips")
    differences = np.asarray(one, np.float64) - np.asarray(other, np.float64)
    return mean_interval(differences, resamples=resamples, seed=seed)


LARGEST_CONFUSION = 60
"""Maximum number of classes for which the confusion matrix is stored."""


@dataclass(frozen=True)
class Measure:
    """A metric.

    Attributes:
        name: Its name.
        value: Its value.
        prior: The value for a predictor that knows only the class frequencies.
        interval: 95 %, by bootstrap over the test clips.
        detail: Further results, JSON-serialisable.
    """

    metric: str
    value: float
    prior: float
    interval: Interval
    detail: Mapping[str, Any] = field(default_factory=dict)


def evaluate(
    logits: Floats, targets: Integers, task: Task, train_targets: Integers, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Measure]:
    """Compute the metrics of a task, from logits (N, C) on the test clips and the targets of test and training.

    Single label: 'top1', with the confusion matrix and its classes, the classes without test clips, and the correctness
    of each clip ('1' and '0') as detail; 'top5' if there are more than five classes; 'loss'. Several labels: 'cmap',
    the mean average precision over the classes with test clips, with value, prior and interval of each class, and the
    names of omitted classes, as detail. The prior of an average precision is the fraction of the test clips with that
    class.

    Raises:
        InputError: If there are no test or training clips, or logits or targets do not match the task.
    """
    _check(logits, targets, task, train_targets)
    if task.multilabel:
        return [_cmap(logits, targets, task, resamples, seed)]
    num_classes = len(task.classes)
    measures = []
    for k in (1, 5) if num_classes > 5 else (1,):
        correct = top_k_correct(logits, targets, k)
        prior = prior_top_k(train_targets, targets, num_classes, k)
        interval = mean_interval(correct, resamples=resamples, seed=seed)
        detail = _classes(logits, targets, task) if k == 1 else {}
        measures.append(Measure(f"top{k}", float(correct.mean()), prior, interval, detail))
    losses = clip_losses(logits, targets)
    interval = mean_interval(losses, resamples=resamples, seed=seed)
    measures.append(Measure("loss", float(losses.mean()), prior_loss(train_targets, targets, num_classes), interval))
    return measures


def _classes(logits: Floats, targets: Integers, task: Task) -> dict[str, Any]:
    detail: dict[str, Any] = {}
    if len(task.classes) <= LARGEST_CONFUSION:
        detail["confusion"] = confusion_matrix(logits, targets).tolist()
        detail["classes"] = list(task.classes)
    detail["correct"] = "".join("1" if right else "0" for right in top_k_correct(logits, targets))
    absent = [name for number, name in enumerate(task.classes) if not (targets == number).any()]
    if absent:
        detail["absent"] = absent
    return detail


def _cmap(logits: Floats, targets: Integers, task: Task, resamples: int, seed: int) -> Measure:
    values = average_precisions(logits, targets)
    occurs = ~np.isnan(values)
    if not occurs.any():
        raise InputError(f"no test clip has any class of the task {task.name}; check the annotations, or the split")
    drawn = average_precisions(logits, targets, resampled_counts(len(targets), resamples, seed))
    priors = targets.mean(0)
    detail: dict[str, Any] = {
        "classes": {
            name: {"value": float(values[i]), "prior": float(priors[i]), "interval": list(percentiles(drawn[:, i]))}
            for i, name in enumerate(task.classes)
            if occurs[i]
        }
    }
    if not occurs.all():
        detail["absent"] = [name for name, has in zip(task.classes, occurs, strict=True) if not has]
    # a sample without clips of a class provides no value for it
    means = np.nanmean(drawn[~np.isnan(drawn).all(1)], axis=1)
    return Measure("cmap", float(values[occurs].mean()), float(priors[occurs].mean()), percentiles(means), detail)


def _check(logits: Floats, targets: Integers, task: Task, train_targets: Integers) -> None:
    for part, labels in (("test", targets), ("training", train_targets)):
        if len(labels) == 0:
            raise InputError(f"there are no {part} clips for the task {task.name}; check the split")
        shape = (len(labels), len(task.classes)) if task.multilabel else (len(labels),)
        highest = 1 if task.multilabel else len(task.classes) - 1
        if labels.shape != shape or not np.isin(labels, np.arange(highest + 1)).all():
            raise InputError(
                f"the {part} targets do not fit the task {task.name} with {len(task.classes)} classes; check the labels"
            )
    if logits.shape != (len(targets), len(task.classes)):
        raise InputError(
            f"logits of shape {logits.shape} do not fit {len(targets)} test clips and the {len(task.classes)} classes "
            f"of the task {task.name}; check the network"
        )
    if not np.isfinite(logits).all():
        raise InputError(f"some logits for the task {task.name} are no numbers; train the network again")

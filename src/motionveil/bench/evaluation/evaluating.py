"""All that is reported about one network on one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..._core.errors import InputError
from ..records import Task
from .intervals import RESAMPLES, Interval, mean_interval, percentiles, resampled_counts
from .metrics import (
    Floats,
    Integers,
    average_precisions,
    clip_losses,
    confusion_matrix,
    prior_loss,
    prior_top_k,
    top_k_correct,
)

LARGEST_CONFUSION = 60
"""Classes up to which the confusion matrix is kept."""


@dataclass(frozen=True)
class Measure:
    """A figure: its name, its value, the value of whoever knows only how often each class occurs, its interval (95 %,
    bootstrap over the test clips), and what does not fit a number, as JSON can hold it."""

    metric: str
    value: float
    prior: float
    interval: Interval
    detail: Mapping[str, Any] = field(default_factory=dict)


def evaluate(
    logits: Floats, targets: Integers, task: Task, train_targets: Integers, *, resamples: int = RESAMPLES, seed: int = 0
) -> list[Measure]:
    """The measures of a task, from logits (N, C) on the test clips and the targets of test and training.

    One label: 'top1', whose detail is the confusion matrix with its classes, the classes without a test clip, and which
    clips were right, in their order ('1' and '0'); 'top5' where there are more than five classes; 'loss'. Several
    labels at once: 'cmap', the mean of the average precisions of those classes that some test clip has, whose detail is
    value, prior and interval of each class, and the names of those left out. The prior of an average precision is the
    share of the test clips that have the class.

    Raises InputError without test or training clips, and for logits or targets that are not those of the task.
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
    # A draw without any clip of a class says nothing about it.
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

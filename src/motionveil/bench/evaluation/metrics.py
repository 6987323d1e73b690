"""The arithmetic of recognition rates.

Throughout: logits (N, C) float; targets (N,) int, the numbers of classes; with several labels at once (N, C), 0 and 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn.metrics

Floats = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
Booleans = npt.NDArray[np.bool_]


def top_k_correct(logits: Floats, targets: Integers, k: int = 1) -> Booleans:
    """Whether the target is among the k classes with the highest logits, (N,); of equal logits the first class wins."""
    ranked = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    return np.asarray((ranked == targets[:, None]).any(1))


def clip_losses(logits: Floats, targets: Integers) -> npt.NDArray[np.float64]:
    """Cross entropy of every clip, (N,), in nats."""
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(1))
    return np.asarray(log_sums - shifted[np.arange(len(targets)), targets])


def confusion_matrix(logits: Floats, targets: Integers) -> npt.NDArray[np.int64]:
    """How many clips of each class (row) were taken for each class (column), (C, C)."""
    return np.asarray(sklearn.metrics.confusion_matrix(targets, logits.argmax(1), labels=np.arange(logits.shape[1])))


def average_precisions(
    scores: Floats, targets: Integers, weights: Floats | Integers | None = None
) -> npt.NDArray[np.float64]:
    """Average precision of each class, (C,); NaN for a class that no clip has. The mean over the classes is cMAP.

    The sum over the ranks of precision times gain in recall, without interpolation, where clips of equal score share a
    rank: what scikit-learn gives. Here weights, how much each clip counts, may be those of many draws, (..., N), which
    makes it (..., C). Scores need only rank the clips.
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
    """(1 - weight) * action + weight * (1 - privacy), both in [0, 1]: Ilic et al. (CVPR 2024), Eq. 6; best is 1."""
    return (1 - weight) * action + weight * (1 - privacy)


def prior_top_k(train_targets: Integers, targets: Integers, num_classes: int, k: int = 1) -> float:
    """Accuracy of always naming the k most frequent classes of the training clips; of equal ones, the first."""
    counts = np.bincount(train_targets, minlength=num_classes)
    return float(np.isin(targets, np.argsort(-counts, kind="stable")[:k]).mean())


def prior_loss(train_targets: Integers, targets: Integers, num_classes: int) -> float:
    """Mean cross entropy of always giving each class its frequency in training, counted once more for each class, so
    that a class which never occurred there is unlikely but not impossible."""
    counts = np.bincount(train_targets, minlength=num_classes) + 1
    return float(-np.log(counts[targets] / counts.sum()).mean())

"""How well networks recognise, against whoever knows only how often each class occurs. All functions are pure."""

from .evaluating import Measure, evaluate
from .intervals import difference_interval, mean_interval
from .metrics import (
    average_precisions,
    clip_losses,
    confusion_matrix,
    f_lambda,
    prior_loss,
    prior_top_k,
    top_k_correct,
)

__all__ = [
    "Measure",
    "average_precisions",
    "clip_losses",
    "confusion_matrix",
    "difference_interval",
    "evaluate",
    "f_lambda",
    "mean_interval",
    "prior_loss",
    "prior_top_k",
    "top_k_correct",
]

"""One loop that trains all networks, and one that evaluates them."""

from .fitting import fit
from .history import Epoch, Fitted, Progress, is_finished, load_best, load_weights
from .loading import TrainingSet, ViewSet, predict
from .settings import Training, make_fabric, random_numbers

__all__ = [
    "Epoch",
    "Fitted",
    "Progress",
    "Training",
    "TrainingSet",
    "ViewSet",
    "fit",
    "is_finished",
    "load_best",
    "load_weights",
    "make_fabric",
    "predict",
    "random_numbers",
]

"""Network weights that do not ship with motionveil: which there are, where they lie, and how they come here."""

from .arrival import OnProgress, fetch_weights, import_weights
from .folder import find_weights, locate, looks_right, verify_weights, weights_folders, weights_sha256
from .table import WEIGHTS, Weights, get_weights

__all__ = [
    "WEIGHTS",
    "OnProgress",
    "Weights",
    "fetch_weights",
    "find_weights",
    "get_weights",
    "import_weights",
    "locate",
    "looks_right",
    "verify_weights",
    "weights_folders",
    "weights_sha256",
]

"""Optional network weights, which are not part of the package: registry, search, download and import."""

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

"""Runs networks: the package's own on OpenVINO; the only place that knows an inference library."""

from .checkpoint import read_checkpoint, require_torch
from .network import ENGINES, Network, load_network

__all__ = ["ENGINES", "Network", "load_network", "read_checkpoint", "require_torch"]

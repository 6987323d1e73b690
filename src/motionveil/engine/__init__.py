"""Runs networks: the package's own on OpenVINO; the only place that knows an inference library."""

from .network import ENGINES, Network, load_network

__all__ = ["ENGINES", "Network", "load_network"]

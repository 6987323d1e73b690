"""Inference engines. The only package that uses an inference library."""

from .cache import cache_folder
from .checkpoint import read_checkpoint, read_vector, require_torch
from .network import (
    ENGINES,
    PRECISIONS,
    ModuleSource,
    Network,
    choose_engine,
    describe_engine,
    has_cuda,
    load_network,
)

__all__ = [
    "ENGINES",
    "PRECISIONS",
    "ModuleSource",
    "Network",
    "cache_folder",
    "choose_engine",
    "describe_engine",
    "has_cuda",
    "load_network",
    "read_checkpoint",
    "read_vector",
    "require_torch",
]

"""One protocol for every engine, and the choice between them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol

from ..errors import OptionError, WeightsError
from ..types import Float32Array, UInt8Array
from .openvino import OpenVINONetwork


class Network(Protocol):
    """A network ready to run; one object may be called from several threads."""

    engine: str
    """What runs it, in words, for instance ``openvino CPU bf16``."""
    digest: str
    """sha256 of the file, in hexadecimal."""

    def __call__(self, images: UInt8Array) -> Float32Array:
        """(T, H, W, 3) uint8 RGB to (T, h, w, D) float32."""
        ...


ENGINES = {"openvino": OpenVINONetwork}
"""Engines by name; a new one is one file and one line here."""


def load_network(path: Path, *, engine: str = "auto", threads: int | None = None) -> Network:
    """Load an ONNX file. engine: 'auto' or a name from `ENGINES`. threads: None takes all processors.

    Raises WeightsError where the file is missing or not a network, OptionError for an unknown engine.
    """
    if engine != "auto" and engine not in ENGINES:
        raise OptionError(f"no engine {engine!r}; choose from auto, {', '.join(ENGINES)}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}); reinstall motionveil") from error
    chosen = ENGINES["openvino" if engine == "auto" else engine]
    return chosen(data, digest=hashlib.sha256(data).hexdigest(), path=path, threads=threads)

"""Turns torch modules into OpenVINO models, and keeps what was made."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

from ..files import hidden_name, make_folders
from .checkpoint import require_torch
from .network import ModuleSource

_log = logging.getLogger(__name__)
Inputs = tuple[tuple[tuple[int, ...], str], ...]
"""Shape, without the first axis, and type of every input."""


def cache_folder() -> Path:
    """Where converted networks are kept: MOTIONVEIL_CACHE, or the user's cache folder. It may be deleted."""
    return Path(os.environ.get("MOTIONVEIL_CACHE") or Path(platformdirs.user_cache_dir("motionveil")) / "networks")


def converted(source: ModuleSource, inputs: Inputs, core: Any, examples: Sequence[Any] | None) -> Any:
    """The OpenVINO model of a torch module for one item of these inputs, from the cache where it is there.

    examples: values for 8-bit quantisation; None leaves the network as it is. Of the examples nothing is kept but the
    ranges of values inside the network. Raises DependencyError without torch where it is not there.
    """
    path = cache_folder() / f"{source.name}-{_key(source, inputs, examples)}.xml"
    if path.exists():
        # What cannot be read (cut short, of another version) is made again.
        with contextlib.suppress(RuntimeError):
            return core.read_model(path)
    _log.info("converting %s for this size; that happens once", source.name)
    model = _convert(source, inputs, examples)
    with contextlib.suppress(OSError, RuntimeError):
        _keep(model, path)
        # Read back, because reading simplifies it: the first run and the next shall give the same to the last bit.
        return core.read_model(path)
    return model


def _key(source: ModuleSource, inputs: Inputs, examples: Sequence[Any] | None) -> str:
    digest = hashlib.sha256()
    for part in (source.digest, source.code_digest, inputs, version("openvino"), version("motionveil")):
        digest.update(repr(part).encode())
    for array in examples or ():
        digest.update(array.tobytes())
    return digest.hexdigest()[:24]


def _convert(source: ModuleSource, inputs: Inputs, examples: Sequence[Any] | None) -> Any:
    torch = require_torch()
    openvino = import_module("openvino")
    module = source.build(tuple(shape for shape, _ in inputs))
    if examples is not None:
        from .quantize import quantised

        module = quantised(module, examples, source.normalised(module))
    zeros = tuple(torch.zeros((1, *shape), dtype=getattr(torch, kind)) for shape, kind in inputs)
    with warnings.catch_warnings(), torch.inference_mode():
        # Tracing warns of every shape that it fixes; they are meant to be fixed.
        warnings.simplefilter("ignore")
        # Left to itself, the conversion would run the module several times to check that it is the same each time.
        traced = torch.jit.trace(module, zeros, check_trace=False)
        model = openvino.convert_model(traced, example_input=zeros)
    model.reshape({index: [1, *shape] for index, (shape, _) in enumerate(inputs)})
    return model


def _keep(model: Any, path: Path) -> None:
    """Write the two files of a model so that it is there as a whole or not at all."""
    make_folders(path.parent)
    working = hidden_name(path).with_suffix(".xml")
    try:
        import_module("openvino").save_model(model, working, compress_to_fp16=False)
        working.with_suffix(".bin").replace(path.with_suffix(".bin"))
        working.replace(path)
    finally:
        for suffix in (".bin", ".xml"):
            working.with_suffix(suffix).unlink(missing_ok=True)

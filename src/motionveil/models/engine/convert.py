"""Converts torch modules to OpenVINO models, with a cache."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .cache import entry, is_intact, keep
from .checkpoint import require_torch
from .network import Examples, ModuleSource

_log = logging.getLogger(__name__)
_lock = threading.Lock()
"""Tracing changes process-wide warning filters, so networks are converted one at a time."""
Inputs = tuple[tuple[tuple[int, ...], str], ...]
"""Shape, without the first axis, and type of each input."""
_MODEL = "model.xml"


def converted(source: ModuleSource, inputs: Inputs, core: Any, examples: Examples | None) -> Any:
    """The OpenVINO model of a torch module for one item of these inputs, from the cache if possible.

    Args:
        source: The torch module.
        inputs: Shapes and types.
        core: The OpenVINO core.
        examples: Calibration data for int8; None for no quantisation. Quantised networks are not cached, because they
            contain value ranges of the user's frames.

    Raises:
        DependencyError: If the network is not cached and torch is not installed.
    """
    if examples is not None:
        return _convert(source, inputs, examples(tuple(shape for shape, _ in inputs)))
    versions = [version(name) for name in ("openvino", "torch", "motionveil")]
    folder = entry(source.name, source.digest, source.code_digest, Path(__file__).read_bytes(), inputs, versions)
    # Damaged and outdated entries are rebuilt.
    with contextlib.suppress(OSError, RuntimeError):
        if is_intact(folder):
            return core.read_model(folder / _MODEL)
    model = _convert(source, inputs, None)
    with contextlib.suppress(OSError, RuntimeError):
        save = import_module("openvino").save_model
        keep(folder, lambda working: save(model, working / _MODEL, compress_to_fp16=False))
        # Read it back, because reading simplifies the model: all runs must give bit-identical results.
        return core.read_model(folder / _MODEL)
    return model


def _convert(source: ModuleSource, inputs: Inputs, examples: Sequence[Any] | None) -> Any:
    torch = require_torch()
    openvino = import_module("openvino")
    if examples is None:
        _log.info("%s: converting the network for this size (once)", source.name)
    else:
        _log.info("%s: calibrating and converting the network for this run (not cached)", source.name)
    with _lock, warnings.catch_warnings():
        # Tracing warns about every shape that becomes constant, which is intended.
        warnings.simplefilter("ignore")
        module = source.build(tuple(shape for shape, _ in inputs))
        if examples is not None:
            module = import_module(f"{__package__}.quantize").quantised(module, examples, source.normalised(module))
        zeros = tuple(torch.zeros((1, *shape), dtype=getattr(torch, kind)) for shape, kind in inputs)
        with torch.inference_mode():
            # By default, conversion would run the module repeatedly to check that it is deterministic.
            traced = torch.jit.trace(module, zeros, check_trace=False)
            model = openvino.convert_model(traced, example_input=zeros)
    model.reshape({index: [1, *shape] for index, (shape, _) in enumerate(inputs)})
    return model

"""Converts torch modules to OpenVINO models, with a cache."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

from ..._core.atomic_files import hidden_folder, make_folders, release, remove, sweep
from .checkpoint import require_torch
from .network import Examples, ModuleSource

_log = logging.getLogger(__name__)
_lock = threading.Lock()
"""Tracing changes process-wide warning filters, so networks are converted one at a time."""
Inputs = tuple[tuple[tuple[int, ...], str], ...]
"""Shape, without the first axis, and type of each input."""
_MODEL, _DIGEST = "model.xml", "sha256"
_MOST_BYTES = 2_000_000_000


def cache_folder() -> Path:
    """The cache of converted networks: MOTIONVEIL_CACHE, or the user's cache directory. Safe to delete."""
    return Path(os.environ.get("MOTIONVEIL_CACHE") or Path(platformdirs.user_cache_dir("motionveil")) / "networks")


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
    folder = cache_folder() / f"{source.name}-{_key(source, inputs)}"
    # Damaged and outdated entries are rebuilt.
    with contextlib.suppress(OSError, RuntimeError):
        if _intact(folder):
            os.utime(folder)
            return core.read_model(folder / _MODEL)
    model = _convert(source, inputs, None)
    with contextlib.suppress(OSError, RuntimeError):
        _keep(model, folder)
        _prune(folder.parent)
        # Read it back, because reading simplifies the model: all runs must give bit-identical results.
        return core.read_model(folder / _MODEL)
    return model


def _key(source: ModuleSource, inputs: Inputs) -> str:
    digest = hashlib.sha256()
    versions = [version(name) for name in ("openvino", "torch", "motionveil")]
    for part in (source.digest, source.code_digest, Path(__file__).read_bytes(), inputs, versions):
        digest.update(repr(part).encode())
    return digest.hexdigest()[:24]


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


def _keep(model: Any, folder: Path) -> None:
    """Write a model atomically, with checksums to verify it."""
    make_folders(folder.parent)
    sweep(folder.parent)
    working = hidden_folder(folder)
    try:
        import_module("openvino").save_model(model, working / _MODEL, compress_to_fp16=False)
        (working / _DIGEST).write_text(_digest(working))
        if folder.exists():
            remove(folder)
        working.rename(folder)
        release(working)
    finally:
        remove(working)


def _prune(cache: Path) -> None:
    """Remove the least recently used networks while the cache exceeds `_MOST_BYTES`."""
    folders = sorted(
        (path for path in cache.iterdir() if (path / _DIGEST).is_file()), key=lambda path: -path.stat().st_mtime
    )
    total = 0
    for folder in folders:
        total += sum(path.stat().st_size for path in folder.iterdir())
        if total > _MOST_BYTES:
            remove(folder)


def _digest(folder: Path) -> str:
    """sha256 of both files of a model, in hexadecimal."""
    digest = hashlib.sha256()
    for path in (folder / _MODEL, (folder / _MODEL).with_suffix(".bin")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _intact(folder: Path) -> bool:
    return folder.is_dir() and (folder / _DIGEST).read_text() == _digest(folder)

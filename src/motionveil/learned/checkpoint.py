"""Files of learned obfuscators: weights and description in one safetensors file, which cannot execute anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import safe_open
from safetensors.torch import save

from .._core.atomic_files import write_file
from .._core.errors import OptionError, WeightsError
from ..models.weights.folder import weights_sha256
from ..outputs.run_manifest import plain
from .degradation import Degradation, whole_number
from .methods import HOW_TO_MAKE, LEARNED_METHODS
from .obfuscator import Fit, LearnedObfuscator
from .tables import build_degradation

_KEY = "motionveil.learned"
_VERSION = 1


def save_learned(
    path: str | Path, degradation: Degradation, *, method: str, size: int, fit: Fit, about: Mapping[str, Any]
) -> None:
    """Write a trained degradation atomically. An existing file is replaced.

    For method, size, fit and about, see `LearnedObfuscator`; `about` is stored as JSON.

    Raises:
        OptionError: If the arguments are invalid.
        OutputError: If the file cannot be written.
    """
    told = {
        "version": _VERSION,
        "method": method,
        "degradation": degradation.name,
        "settings": degradation.settings,
        "size": size,
        "fit": fit,
        "about": plain(about),
    }
    _check(told)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in degradation.state_dict().items()}
    # A single entry, as the order of several would differ between files.
    write_file(Path(path), save(tensors, {_KEY: json.dumps(told)}))


def load_learned(path: str | Path, *, method: str | None = None, device: str = "auto") -> LearnedObfuscator:
    """Load an obfuscator from a file written by `save_learned`. The file is not trusted.

    Args:
        path: The file.
        method: The method that it must have; None for any.
        device: Where it runs, see `LearnedObfuscator`.

    Raises:
        WeightsError: If the file is missing, damaged, of another format, or of another method.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"there is no file {path}; check the path, or train one with: {HOW_TO_MAKE}")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names} if _KEY in metadata else {}
    except Exception as error:  # the reader raises arbitrary errors on damaged files
        raise WeightsError(
            f"{path} is damaged or no safetensors file; copy it again, or train one with: {HOW_TO_MAKE}"
        ) from error
    if _KEY not in metadata:
        raise WeightsError(f"{path} holds no learned obfuscator; give a file that was trained with: {HOW_TO_MAKE}")
    told = _told(path, metadata[_KEY])
    if method is not None and told["method"] != method:
        raise WeightsError(f"{path} holds the method {told['method']}, not {method}; choose `method` {told['method']}")
    return LearnedObfuscator(
        _filled(path, told, tensors), method=told["method"], size=told["size"], fit=told["fit"], about=told["about"],
        device=device, sha256=weights_sha256(path),
    )  # fmt: skip


def _told(path: Path, text: str) -> dict[str, Any]:
    """The validated metadata."""
    try:
        told = json.loads(text)
        if told["version"] != _VERSION:
            raise WeightsError(f"{path} is of a later motionveil; install that, or train it again with: {HOW_TO_MAKE}")
        _check(told)
        return {key: told[key] for key in ("method", "degradation", "settings", "size", "fit", "about")}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WeightsError(f"{path} does not say what it is; train it again with: {HOW_TO_MAKE}") from error
    except OptionError as error:
        raise WeightsError(f"{path} cannot be used ({error}); train it again with: {HOW_TO_MAKE}") from error


def _check(told: Mapping[str, Any]) -> None:
    if told["method"] not in LEARNED_METHODS:
        raise OptionError(f"no learned method {told['method']!r}; choose from {', '.join(LEARNED_METHODS)}")
    if told["fit"] not in get_args(Fit):
        raise OptionError(f"fit is {told['fit']!r}; choose one of {', '.join(get_args(Fit))}")
    whole_number("size", told["size"], 1, 4096)
    if not isinstance(told["about"], dict) or not isinstance(told["settings"], dict):
        raise OptionError("about and settings are to be names with values")


def _filled(path: Path, told: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Degradation:
    """The degradation that the tensors belong to."""
    try:
        # On the meta device, which allocates no memory: a file may claim to be huge.
        with torch.device("meta"):
            degradation = build_degradation(told["degradation"], **told["settings"])
    except (OptionError, TypeError) as error:
        raise WeightsError(f"{path} cannot be used ({error}); train it again with: {HOW_TO_MAKE}") from error
    wanted = degradation.state_dict()
    odd = sorted(wanted.keys() ^ tensors.keys())
    odd += sorted(
        name
        for name in wanted.keys() & tensors.keys()
        if wanted[name].shape != tensors[name].shape or wanted[name].dtype != tensors[name].dtype
    )
    if odd:
        raise WeightsError(
            f"{path} does not fit {told['degradation']}: {len(odd)} tensors are missing, unknown or of another shape, "
            f"for instance {odd[0]}; train it again with: {HOW_TO_MAKE}"
        )
    broken = [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise WeightsError(
            f"{path} holds numbers that are not finite, for instance in {broken[0]}; train it again with: {HOW_TO_MAKE}"
        )
    degradation.load_state_dict(dict(tensors), assign=True)
    return degradation

"""Reads network weights from files without executing anything in them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..._core.errors import DependencyError, WeightsError
from ..._core.types import Float32Array

_WRAPPERS = ("state_dict", "model", "teacher", "model_state_dict", "model_state")
_PREFIXES = ("module.", "backbone.")


def require_torch() -> Any:
    """The module `torch`.

    Raises:
        DependencyError: If it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise DependencyError("this needs PyTorch; install it with: pip install 'motionveil[torch]'") from error


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Tensors by name (torch, on the CPU) from a .safetensors file or a PyTorch checkpoint.

    Nested state dicts (teacher, state_dict, …) are unwrapped. If training left prefixes ('module.', 'backbone.'), they
    are removed, and tensors without them are dropped. Pickled code is rejected, never executed.

    Raises:
        WeightsError: If the file is missing, damaged, or not a checkpoint.
        DependencyError: If torch is not installed.
    """
    torch = require_torch()
    found = _load(Path(path))
    for name in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not any(isinstance(value, torch.Tensor) for value in found.values()):
        raise WeightsError(f"{path} contains no network weights; give a file with a state dict")
    tensors = {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}
    for prefix in _PREFIXES:
        # A full training checkpoint contains heads besides the backbone, which are not needed.
        if any(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return tensors


def read_vector(path: str | Path) -> Float32Array:
    """The only tensor in a file, flattened, as the published code saves descriptors. Raises WeightsError otherwise."""
    torch = require_torch()
    found = _load(Path(path))
    if isinstance(found, Mapping) and len(found) == 1:
        found = next(iter(found.values()))
    if not isinstance(found, torch.Tensor) or sum(length > 1 for length in found.shape) != 1:
        raise WeightsError(f"{path} does not contain a single descriptor; give a file written by save_descriptor")
    return np.asarray(found.flatten().float().numpy(), np.float32)


def _load(path: Path) -> Any:
    """The content of a file, with tensors on the CPU; pickled code is rejected."""
    torch = require_torch()
    if path.suffix in (".index", ".meta") or ".data-00" in path.name or path.with_name(f"{path.name}.index").exists():
        raise WeightsError(
            f"{path} is a TensorFlow checkpoint, which cannot be read here; where TensorFlow is installed, write its "
            "variables to a .safetensors file under the names of the network here"
        )
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; check the path")
    try:
        with path.open("rb") as file:
            is_safetensors = file.read(9)[8:] == b"{"
        if is_safetensors:
            return importlib.import_module("safetensors.torch").load_file(str(path))
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # readers raise arbitrary errors on damaged files
        raise WeightsError(
            f"{path} is damaged, or contains more than weights; download it again, or give a .safetensors file"
        ) from error

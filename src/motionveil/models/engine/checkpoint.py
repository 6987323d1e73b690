"""Reads network weights from files; never runs anything that a file holds."""

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
    """The module `torch`. Raises DependencyError with the line that installs it."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise DependencyError("this needs PyTorch; install it with: pip install 'motionveil[torch]'") from error


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Tensors by name (torch, on the CPU) from a .safetensors file or a PyTorch checkpoint.

    Checkpoints that hold the weights under a name of their own (teacher, state_dict, …) are unwrapped, and the prefixes
    that training leaves ('module.', 'backbone.') are dropped, with what does not carry them. Pickled code is refused,
    not run. Raises WeightsError where the file is missing, damaged or something else, DependencyError without torch.
    """
    torch = require_torch()
    found = _load(Path(path))
    for name in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not any(isinstance(value, torch.Tensor) for value in found.values()):
        raise WeightsError(f"{path} holds no network weights; give a file with a state dict")
    tensors = {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}
    for prefix in _PREFIXES:
        # A whole training checkpoint holds heads beside the backbone, which nobody needs.
        if any(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return tensors


def read_vector(path: str | Path) -> Float32Array:
    """The only tensor of a file, flattened, as the published code saves descriptors. Raises WeightsError otherwise."""
    torch = require_torch()
    found = _load(Path(path))
    if isinstance(found, Mapping) and len(found) == 1:
        found = next(iter(found.values()))
    if not isinstance(found, torch.Tensor) or sum(length > 1 for length in found.shape) != 1:
        raise WeightsError(f"{path} does not hold one descriptor; give a file that save_descriptor wrote")
    return np.asarray(found.flatten().float().numpy(), np.float32)


def _load(path: Path) -> Any:
    """What a file holds, tensors on the CPU; pickled code is refused."""
    torch = require_torch()
    if not path.is_file():
        raise WeightsError(f"there is no file {path}; check the path")
    try:
        with path.open("rb") as file:
            is_safetensors = file.read(9)[8:] == b"{"
        if is_safetensors:
            return importlib.import_module("safetensors.torch").load_file(str(path))
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged files raise whatever the reader stumbles over
        raise WeightsError(
            f"{path} is damaged, or holds more than weights; fetch it again, or give a .safetensors file"
        ) from error

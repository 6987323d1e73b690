"""Array operations with identical semantics on all devices. The only package that distinguishes between devices.

Arrays are numpy arrays on the CPU and torch tensors on a GPU; a function runs where its first array is. Annotations in
the whole package name numpy arrays, which stand for tensors of the same shape and type too. Code that runs on both uses
only these functions, and operators and methods that both kinds of array have.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any, TypeVar, cast

import numpy as np

from .._core.types import Float32Array
from . import cpu
from .cpu import Array, single_threaded
from .masks import Mask, colours_in, depth, draw_stroke, fill_polygon, nearest_piece, pieces, sample_numbers
from .reduction import INTERPOLATIONS, Interpolation, blur_image, inpaint, resample_image

Device = str | None
"""Device of arrays: a torch device name for tensors; None for numpy arrays."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _cuda() -> ModuleType:
    """Torch is optional and slow to import, so it is loaded only when there are tensors."""
    from . import cuda

    return cuda


def _placed(function: Function) -> Function:
    """Dispatch a function of `cpu` to that of the same name in `cuda` if the first array is a tensor."""
    name = function.__name__

    @wraps(function)
    def call(first: Any, *others: Any, **options: Any) -> Any:
        array = first[0] if isinstance(first, list | tuple) else first
        chosen = function if isinstance(array, np.ndarray) else getattr(_cuda(), name)
        return chosen(first, *others, **options)

    return cast(Function, call)


as_float32 = _placed(cpu.as_float32)
as_uint8 = _placed(cpu.as_uint8)
blend = _placed(cpu.blend)
dilate = _placed(cpu.dilate)
floor = _placed(cpu.floor)
greatest = _placed(cpu.greatest)
grey = _placed(cpu.grey)
mirror = _placed(cpu.mirror)
mix = _placed(cpu.mix)
resize_flow = _placed(cpu.resize_flow)
resize_image = _placed(cpu.resize_image)
resize_lanczos = _placed(cpu.resize_lanczos)
resize_map = _placed(cpu.resize_map)
sample = _placed(cpu.sample)
sample_image = _placed(cpu.sample_image)
smooth = _placed(cpu.smooth)
stack = _placed(cpu.stack)
warp = _placed(cpu.warp)


def pixel_grid(height: int, width: int, *, device: Device = None) -> Float32Array:
    """(height, width, 2) float32: the coordinates (x, y) of each pixel."""
    return cpu.pixel_grid(height, width) if device is None else _cuda().pixel_grid(height, width, device)


def zeros(shape: tuple[int, ...], *, device: Device = None) -> Float32Array:
    """Float32 zeros."""
    return np.zeros(shape, np.float32) if device is None else _cuda().zeros(shape, device)


def device_of(array: Any) -> Device:
    """The device of an array."""
    return None if isinstance(array, np.ndarray) else str(array.device)


def to_device(array: Array, device: Device) -> Array:
    """Move an array to a device; no copy if it is there already."""
    if device is not None:
        return cast(Array, _cuda().to_device(array, device))
    return array if device_of(array) is None else cast(Any, array).cpu().numpy()


def to_host(array: Array) -> Array:
    """Convert to a numpy array; copying from the GPU waits for all previous operations."""
    return to_device(array, None)


__all__ = [
    "INTERPOLATIONS",
    "Device",
    "Interpolation",
    "Mask",
    "as_float32",
    "as_uint8",
    "blend",
    "blur_image",
    "colours_in",
    "depth",
    "device_of",
    "dilate",
    "draw_stroke",
    "fill_polygon",
    "floor",
    "greatest",
    "grey",
    "inpaint",
    "mirror",
    "mix",
    "nearest_piece",
    "pieces",
    "pixel_grid",
    "resample_image",
    "resize_flow",
    "resize_image",
    "resize_lanczos",
    "resize_map",
    "sample",
    "sample_image",
    "sample_numbers",
    "single_threaded",
    "smooth",
    "stack",
    "to_device",
    "to_host",
    "warp",
    "zeros",
]

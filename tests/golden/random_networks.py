"""Weights and inputs of networks, from names and shapes alone: the same with every version of every library."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping

import numpy as np
import torch


def _uniform(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Numbers in [-1, 1) that depend on the name."""
    count = int(np.prod(shape))
    # Only the raw bits of a generator are promised never to change.
    raw = np.random.PCG64(zlib.crc32(name.encode())).random_raw(-(-count // 2)).astype("<u8").view("<u4")[:count]
    return torch.from_numpy(((raw >> 8).astype(np.float32) / np.float32(2**23) - 1).reshape(shape))


def random_state(shapes: Mapping[str, Iterable[int]]) -> dict[str, torch.Tensor]:
    """A state dict, so scaled that what a network computes neither fades nor grows beyond some hundreds."""
    made = {}
    for name, given in shapes.items():
        shape = tuple(given)
        if name.endswith("num_batches_tracked"):
            made[name] = torch.zeros(shape, dtype=torch.int64)
        elif len(shape) > 1:
            # Positions and class tokens, (1, …), have no inputs that they sum over.
            fan_in = np.prod(shape[1:]) if shape[0] > 1 else 6
            made[name] = _uniform(name, shape) * float((3 / fan_in) ** 0.5)
        elif name.endswith(("weight", "running_var")):
            made[name] = 1 + _uniform(name, shape) / 2
        else:
            made[name] = _uniform(name, shape) / 10
    return made


def random_input(*shape: int) -> torch.Tensor:
    """Frames (N, 3, H, W) or clips (N, 3, T, H, W) in [-2, 2): noise, brighter and darker in cells of eight pixels."""
    coarse = (*shape[:-2], -(-shape[-2] // 8), -(-shape[-1] // 8))
    cells = _uniform("cells", coarse).repeat_interleave(8, -2).repeat_interleave(8, -1)
    return cells[..., : shape[-2], : shape[-1]] + _uniform("noise", shape)

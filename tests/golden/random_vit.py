"""Weights and images that the golden values were made with: from numpy's generators, which never change."""

from __future__ import annotations

import numpy as np
import torch

from motionveil._core.types import Float32Array

SMALL = {"patch": 8, "channels": 384, "depth": 12, "grid": 28}
NARROW = {"patch": 8, "channels": 128, "depth": 12, "grid": 28}
"""ViT-S/8, and the same with a third of its channels, so that tests are quick."""


def random_vit(
    patch: int, channels: int, depth: int, grid: int, *, seed: int = 0, spread: float = 1.0, branch: float = 1.0
) -> dict[str, torch.Tensor]:
    """A state dict under DINO's names.

    spread: of queries and keys; the larger, the fewer tokens attention picks out. branch: of what every half block
    adds; below 1 tokens keep more of what they were, and differ more from each other.
    """
    generator = np.random.default_rng(seed)

    def normal(*shape: int, scale: float) -> torch.Tensor:
        return torch.from_numpy((scale * generator.standard_normal(shape)).astype(np.float32))

    state = {
        "cls_token": normal(1, 1, channels, scale=0.5),
        "pos_embed": normal(1, grid * grid + 1, channels, scale=0.2),
        "patch_embed.proj.weight": normal(channels, 3, patch, patch, scale=1 / np.sqrt(3 * patch * patch)),
        "patch_embed.proj.bias": normal(channels, scale=0.1),
    }
    for index in range(depth):
        block = f"blocks.{index}."
        for norm in ("norm1", "norm2"):
            state[f"{block}{norm}.weight"] = 1 + normal(channels, scale=0.2)
            state[f"{block}{norm}.bias"] = normal(channels, scale=0.1)
        for name, rows, columns in (
            ("attn.qkv", 3 * channels, channels),
            ("attn.proj", channels, channels),
            ("mlp.fc1", 4 * channels, channels),
            ("mlp.fc2", channels, 4 * channels),
        ):
            state[f"{block}{name}.weight"] = normal(rows, columns, scale=1 / np.sqrt(columns))
            state[f"{block}{name}.bias"] = normal(rows, scale=0.1)
        state[f"{block}attn.qkv.weight"][: 2 * channels] *= spread
        for name in ("attn.proj", "mlp.fc2"):
            state[f"{block}{name}.weight"] *= branch
    state["norm.weight"], state["norm.bias"] = torch.ones(channels), torch.zeros(channels)
    return state


def random_image(height: int, width: int, *, seed: int = 1) -> Float32Array:
    """A normalised image (1, 3, height, width) with structure at several sizes."""
    generator = np.random.default_rng(seed)
    image = np.zeros((3, height, width), np.float32)
    for cell in (4, 16, 64):
        coarse = generator.standard_normal((3, -(-height // cell), -(-width // cell)), np.float32)
        image += np.repeat(np.repeat(coarse, cell, 1), cell, 2)[:, :height, :width]
    return image[None]

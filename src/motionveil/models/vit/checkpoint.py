"""Derives the network from a checkpoint with the parameter names of DINO, timm or Hugging Face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt, sqrt

import torch
from torch import Tensor

from ..._core.errors import WeightsError

State = Mapping[str, Tensor]
HEAD_CHANNELS = 64
"""Of ViT-Ti, S, B and L; larger ones differ."""
_WIDEST = 1024


@dataclass(frozen=True)
class ViTShape:
    """The architecture of a state dict.

    Attributes:
        patch: Patch size in pixels.
        channels: Embedding dimension.
        depth: Number of blocks.
        grid: Side of the square grid of position embeddings.
        registers: Number of register tokens.
        scaled: Whether blocks use LayerScale.
    """

    patch: int
    channels: int
    depth: int
    grid: int
    registers: int = 0
    scaled: bool = False

    @property
    def heads(self) -> int:
        """Number of attention heads."""
        return self.channels // HEAD_CHANNELS

    @classmethod
    def of(cls, state: State) -> ViTShape:
        """Derive it from the tensors. Raises WeightsError if they are not those of a ViT."""
        try:
            channels, _, patch, _ = state["patch_embed.proj.weight"].shape
            grid = round(sqrt(state["pos_embed"].shape[1] - 1))
            depth = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
            registers = state["register_tokens"].shape[1] if "register_tokens" in state else 0
            for name in ("cls_token", "patch_embed.proj.bias", "blocks.0.attn.qkv.bias"):
                _ = state[name]
            if channels % HEAD_CHANNELS or channels > _WIDEST:
                raise KeyError(channels)
        except (KeyError, ValueError, IndexError) as error:
            raise WeightsError("the checkpoint is not a vision transformer; give a DINO or ViT checkpoint") from error
        return cls(patch, channels, depth, grid, registers, "blocks.0.ls1.gamma" in state)


def standard_names(state: State) -> dict[str, Tensor]:
    """Rename a state dict of facebook, timm or Hugging Face to DINO's names, and drop heads."""
    if any(name.startswith(("vit.", "dinov2.")) for name in state):
        state = {name.split(".", 1)[1]: value for name, value in state.items() if name.startswith(("vit.", "dinov2."))}
    if "embeddings.cls_token" in state:
        state = _from_hugging_face(state)
    renamed = {name.replace("reg_token", "register_tokens"): value for name, value in state.items()}
    positions = renamed.get("pos_embed")
    if positions is not None and isqrt(positions.shape[1]) ** 2 == positions.shape[1]:
        # With registers, timm omits the position of the class token, which is 0.
        renamed["pos_embed"] = torch.cat([torch.zeros_like(positions[:, :1]), positions], 1)
    return {name: value for name, value in renamed.items() if not name.startswith(_HEADS)}


_HEADS = ("head", "fc_norm", "mask_token", "pooler")
_HUGGING_FACE = (
    ("embeddings.position_embeddings", "pos_embed"),
    ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
    ("embeddings.", ""),
    ("encoder.layer.", "blocks."),
    ("attention.output.dense", "attn.proj"),
    ("layernorm_before", "norm1"),
    ("layernorm_after", "norm2"),
    ("intermediate.dense", "mlp.fc1"),
    ("output.dense", "mlp.fc2"),
    ("layer_scale1.lambda1", "ls1.gamma"),
    ("layer_scale2.lambda1", "ls2.gamma"),
    ("layernorm.", "norm."),
)
"""Applied in this order; only the first match counts for each parameter."""


def _from_hugging_face(state: State) -> dict[str, Tensor]:
    """Merge query, key and value, which are separate layers there."""
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        for old, new in _HUGGING_FACE:
            name = name.replace(old, new)
        found[name] = value
    for name in [name for name in found if ".attention.attention.query." in name]:
        names = [name.replace("query", part) for part in ("query", "key", "value")]
        if all(part in found for part in names):
            found[name.replace("attention.attention.query", "attn.qkv")] = torch.cat(
                [found.pop(part) for part in names]
            )
    return found

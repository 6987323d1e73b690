"""From tensors by name to the shape of a network: DINO's names, and those of timm and Hugging Face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt, sqrt

import torch
from torch import Tensor

from ..._core.errors import WeightsError

State = Mapping[str, Tensor]
HEAD_CHANNELS = 64
"""Of ViT-Ti, S, B and L; larger ones have others."""
_WIDEST = 1024


@dataclass(frozen=True)
class ViTShape:
    """What a state dict tells about its network.

    patch: side of the patches in pixels. channels: of a token. depth: number of blocks. grid: side of the square of
    position embeddings. registers: extra tokens beside the class token. scaled: whether blocks scale their outputs.
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
        """Read off the tensors. Raises WeightsError where they are not those of a ViT."""
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
            raise WeightsError(
                "these are not the weights of a vision transformer; give a DINO or ViT checkpoint"
            ) from error
        return cls(patch, channels, depth, grid, registers, "blocks.0.ls1.gamma" in state)


def standard_names(state: State) -> dict[str, Tensor]:
    """A state dict under the names of DINO, from those of facebook, timm or Hugging Face; heads are left out."""
    if any(name.startswith(("vit.", "dinov2.")) for name in state):
        state = {name.split(".", 1)[1]: value for name, value in state.items() if name.startswith(("vit.", "dinov2."))}
    if "embeddings.cls_token" in state:
        state = _from_hugging_face(state)
    renamed = {name.replace("reg_token", "register_tokens"): value for name, value in state.items()}
    positions = renamed.get("pos_embed")
    if positions is not None and isqrt(positions.shape[1]) ** 2 == positions.shape[1]:
        # timm leaves out the position of the class token where registers follow it: it is 0.
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
"""Applied in this order, the first that fits alone counts for each place."""


def _from_hugging_face(state: State) -> dict[str, Tensor]:
    """Query, key and value are three layers there and one here."""
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

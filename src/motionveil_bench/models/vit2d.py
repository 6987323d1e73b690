"""Vision transformers for frames (Dosovitskiy et al., ICLR 2021).

Names and shapes of the parameters are those of torchvision, so that its published weights load. Another size than the
published one interpolates the position embeddings.
"""

from __future__ import annotations

from math import isqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

_CHANNELS = 768
_HEADS = 12
_DEPTH = 12
_SIZE = 224
"""Of the base network, and the pixels that its position embeddings stand for."""


class Block(nn.Module):
    """Attention between the tokens (N, L, D), then two layers on each."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(channels, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(channels, eps=1e-6)
        # torchvision has dropout, of 0, in the places 2 and 4.
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Identity(), nn.Linear(4 * channels, channels)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        normal = self.ln_1(tokens)
        tokens = tokens + self.self_attention(normal, normal, normal, need_weights=False)[0]
        return tokens + self.mlp(self.ln_2(tokens))


class Encoder(nn.Module):
    """Blocks for tokens (N, 1 + h * w, D), the class token first; `side` is of the published square grid."""

    def __init__(self, side: int, channels: int, heads: int, depth: int) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.empty(1, 1 + side * side, channels).normal_(std=0.02))
        self.layers = nn.Sequential()
        for index in range(depth):
            self.layers.add_module(f"encoder_layer_{index}", Block(channels, heads))
        self.ln = nn.LayerNorm(channels, eps=1e-6)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        return self.ln(self.layers(tokens + _positions(self.pos_embedding, grid)))


class VisionTransformer(nn.Module):
    """Frames (N, 3, H, W) of at least `patch` pixels a side; logits (N, num_classes)."""

    def __init__(
        self,
        num_classes: int,
        patch: int,
        *,
        size: int = _SIZE,
        channels: int = _CHANNELS,
        heads: int = _HEADS,
        depth: int = _DEPTH,
    ) -> None:
        super().__init__()
        self.conv_proj = nn.Conv2d(3, channels, patch, patch)
        self.class_token = nn.Parameter(torch.zeros(1, 1, channels))
        self.encoder = Encoder(size // patch, channels, heads, depth)
        self.heads = nn.Sequential()
        self.heads.add_module("head", nn.Linear(channels, num_classes))

    def forward(self, frames: Tensor) -> Tensor:
        patches = self.conv_proj(frames)
        tokens = torch.cat([self.class_token.expand(len(frames), -1, -1), patches.flatten(2).transpose(1, 2)], 1)
        return self.heads(self.encoder(tokens, patches.shape[2:])[:, 0])


def _positions(embedding: Tensor, grid: tuple[int, int]) -> Tensor:
    """Position embeddings (1, 1 + h * w, D) for a grid of another size."""
    side = isqrt(embedding.shape[1] - 1)
    if grid == (side, side):
        return embedding
    square = embedding[:, 1:].transpose(1, 2).unflatten(2, (side, side))
    resized = functional.interpolate(square, grid, mode="bicubic", align_corners=False)
    return torch.cat([embedding[:, :1], resized.flatten(2).transpose(1, 2)], 1)

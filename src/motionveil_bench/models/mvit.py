"""Multiscale vision transformers for clips (Fan et al., ICCV 2021).

Names and shapes of the parameters are those of PyTorchVideo's model zoo, so that its published weights load. Another
size or number of frames than the published one interpolates the position embeddings.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

Grid = tuple[int, int, int]
"""Patches along time, height and width."""

_DEPTH = 16
_CHANNELS = 96
"""Of the first block, and of every head."""
_SCALES = (1, 3, 14)
"""Blocks at which the number of heads doubles, and height and width of the queries halve."""
_KEY_STRIDE = 8
"""Of the keys and values of the first block, in height and width; it halves where the queries' size does."""


class PositionalEncoding(nn.Module):
    """Patches (N, T * H * W, D) to tokens (N, 1 + T * H * W, D): a class token first, and every one told its place."""

    def __init__(self, channels: int, grid: Grid) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, channels))
        self.pos_embed_spatial = nn.Parameter(torch.zeros(1, grid[1] * grid[2], channels))
        self.pos_embed_temporal = nn.Parameter(torch.zeros(1, grid[0], channels))
        self.pos_embed_class = nn.Parameter(torch.zeros(1, 1, channels))

    def forward(self, patches: Tensor, grid: Grid) -> Tensor:
        space: Tensor = self.pos_embed_spatial
        time: Tensor = self.pos_embed_temporal
        side = isqrt(space.shape[1])
        if grid[1:] != (side, side):
            square = space.transpose(1, 2).unflatten(2, (side, side))
            resized = functional.interpolate(square, grid[1:], mode="bicubic", align_corners=False)
            space = resized.flatten(2).transpose(1, 2)
        if grid[0] != time.shape[1]:
            time = functional.interpolate(time.transpose(1, 2), grid[0], mode="linear").transpose(1, 2)
        places = (time[:, :, None] + space[:, None]).flatten(1, 2)
        first = (self.cls_token + self.pos_embed_class).expand(len(patches), -1, -1)
        return torch.cat([first, patches + places], 1)


class PooledAttention(nn.Module):
    """Attention whose keys and values, and with a stride its queries too, are pooled by convolutions over the grid.

    forward: (N, 1 + T * H * W, D) and the grid (T, H, W); gives tokens of the queries' grid, and that grid.
    """

    def __init__(self, channels: int, heads: int, query_stride: int, key_stride: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(channels, channels)
        self.k = nn.Linear(channels, channels)
        self.v = nn.Linear(channels, channels)
        self.proj = nn.Linear(channels, channels)
        each = channels // heads
        self.pool_q = _pool(each, query_stride) if query_stride > 1 else None
        self.norm_q = nn.LayerNorm(each) if query_stride > 1 else None
        self.pool_k = _pool(each, key_stride)
        self.norm_k = nn.LayerNorm(each)
        self.pool_v = _pool(each, key_stride)
        self.norm_v = nn.LayerNorm(each)

    def forward(self, tokens: Tensor, grid: Grid) -> tuple[Tensor, Grid]:
        queries, keys, values = (
            layer(tokens).unflatten(2, (self.heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v)
        )
        keys, values = (
            norm(_over_grid(pool, found, grid)[0])
            for norm, pool, found in ((self.norm_k, self.pool_k, keys), (self.norm_v, self.pool_v, values))
        )
        if self.pool_q is not None and self.norm_q is not None:
            queries, grid = _over_grid(self.pool_q, queries, grid)
            queries = self.norm_q(queries)
        attended = functional.scaled_dot_product_attention(queries, keys, values)
        return self.proj(attended.transpose(1, 2).flatten(2)), grid


class MLP(nn.Module):
    """Two layers on each token, the inner one of four times the input's width."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))


class MultiscaleBlock(nn.Module):
    """Attention, which may halve the grid, then two layers, which may change the width."""

    def __init__(self, channels: int, width: int, heads: int, query_stride: int, key_stride: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attn = PooledAttention(channels, heads, query_stride, key_stride)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = MLP(channels, width)
        self.proj = nn.Linear(channels, width) if channels != width else None
        self.pool_skip = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)) if query_stride > 1 else None

    def forward(self, tokens: Tensor, grid: Grid) -> tuple[Tensor, Grid]:
        attended, pooled = self.attn(self.norm1(tokens), grid)
        if self.pool_skip is not None:
            tokens = _over_grid(self.pool_skip, tokens[:, None], grid)[0][:, 0]
        tokens = tokens + attended
        normal = self.norm2(tokens)
        if self.proj is not None:
            tokens = self.proj(normal)
        return tokens + self.mlp(normal), pooled


class PatchEmbedding(nn.Module):
    """Clips (N, 3, T, H, W) to features (N, D, T / 2, H / 4, W / 4), rounded up."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.patch_model = nn.Conv3d(3, channels, (3, 7, 7), (2, 4, 4), (1, 3, 3))

    def forward(self, clips: Tensor) -> Tensor:
        return self.patch_model(clips)


class ClassHead(nn.Module):
    """Logits (N, num_classes) from the class token."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        self.proj = nn.Linear(channels, num_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.proj(self.dropout(tokens[:, 0]))


class MultiscaleTransformer(nn.Module):
    """Clips (N, 3, T, H, W), published for `num_frames` frames of `size` pixels; logits (N, num_classes)."""

    def __init__(self, num_classes: int, *, num_frames: int, size: int) -> None:
        super().__init__()
        self.patch_embed = PatchEmbedding(_CHANNELS)
        self.cls_positional_encoding = PositionalEncoding(_CHANNELS, (num_frames // 2, size // 4, size // 4))
        self.blocks = nn.ModuleList()
        for index in range(_DEPTH):
            # The layers of a block already bring its tokens to the width of the next.
            heads, following = (2 ** sum(scale <= at for scale in _SCALES) for at in (index, index + 1))
            stride = 2 if index in _SCALES else 1
            block = MultiscaleBlock(_CHANNELS * heads, _CHANNELS * following, heads, stride, _KEY_STRIDE // heads)
            self.blocks.append(block)
        width = _CHANNELS * 2 ** len(_SCALES)
        self.norm_embed = nn.LayerNorm(width, eps=1e-6)
        self.head = ClassHead(width, num_classes)
        for name, parameter in self.named_parameters():
            if name.startswith("cls_positional_encoding.") or (parameter.ndim == 2 and name.endswith(".weight")):
                nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, clips: Tensor) -> Tensor:
        patches = self.patch_embed(clips)
        grid = patches.shape[2:]
        tokens = self.cls_positional_encoding(patches.flatten(2).transpose(1, 2), grid)
        for block in self.blocks:
            tokens, grid = block(tokens, grid)
        return self.head(self.norm_embed(tokens))


def _pool(channels: int, stride: int) -> nn.Conv3d:
    return nn.Conv3d(channels, channels, 3, (1, stride, stride), 1, groups=channels, bias=False)


def _over_grid(pool: Callable[[Tensor], Tensor], tokens: Tensor, grid: Grid) -> tuple[Tensor, Grid]:
    """Pool tokens (N, heads, 1 + T * H * W, D) of every head, but for the first token, and say what grid is left."""
    first, rest = tokens[:, :, :1], tokens[:, :, 1:]
    pooled = pool(rest.flatten(0, 1).transpose(1, 2).unflatten(2, grid))
    left = pooled.flatten(2).transpose(1, 2).unflatten(0, tokens.shape[:2])
    time, height, width = pooled.shape[2:]
    return torch.cat([first, left], 2), (time, height, width)

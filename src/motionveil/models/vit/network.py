"""The network, truncated at the layer whose descriptors are read."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..._core.errors import OptionError, WeightsError
from .checkpoint import HEAD_CHANNELS, State, ViTShape

Facet = Literal["key", "query", "value", "token"]
BINS = 17
"""Length of a binned descriptor relative to a plain one."""


class _Attention(nn.Module):
    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, channels = tokens.shape
        split = self.qkv(tokens).reshape(batch, count, 3, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(split[0], split[1], split[2])
        projected: Tensor = self.proj(attended.transpose(1, 2).reshape(batch, count, channels))
        return projected


class _MLP(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        result: Tensor = self.fc2(functional.gelu(self.fc1(tokens)))
        return result


class _Scale(nn.Module):
    """LayerScale of DINOv2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, tokens: Tensor) -> Tensor:
        return tokens * self.gamma


class _TransformerBlock(nn.Module):
    def __init__(self, shape: ViTShape) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(shape.channels, eps=1e-6)
        self.attn = _Attention(shape.channels, shape.heads)
        self.norm2 = nn.LayerNorm(shape.channels, eps=1e-6)
        self.mlp = _MLP(shape.channels)
        self.ls1: nn.Module = _Scale(shape.channels) if shape.scaled else nn.Identity()
        self.ls2: nn.Module = _Scale(shape.channels) if shape.scaled else nn.Identity()

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.ls1(self.attn(self.norm1(tokens)))
        result: Tensor = tokens + self.ls2(self.mlp(self.norm2(tokens)))
        return result


class DescriptorTransformer(nn.Module):
    """The descriptors of one facet of one layer, for images of one size; later layers are not built.

    Channels are ordered as in the published extractor, heads fastest, so that descriptors are interchangeable.

    Args:
        state: Weights with DINO's names (see `standard_names`).
        size: (height, width) of the images.
        layer: 0-based.
        facet: 'key', 'query' or 'value' of that layer's attention, or 'token', the layer's output.
        stride: Stride of the patches, a divisor of their size; below it, patches overlap.
        bins: Concatenate a neighbourhood of 17 bins to each descriptor (Amir et al., Sec. 4).
        mean: Normalisation per channel, in [0, 1].
        std: Normalisation per channel, in [0, 1].

    Raises:
        WeightsError: If the weights do not match.
        OptionError: For settings that the network does not support.
    """

    def __init__(
        self,
        state: State,
        *,
        size: tuple[int, int],
        layer: int = 11,
        facet: Facet = "key",
        stride: int = 4,
        bins: bool = False,
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
    ) -> None:
        super().__init__()
        shape = ViTShape.of(state)
        self.shape = shape
        check_settings(shape, layer=layer, facet=facet, stride=stride)
        if min(size) < shape.patch:
            raise OptionError(f"images of {size[1]}x{size[0]} are smaller than one patch of {shape.patch} pixels")
        self.grid = ((size[0] - shape.patch) // stride + 1, (size[1] - shape.patch) // stride + 1)
        self.bins = bins
        self.proj = nn.Conv2d(3, shape.channels, shape.patch, stride)
        whole = layer + 1 if facet == "token" else layer
        self.blocks = nn.ModuleList(_TransformerBlock(shape) for _ in range(whole))
        self.norm: nn.Module = nn.Identity() if facet == "token" else nn.LayerNorm(shape.channels, eps=1e-6)
        self.facet: nn.Module = nn.Identity() if facet == "token" else nn.Linear(shape.channels, shape.channels)
        # Position embeddings for this size, and tokens common to all images, are computed once.
        positions = _positions(state["pos_embed"].float(), shape, size, self.grid)
        self.positions = nn.Parameter(positions[:, 1:])
        first = state["cls_token"].float() + positions[:, :1]
        extra = [state["register_tokens"].float()] if shape.registers else []
        self.prefix = nn.Parameter(torch.cat([first, *extra], 1))
        self.mean = nn.Parameter(255 * torch.tensor(mean, dtype=torch.float32).reshape(1, 3, 1, 1))
        self.std = nn.Parameter(255 * torch.tensor(std, dtype=torch.float32).reshape(1, 3, 1, 1))
        self._load(state, layer, facet)
        self.requires_grad_(False).eval()

    def _load(self, state: State, layer: int, facet: Facet) -> None:
        needed = {
            name: state[name]
            for name in state
            if name.startswith("blocks.") and int(name.split(".")[1]) < len(self.blocks)
        }
        needed |= {f"proj.{part}": state[f"patch_embed.proj.{part}"] for part in ("weight", "bias")}
        try:
            if facet != "token":
                order = torch.arange(self.shape.channels).reshape(self.shape.heads, HEAD_CHANNELS).T.flatten()
                index = ("query", "key", "value").index(facet)
                for part in ("weight", "bias"):
                    needed[f"norm.{part}"] = state[f"blocks.{layer}.norm1.{part}"]
                    needed[f"facet.{part}"] = state[f"blocks.{layer}.attn.qkv.{part}"].chunk(3)[index][order]
            made_here = {name: getattr(self, name) for name in ("positions", "prefix", "mean", "std")}
            self.load_state_dict({**needed, **made_here})
        except (KeyError, RuntimeError) as error:
            raise WeightsError(
                "the weights are not those of a supported ViT (ViT-S or ViT-B, DINO or DINOv2)"
            ) from error

    def normalised(self) -> list[tuple[nn.Module, nn.Module]]:
        """Pairs of a normalisation and the only linear layer that reads it."""
        pairs: list[tuple[nn.Module, nn.Module]] = []
        for block in self.blocks:
            assert isinstance(block, _TransformerBlock)
            pairs += [(block.norm1, block.attn.qkv), (block.norm2, block.mlp.fc1)]
        return pairs if isinstance(self.facet, nn.Identity) else [*pairs, (self.norm, self.facet)]

    def describe(self, images: Tensor) -> Tensor:
        """Descriptors (N, h, w, D) of normalised images (N, 3, H, W), not scaled to unit length."""
        patches = self.proj(images).flatten(2).transpose(1, 2) + self.positions
        tokens = torch.cat([self.prefix.expand(patches.shape[0], -1, -1), patches], 1)
        for block in self.blocks:
            tokens = block(tokens)
        found: Tensor = self.facet(self.norm(tokens))
        found = found[:, self.prefix.shape[1] :].reshape(found.shape[0], *self.grid, -1)
        return log_bins(found) if self.bins else found

    def forward(self, images: Tensor) -> Tensor:
        """Descriptors (N, h, w, D) of unit length for uint8 RGB images (N, H, W, 3)."""
        pixels = (images.to(self.mean.dtype).permute(0, 3, 1, 2) - self.mean) / self.std
        return functional.normalize(self.describe(pixels), dim=-1)


def check_settings(shape: ViTShape, *, layer: int, facet: str, stride: int) -> None:
    """Raise OptionError for a layer, facet or stride that this network does not have."""
    if not 0 <= layer < shape.depth:
        raise OptionError(f"this network has layers 0 to {shape.depth - 1}, not {layer}")
    if facet not in get_args(Facet):
        raise OptionError(f"unknown facet {facet!r}; choose from {', '.join(get_args(Facet))}")
    if stride < 1 or shape.patch % stride:
        divisors = [str(n) for n in range(1, shape.patch + 1) if shape.patch % n == 0]
        raise OptionError(f"a stride of {stride} does not divide the patch; choose from {', '.join(divisors)}")


def _positions(embedding: Tensor, shape: ViTShape, size: tuple[int, int], grid: tuple[int, int]) -> Tensor:
    """Position embeddings (1, 1 + h * w, D) interpolated to another grid: bicubic, with DINO's 0.1 in the scale."""
    if grid == (shape.grid, shape.grid) and size[0] == size[1]:
        return embedding
    square = embedding[:, 1:].reshape(1, shape.grid, shape.grid, -1).permute(0, 3, 1, 2)
    # The 0.1 prevents rounding the size down, and shifts the samples; required to match the published network.
    scale = tuple((length + 0.1) / shape.grid for length in grid)
    resized = functional.interpolate(
        square, scale_factor=scale, mode="bicubic", align_corners=False, recompute_scale_factor=False
    )
    return torch.cat([embedding[:, :1], resized.flatten(2).transpose(1, 2)], 1)


def log_bins(descriptors: Tensor, hierarchy: int = 2) -> Tensor:
    """Log-binned descriptors (N, h, w, 17 D) for two levels, from (N, h, w, D): the cell itself and averages over 3^k
    by 3^k cells at the eight positions 3^k cells away, for k = 0, 1, …; replicated beyond the border.
    """
    maps = descriptors.permute(0, 3, 1, 2)
    height, width = maps.shape[2:]
    found = []
    for level in range(hierarchy):
        reach = 3**level
        average = functional.avg_pool2d(maps, reach, 1, reach // 2, count_include_pad=False)
        padded = functional.pad(average, (reach,) * 4, mode="replicate")
        for y in range(0, 2 * reach + 1, reach):
            for x in range(0, 2 * reach + 1, reach):
                if level == 0 or (y, x) != (reach, reach):
                    found.append(padded[:, :, y : y + height, x : x + width])
    return torch.cat(found, 1).permute(0, 2, 3, 1)

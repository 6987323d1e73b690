"""The RAFT network."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..._core.errors import OptionError
from .architecture import ARCHITECTURES, STRIDE
from .blocks import ImageEncoder, UpdateBlock
from .similarities import Similarities

Update = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
SMALLEST = 128
"""Minimum side in pixels that supports all correlation levels; smaller images are padded to it."""


class Features(NamedTuple):
    """The features of images, on a grid of one cell per 8x8 pixels of the padded image."""

    matching: Tensor
    """(N, D, h, w) float32 features to correlate with another image."""
    hidden: Tensor
    """(N, C, h, w) initial hidden state when this image is the source of a pair."""
    terms: Tensor
    """(N, C', h, w) contribution of the context to each step when this image is the source of a pair."""


def _margins(length: int) -> tuple[int, int]:
    """Padding before and after that makes a side a multiple of the stride and long enough."""
    missing = max(SMALLEST, (length + STRIDE - 1) // STRIDE * STRIDE) - length
    return missing // 2, missing - missing // 2


class RAFT(nn.Module):
    """RAFT for images of any size (padded at the border, as the authors do for Sintel).

    size: A name in `ARCHITECTURES`.
    """

    def __init__(self, size: str) -> None:
        super().__init__()
        if size not in ARCHITECTURES:
            raise OptionError(f"unknown RAFT size {size!r}; choose from {', '.join(ARCHITECTURES)}")
        architecture = ARCHITECTURES[size]
        self.architecture = architecture
        self.fnet = ImageEncoder(architecture, architecture.matching, nn.InstanceNorm2d)
        self.cnet = ImageEncoder(
            architecture,
            architecture.hidden + architecture.context,
            nn.BatchNorm2d if architecture.context_norm else nn.Identity,
        )
        self.update_block = UpdateBlock(architecture)

    def forward(self, source: Tensor, target: Tensor, iterations: int = 12) -> Tensor:
        """Flow (N, 2, H, W) in pixels from source to target, both (N, 3, H, W) RGB in [0, 255]."""
        height, width = source.shape[2:]
        return self.estimate(self.encode(source), self.encode(target), (height, width), iterations)

    def encode(self, images: Tensor) -> Features:
        """Features of images (N, 3, H, W), RGB in [0, 255]. Raises OptionError for other shapes."""
        if images.ndim != 4 or images.shape[1] != 3 or 0 in images.shape:
            raise OptionError(f"RAFT requires non-empty images (N, 3, H, W), not {tuple(images.shape)}")
        top, bottom = _margins(images.shape[2])
        left, right = _margins(images.shape[3])
        scaled = 2 * (images.float() / 255) - 1
        padded = functional.pad(scaled, (left, right, top, bottom), mode="replicate")
        hidden, context = self.cnet(padded).split([self.architecture.hidden, self.architecture.context], 1)
        terms = self.update_block.gru.terms(functional.relu(context))
        return Features(self.fnet(padded), torch.tanh(hidden), terms)

    def estimate(
        self,
        source: Features,
        target: Features,
        size: tuple[int, int],
        iterations: int = 12,
        *,
        update: Update | None = None,
    ) -> Tensor:
        """Estimate flow (N, 2, H, W) float32 from source to target.

        Args:
            source: Features of the source.
            target: Features of the target.
            size: (H, W) of the encoded images.
            iterations: Number of refinement steps.
            update: Runs `update_block` elsewhere, possibly in lower precision. Correlation and flow are always
                float32, as in the authors' code.
        """
        update = update or self.update_block
        similarities = Similarities(source.matching, target.matching, self.architecture.radius)
        h, w = source.matching.shape[2:]
        x, y = (torch.arange(length, device=source.matching.device).float() for length in (w, h))
        grid = torch.stack([x.expand(h, w), y[:, None].expand(h, w)])
        hidden = source.hidden
        flow = torch.zeros_like(source.matching[:, :2])
        for _ in range(iterations):
            alike = similarities.around(grid + flow)
            hidden, change = update(hidden, source.terms, alike, flow)
            flow = flow + change
        upsampled = self._upsample(flow, hidden)
        (top, _), (left, _) = map(_margins, size)
        return upsampled[:, :, top : top + size[0], left : left + size[1]]

    def _upsample(self, flow: Tensor, hidden: Tensor) -> Tensor:
        """Upsample by 8: bilinear, or as convex combinations of the 3x3 neighbours (Sec. 3.3 and Appendix B)."""
        flow = STRIDE * flow
        n, _, h, w = flow.shape
        if not self.architecture.learned_upsampling:
            return functional.interpolate(flow, (STRIDE * h, STRIDE * w), mode="bilinear", align_corners=True)
        logits = self.update_block.mask(hidden) / 4
        weights = logits.view(n, 1, 9, STRIDE**2, h, w).softmax(2)
        around = functional.unfold(flow, 3, padding=1).view(n, 2, 9, 1, h, w)
        return functional.pixel_shuffle((weights * around).sum(2).flatten(1, 2), STRIDE)


class EncodeStep(nn.Module):
    """`RAFT.encode` for engines: images (N, H, W, 3) uint8 to the three tensors of `Features`."""

    def __init__(self, network: RAFT) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.network.encode(images.permute(0, 3, 1, 2))
        return found.matching, found.hidden, found.terms

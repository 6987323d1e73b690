"""Extreme low resolution (Ryoo et al., Privacy-Preserving Human Activity Recognition from Extreme Low Resolution,
AAAI 2017), with the transforms of inverse super-resolution for training."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from .degradation import Degradation, as_clips, as_pictures, whole_number

_PUBLISHED = 224
"""Pixels of a side of the frames that published networks see."""


class LowResolution(Degradation):
    """Downsamples each frame to `size` x `size` mean colours, whatever its shape, and enlarges it again in uniform
    blocks.

    Nothing in it is learned. In training, one of `num_transforms` transforms is applied to each clip at random (from
    torch's generator on the CPU), so that recognition networks see the effect of subpixel shifts; in evaluation, frames
    are not transformed.

    Attributes:
        factor: Instead of `size`: how many times smaller a frame of 224 pixels becomes, as published (ELR s = 16, 32,
            64).
        transforms: Buffer (num_transforms, 4), see `transformed`; initially the identity, to be set by a trainer.
    """

    name: ClassVar[str] = "low_resolution"
    in_blocks: ClassVar[bool] = True
    transforms: Tensor

    def __init__(self, *, size: int = 16, factor: int = 0, num_transforms: int = 8) -> None:
        if whole_number("factor", factor, 0, _PUBLISHED):
            size = max(1, round(_PUBLISHED / factor))
        super().__init__(
            size=whole_number("size", size, 1, 512),
            num_transforms=whole_number("num_transforms", num_transforms, 1, 4096),
        )
        self.size = size
        self.register_buffer("transforms", torch.zeros(num_transforms, 4))

    def forward(self, frames: Tensor, previous: Tensor | None = None) -> Tensor:
        """See `Degradation.forward`; previous is ignored."""
        if self.training:
            chosen = torch.randint(len(self.transforms), (len(frames),)).to(self.transforms.device)
            frames = transformed(frames, self.transforms[chosen], self.size)
        cells = averaged(as_pictures(frames), self.size)
        # Like nearest neighbour, but the same position always falls into the same block, whatever the size.
        blocks = functional.interpolate(cells, frames.shape[-2:], mode="nearest-exact")
        return as_clips(blocks, len(frames))


def averaged(pictures: Tensor, size: int) -> Tensor:
    """Downsample images (N, C, H, W) to (N, C, size, size) means of equal parts; pixels that span two parts are
    weighted.
    """
    rows, columns = (_shares(length, size, pictures.device) for length in pictures.shape[-2:])
    return rows.to(pictures.dtype) @ pictures @ columns.to(pictures.dtype).T


def _shares(length: int, parts: int, device: torch.device) -> Tensor:
    """(parts, length) float64: the weight of each pixel in the mean of each part."""
    begin = torch.arange(parts, dtype=torch.float64, device=device)[:, None] * length / parts
    pixel = torch.arange(length, dtype=torch.float64, device=device)[None]
    overlap = torch.minimum(begin + length / parts, pixel + 1) - torch.maximum(begin, pixel)
    return overlap.clamp(min=0) * parts / length


def transformed(frames: Tensor, transforms: Tensor, size: int) -> Tensor:
    """Transform frames (N, 3, T, H, W), each clip by its row (4,) of `transforms`; borders are replicated.

    A row contains: the shift to the right and down, in cells of `size` x `size` over the frame; the logarithm of the
    scale; the rotation in radians, clockwise on the screen; the last two are about the centre. Interpolation is
    bilinear; a row of zeros leaves the clip unchanged, bit for bit.
    """
    count, channels, length, height, width = frames.shape
    shift, log_scale, rotation = transforms[:, :2], transforms[:, 2], transforms[:, 3]
    # affine_grid takes the inverse transform: where each point of the result comes from. Its axes range from -1 to 1
    # along both sides, whatever their lengths, but rotation is defined in pixels.
    cosine, sine = torch.cos(rotation) * torch.exp(-log_scale), torch.sin(rotation) * torch.exp(-log_scale)
    inverse = torch.stack(
        [torch.stack([cosine, sine * height / width], -1), torch.stack([-sine * width / height, cosine], -1)], -2
    )
    begin = -inverse @ (shift * 2 / size)[..., None]
    grid = functional.affine_grid(
        torch.cat([inverse, begin], -1).to(frames.dtype), [count, 1, height, width], align_corners=False
    )
    moved = functional.grid_sample(
        frames.reshape(count, channels * length, height, width), grid, padding_mode="border", align_corners=False
    ).reshape(frames.shape)
    identity = (transforms == 0).all(-1)[:, None, None, None, None]
    return torch.where(identity, frames, moved)

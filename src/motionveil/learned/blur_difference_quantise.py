"""BDQ: blur, difference, quantise (Kumawat and Nagahara, Privacy-Preserving Action Recognition via Motion Difference
Quantization, ECCV 2022)."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._core.errors import OptionError
from .degradation import Degradation, as_clips, as_pictures, positive_number, previous_of, whole_number


class BlurDifferenceQuantise(Degradation):
    """The blurred difference to the previous frame, quantised to few levels. Static areas become uniform grey.

    The sigma (by its logarithm, so that it stays positive) and the positions of the steps are learned.

    As in the published code: 4 bits, that is 16 levels and 15 bins, which begin halfway between levels; steps of
    hardness 5; a kernel of 5 pixels with sigma 3. Steps stay soft in evaluation. Unlike the published code: sigma is
    learned, as in the paper; differences are scaled by `reach` instead of their extremes within the whole batch, since
    a frame must not depend on the others; the result is mapped to [0, 1], to be a video, instead of the range of the
    differences.

    Args:
        kernel: Width of the blur in pixels, odd.
        sigma: Its standard deviation at the beginning of training.
        levels: Number of levels of the quantisation, which has one bin less.
        hardness: Steepness of the steps between levels, in units of a level.
        reach: Difference of brightness, in [0, 1], that is mapped to the outermost level; larger ones are as well.
    """

    name: ClassVar[str] = "blur_difference_quantise"
    needs_previous: ClassVar[bool] = True

    def __init__(
        self, *, kernel: int = 5, sigma: float = 3.0, levels: int = 16, hardness: float = 5.0, reach: float = 0.5
    ) -> None:
        super().__init__(
            kernel=whole_number("kernel", kernel, 1, 99),
            sigma=positive_number("sigma", sigma, 100),
            levels=whole_number("levels", levels, 2, 256),
            hardness=positive_number("hardness", hardness, 1e6),
            reach=positive_number("reach", reach, 1),
        )
        if kernel % 2 == 0:
            raise OptionError(f"kernel is {kernel}; give an odd number, for instance {kernel + 1}")
        self.kernel, self.levels, self.hardness, self.reach = kernel, levels, float(hardness), float(reach)
        self.log_sigma = nn.Parameter(torch.tensor(math.log(sigma)))
        self.bins = nn.Parameter(torch.arange(levels - 1, dtype=torch.float32) + 0.5)

    def forward(self, frames: Tensor, previous: Tensor | None = None) -> Tensor:
        """See `Degradation.forward`. Where a frame equals the previous one, the result is about one half."""
        before = previous_of(self, frames, previous)
        # Blurring is linear: the difference of blurred frames is the blurred difference.
        difference = blurred(as_pictures(frames - before), self.log_sigma.exp(), self.kernel)
        scaled = (difference / self.reach + 1) / 2 * (self.levels - 1)
        return as_clips(soft_quantised(scaled, self.bins, self.hardness) / (self.levels - 1), len(frames))


def gaussian(sigma: Tensor, width: int) -> Tensor:
    """A truncated Gaussian of this standard deviation in pixels, (width,) with sum 1; differentiable in sigma."""
    places = torch.arange(width, dtype=torch.float32, device=sigma.device) - width // 2
    return torch.softmax(-(places**2) / (2 * sigma**2), 0)


def blurred(pictures: Tensor, sigma: Tensor, width: int) -> Tensor:
    """Blur images (N, C, H, W) with a Gaussian filter of `width` (odd) pixels; borders are replicated."""
    weights, margin = gaussian(sigma, width).to(pictures.dtype), width // 2
    alone = functional.pad(pictures.flatten(0, 1)[:, None], (margin,) * 4, mode="replicate")
    across = functional.conv2d(alone, weights[None, None, None, :])
    return functional.conv2d(across, weights[None, None, :, None])[:, 0].unflatten(0, pictures.shape[:2])


def soft_quantised(values: Tensor, bins: Tensor, hardness: float) -> Tensor:
    """Sum of sigmoid(hardness * (value - b)) over the bins b: from 0 to the number of bins, flat between them."""
    made = torch.zeros_like(values)
    for place in bins:
        made = made + torch.sigmoid(hardness * (values - place))
    return made

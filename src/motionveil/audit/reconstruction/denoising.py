"""Denoising: noise is finer than image content, so smoothing removes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np

from ..._core.types import UInt8Array
from .attack import Attack, Candidate
from .evidence import Evidence
from .temporal import FACTORS, Aligned, amplified, mean_of

_Smoother = Callable[[UInt8Array], UInt8Array]


def _gaussian(frame: UInt8Array, sigma: float) -> UInt8Array:
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8)


def _median(frame: UInt8Array, width: int) -> UInt8Array:
    return np.asarray(cv2.medianBlur(frame, width), np.uint8)


def _bilateral(frame: UInt8Array, contrast: float) -> UInt8Array:
    return np.asarray(cv2.bilateralFilter(frame, 9, contrast, 4.0), np.uint8)


def _non_local(frame: UInt8Array, strength: float) -> UInt8Array:
    """Non-local means (Buades et al., CVPR 2005), at half the size, since it is slow."""
    height, width = frame.shape[:2]
    half = cv2.resize(frame, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    clean = cv2.fastNlMeansDenoisingColored(half, None, strength, strength, 5, 11)
    return np.asarray(cv2.resize(clean, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


SMOOTHERS: dict[str, _Smoother] = {
    **{f"gaussian, {sigma:g} px": partial(_gaussian, sigma=sigma) for sigma in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)},
    **{f"median, {width} px": partial(_median, width=width) for width in (3, 7, 15)},
    **{f"bilateral, {contrast:g}": partial(_bilateral, contrast=contrast) for contrast in (40.0, 120.0)},
    **{f"non-local means, {strength:g}": partial(_non_local, strength=strength) for strength in (8.0, 30.0)},
}
"""Smoothing filters for (H, W, 3) uint8, from weak to strong; sizes in pixels at a short side of 320."""

_AMPLIFIED = ("gaussian, 2 px", "gaussian, 4 px", "gaussian, 8 px")
"""Filters after which the contrast is raised too."""


class Denoising(Attack):
    """Blind denoising of each frame, and of motion-compensated means of several frames."""

    name = "denoising"
    summary = "Applies noise filters of increasing strength to frames and to their means."
    short_side = 320

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """All filters on single frames; then on motion-compensated means of 5 frames, and on the mean of all frames."""
        targets = [frame for frame, _ in evidence.targeted]
        for name, smoother in SMOOTHERS.items():
            smooth = np.stack([smoother(frame) for frame in targets])
            yield name, smooth
            if name in _AMPLIFIED:
                for factor in FACTORS:
                    yield f"{name}, contrast x {factor:g}", amplified(smooth, factor)
        aligned = Aligned(evidence.frames, evidence.motion)
        moving = [mean_of(aligned.at(target, span=5)) for target in evidence.targets]
        still = [mean_of(aligned.at(target, moving=False)) for target in evidence.targets]
        for sigma in (1.0, 2.0, 4.0):
            for name, means in (("5 frames along the motion", moving), ("all frames in place", still)):
                smooth = np.stack([_gaussian(frame, sigma) for frame in means])
                yield f"mean of {name}, gaussian, {sigma:g} px", smooth
                if sigma > 1:
                    for factor in FACTORS:
                        yield (
                            f"mean of {name}, gaussian, {sigma:g} px, contrast x {factor:g}",
                            amplified(smooth, factor),
                        )

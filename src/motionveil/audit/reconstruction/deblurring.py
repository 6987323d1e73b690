"""Deblurring: inverts blur with an estimated kernel."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from ..._core.types import Float32Array, UInt8Array
from ..footage import BoolArray
from .attack import Attack, Candidate
from .evidence import Evidence

_AT = 224
KERNELS: tuple[tuple[float, int | None], ...] = ((1.5, None), (10.0, 13), (10.0, 21), (5.5, None), (8.0, None))
"""Kernels to try: standard deviation and full width (None: untruncated) in pixels at a short side of 224."""

NOISE = (3e-4, 3e-3, 3e-2)
"""Power of noise relative to the image at one cycle per 16 pixels; increases with the square of the frequency."""


def kernel_of(sigma: float, width: int | None, short_side: int) -> Float32Array:
    """One axis of a Gaussian kernel, given at a short side of 224, at this short side: (2n + 1,) float32, sum 1."""
    scale = short_side / _AT
    reach = int(np.ceil(((6 * sigma if width is None else width) * scale - 1) / 2))
    kernel = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * (sigma * scale) ** 2))
    return np.asarray(kernel / kernel.sum(), np.float32)


def blurred_throughout(frame: UInt8Array, touched: BoolArray, kernel: Float32Array) -> Float32Array:
    """The frame blurred everywhere: unaltered areas are known to the attacker, who blurs them too."""
    values = frame.astype(np.float32)
    blurred = cv2.sepFilter2D(values, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.where(touched[..., None], values, blurred).astype(np.float32)


class Wiener:
    """The Wiener filter of one image and kernel, for any noise level (Gonzalez & Woods, Eq. 5.8-6).

    Assumes image power spectra that fall with the square of the frequency, and white noise from codec and rounding.
    """

    def __init__(self, picture: Float32Array, kernel: Float32Array) -> None:
        reach = len(kernel) // 2
        self.size = picture.shape[:2]
        best = [cv2.getOptimalDFTSize(length + 2 * reach) for length in self.size]
        after = [whole - length - reach for whole, length in zip(best, self.size, strict=True)]
        padded = np.pad(picture, [(reach, after[0]), (reach, after[1]), (0, 0)], mode="symmetric")
        self.reach = reach
        self.spectrum = np.fft.rfft2(padded, axes=(0, 1))
        vertical, horizontal = np.fft.fftfreq(best[0]), np.fft.rfftfreq(best[1])
        offsets = np.arange(-reach, reach + 1)
        transfer = [np.cos(2 * np.pi * f[:, None] * offsets) @ kernel for f in (vertical, horizontal)]
        self.transfer = (transfer[0][:, None] * transfer[1][None, :]).astype(np.float32)[..., None]
        squared = (vertical[:, None] ** 2 + horizontal[None, :] ** 2) * 16**2
        self.frequency = squared.astype(np.float32)[..., None]
        self.padded = (best[0], best[1])

    def __call__(self, noise: float) -> UInt8Array:
        """The sharpened image (H, W, 3)."""
        gain = self.transfer / (self.transfer**2 + noise * self.frequency)
        gain[0, 0] = 1
        sharp = np.fft.irfft2(self.spectrum * gain, s=self.padded, axes=(0, 1))
        height, width = self.size
        inside = sharp[self.reach : self.reach + height, self.reach : self.reach + width]
        return np.asarray(np.clip(inside + 0.5, 0, 255), np.uint8)


class Deblurring(Attack):
    """Unsharp masking, and Wiener filters for several kernels, since the true one is unknown."""

    name = "deblurring"
    summary = "Estimates the blur and inverts it, like sharpening an out-of-focus photo."
    short_side = 320

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """All kernels at all noise levels."""
        targets = list(evidence.targeted)
        for sigma in (2.0, 5.0):
            smooth = [cv2.GaussianBlur(frame, (0, 0), sigma) for frame, _ in targets]
            sharp = [
                cv2.addWeighted(frame, 2.5, soft, -1.5, 0) for (frame, _), soft in zip(targets, smooth, strict=True)
            ]
            yield f"unsharp mask, {sigma:g} px", np.stack(sharp).astype(np.uint8)
        for sigma, width in KERNELS:
            kernel = kernel_of(sigma, width, min(evidence.frames.shape[1:3]))
            filters = [Wiener(blurred_throughout(frame, touched, kernel), kernel) for frame, touched in targets]
            shape = f"gaussian of {sigma:g} px" + (f" cut off at {width}" if width else "")
            for noise in NOISE:
                yield f"Wiener, {shape}, noise {noise:g}", np.stack([sharpen(noise) for sharpen in filters])

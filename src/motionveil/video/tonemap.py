"""Tone mapping of high dynamic range: BT.2020 PQ or HLG to BT.709."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from motionveil._core.types import Float32Array, UInt8Array

PQ, HLG = 16, 18
"""FFmpeg's numbers of the transfer characteristics SMPTE ST 2084 and ARIB STD-B67."""

REFERENCE_WHITE = 203.0
"""Nits of diffuse white, ITU-R BT.2408."""
_PEAK = 1000.0  # nits that map to full white
_BT2020_TO_BT709 = np.array(  # linear light, ITU-R BT.2087
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_BT2020_LUMINANCE = np.array([[0.2627, 0.6780, 0.0593]], np.float32)


def pq_to_nits(signal: Float32Array) -> Float32Array:
    """SMPTE ST 2084 EOTF: a signal in [0, 1] to nits on the display."""
    power = np.power(signal, 1 / 78.84375)
    linear = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return (10000 * np.power(linear, 1 / 0.1593017578125)).astype(np.float32)


def hlg_to_scene(signal: Float32Array) -> Float32Array:
    """ARIB STD-B67 inverse OETF: a signal in [0, 1] to linear scene light in [0, 1]."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(np.float32)


def nits_to_pq(nits: Float32Array) -> Float32Array:
    """SMPTE ST 2084 inverse EOTF: nits on the display to a signal in [0, 1]."""
    power = np.power(nits / np.float32(10000), 0.1593017578125)
    signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return np.asarray(signal, np.float32)


def scene_to_hlg(light: Float32Array) -> Float32Array:
    """ARIB STD-B67 OETF: linear scene light in [0, 1] to a signal in [0, 1]."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    high = a * np.log(np.maximum(12 * light - b, 1e-6)) + c
    return np.where(light <= 1 / 12, np.sqrt(3 * light), high).astype(np.float32)


class ToneMap:
    """Maps frames of one HDR transfer characteristic to BT.709, with lookup tables for the power functions.

    The brightest channel follows an extended Reinhard curve on which reference white (203 nits) keeps three quarters
    of the signal and 1000 nits become full white; the others are scaled with it, which preserves hue.
    """

    def __init__(self, transfer: int) -> None:
        signal = np.linspace(0, 1, 1 << 16, dtype=np.float32)
        self._hlg = transfer == HLG
        self._linear = hlg_to_scene(signal) if self._hlg else pq_to_nits(signal) / np.float32(REFERENCE_WHITE)
        # inverse of the display gamma (BT.1886); quadratic spacing resolves dark levels
        self._encode = np.rint(255 * np.linspace(0, 1, 1 << 12) ** (2 / 2.4)).astype(np.uint8)

    def __call__(self, rgb: npt.NDArray[np.uint16]) -> UInt8Array:
        """Convert (H, W, 3) uint16 BT.2020 RGB to (H, W, 3) uint8 BT.709 RGB."""
        linear = self._linear[rgb]
        if self._hlg:  # the system gamma of a 1000 nit display maps scene light to display light
            luminance = cv2.transform(linear, _BT2020_LUMINANCE)
            linear *= np.power(np.maximum(luminance, 1e-6), 0.2)[..., None] * np.float32(_PEAK / REFERENCE_WHITE)
        linear = np.maximum(cv2.transform(linear, _BT2020_TO_BT709), 0)
        red, green, blue = cv2.split(linear)
        brightest = cv2.max(cv2.max(red, green), blue)
        white = np.float32(_PEAK / REFERENCE_WHITE)
        gain = (1 + brightest / white**2) / (1 + brightest)
        last = len(self._encode) - 1
        level = np.sqrt(np.minimum(linear * gain[..., None], 1))
        encoded: UInt8Array = self._encode[(level * last + np.float32(0.5)).astype(np.uint16)]
        return encoded

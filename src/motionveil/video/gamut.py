"""Conversion of wide-gamut colours to BT.709 and sRGB."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from motionveil._core.types import Float32Array, UInt8Array

Float64Array = npt.NDArray[np.float64]

# x, y of red, green and blue; the white point is D65
_BT709_XY = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
_BT2020_XY = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
_P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
_D65 = (0.3127, 0.3290)
WIDE_PRIMARIES = {9: _BT2020_XY, 11: _P3_XY, 12: _P3_XY}
"""FFmpeg's AVColorPrimaries that differ visibly from BT.709."""

_STEPS = 1 << 12  # size of the encoding table, spaced by square roots to resolve dark levels


def to_xyz(primaries: Sequence[tuple[float, float]]) -> Float64Array:
    """(3, 3) matrix from linear RGB of these primaries (white D65) to CIE XYZ with Y = 1 for white."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    white = np.array([_D65[0] / _D65[1], 1, (1 - _D65[0] - _D65[1]) / _D65[1]])
    return np.asarray(columns * np.linalg.solve(columns, white), np.float64)


XYZ_TO_BT709 = np.linalg.inv(to_xyz(_BT709_XY))


def power(gamma: float) -> tuple[Float32Array, UInt8Array]:
    """Tables of a pure power function: (256,) levels to linear light, and back as :class:`GamutMap` expects."""
    decode = np.power(np.linspace(0, 1, 256), gamma).astype(np.float32)
    encode = np.rint(255 * np.linspace(0, 1, _STEPS) ** (2 / gamma)).astype(np.uint8)
    return decode, encode


def srgb() -> tuple[Float32Array, UInt8Array]:
    """The tables of sRGB (IEC 61966-2-1), in the format of :func:`power`."""
    level = np.linspace(0, 1, 256)
    decode = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)
    light = np.linspace(0, 1, _STEPS) ** 2
    encode = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return decode, np.rint(255 * encode).astype(np.uint8)


class GamutMap:
    """Maps 8-bit RGB from one colour space to another; out-of-gamut colours are clipped.

    Args:
        decode: (3, 256) linear light in [0, 1] for the levels of each channel.
        matrix: (3, 3), linear to linear.
        encode: Levels by the square root of linear light, evenly spaced over [0, 1].
    """

    def __init__(self, decode: Float32Array, matrix: Float64Array, encode: UInt8Array) -> None:
        self._decode = np.ascontiguousarray(decode.T[:, None], np.float32)
        self._matrix = matrix.astype(np.float32)
        self._encode = encode

    @classmethod
    def of_primaries(cls, primaries: int) -> GamutMap:
        """From video primaries (a key of WIDE_PRIMARIES) to BT.709, with display gamma BT.1886."""
        decode, encode = power(2.4)
        return cls(np.stack([decode] * 3), XYZ_TO_BT709 @ to_xyz(WIDE_PRIMARIES[primaries]), encode)

    def __call__(self, frame: UInt8Array) -> UInt8Array:
        """Convert (H, W, 3) uint8 to (H, W, 3) uint8."""
        linear = cv2.transform(cv2.LUT(frame, self._decode), self._matrix)
        level = np.sqrt(np.clip(linear, 0, 1)) * np.float32(len(self._encode) - 1) + np.float32(0.5)
        mapped: UInt8Array = self._encode[level.astype(np.uint16)]
        return mapped

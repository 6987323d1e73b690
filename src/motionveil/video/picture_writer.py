"""Writes frames as image files."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from motionveil._core.errors import OutputError
from motionveil._core.types import UInt8Array

from .heif import HEIF_SUFFIXES
from .heif_writer import encode_heif
from .images import NUMBER
from .photo_tags import PhotoTags, with_tags


def numbered_name(pattern: str, index: int) -> str:
    """Insert a number into a pattern such as ``%06d.png``; any other % is kept."""
    return re.sub(NUMBER, lambda found: f"{index:{found[1][1:]}}", pattern, count=1)


class PictureWriter:
    """Writes frames as one still image, or as numbered images in a folder.

    Args:
        path: The image to write, or the folder.
        suffix: The image format.
        pattern: The names in the folder; None for a still image.
        quality: Of JPEG, WebP, HEIC and AVIF, 1 to 100.
        alpha: (H, W) uint8, for a still image whose format supports it.
        tags: For a still JPEG or PNG.
    """

    def __init__(
        self,
        path: Path,
        suffix: str,
        pattern: str | None,
        quality: int,
        alpha: UInt8Array | None = None,
        tags: PhotoTags | None = None,
    ) -> None:
        self._tags = tags
        self._alpha = alpha
        self._path = path
        self._suffix = suffix
        self._quality = quality
        self._pattern = pattern
        self._parameters = {
            ".jpg": [cv2.IMWRITE_JPEG_QUALITY, quality],
            ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, quality],
            ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
        }.get(suffix, [])

    def write(self, frame: UInt8Array, time: Fraction, index: int) -> None:
        """Write the frame at this index, (H, W, 3) uint8 RGB."""
        if self._pattern is not None:
            path = self._path / numbered_name(self._pattern, index)
        elif index == 0:
            path = self._path
        else:
            raise OutputError("a still image holds one frame: name a video file, a folder, or a pattern like %06d.png")
        if self._suffix in HEIF_SUFFIXES:
            path.write_bytes(encode_heif(frame, self._suffix, self._quality))
            return
        pixels = np.ascontiguousarray(frame[..., ::-1])
        if self._alpha is not None:
            pixels = with_alpha(pixels, self._alpha)
        encoded, data = cv2.imencode(self._suffix, pixels, self._parameters)
        if not encoded:
            raise OutputError(f"a {frame.shape[1]}x{frame.shape[0]} image cannot be stored as {self._suffix}: use .png")
        file = data.tobytes()
        path.write_bytes(file if self._tags is None else with_tags(file, self._tags))

    def finish(self) -> None:
        """Do nothing; no frame is buffered."""

    def close(self) -> None:
        """Do nothing; no resource is held."""


def with_alpha(pixels: UInt8Array, alpha: UInt8Array) -> UInt8Array:
    """(H, W, 4) pixels with straight alpha, from (H, W, 3) composited over black and (H, W) alpha of any size."""
    if alpha.shape != pixels.shape[:2]:
        alpha = cv2.resize(alpha, (pixels.shape[1], pixels.shape[0]), interpolation=cv2.INTER_AREA).astype(np.uint8)
    share = np.maximum(alpha, 1)[..., None].astype(np.uint16)
    straight = np.minimum((pixels.astype(np.uint16) * 255 + share // 2) // share, 255).astype(np.uint8)
    return np.concatenate([straight, alpha[..., None]], axis=2)

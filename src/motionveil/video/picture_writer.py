"""Writes frames as image files."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from motionveil.errors import OutputError
from motionveil.types import UInt8Array


def numbered_name(pattern: str, index: int) -> str:
    """A pattern such as ``%06d.png`` with a number in it; every other % stands for itself."""
    return re.sub(r"%(0?)(\d{0,2})d", lambda found: f"{index:{found[1]}{found[2]}d}", pattern, count=1)


class PictureWriter:
    """Frames as one still image, or as numbered images in a folder.

    path: the image to write, or the folder. suffix: the image format. pattern: the names in the folder, None for a
    still image. quality: of JPEG and WebP, 1 to 100.
    """

    def __init__(self, path: Path, suffix: str, pattern: str | None, quality: int) -> None:
        self._path = path
        self._suffix = suffix
        self._pattern = pattern
        self._parameters = {
            ".jpg": [cv2.IMWRITE_JPEG_QUALITY, quality],
            ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, quality],
            ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
        }.get(suffix, [])

    def write(self, frame: UInt8Array, time: Fraction, index: int) -> None:
        """Write the frame of this index, (H, W, 3) uint8 RGB."""
        if self._pattern is not None:
            path = self._path / numbered_name(self._pattern, index)
        elif index == 0:
            path = self._path
        else:
            raise OutputError("a still image holds one frame: name a video file, a folder, or a pattern like %06d.png")
        encoded, data = cv2.imencode(self._suffix, np.ascontiguousarray(frame[..., ::-1]), self._parameters)
        if not encoded:
            raise OutputError(
                f"a {frame.shape[1]}x{frame.shape[0]} picture cannot be stored as {self._suffix}: use .png"
            )
        path.write_bytes(data.tobytes())

    def finish(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is held open."""

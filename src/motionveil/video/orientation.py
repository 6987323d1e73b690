"""Image orientation: display matrices of videos, EXIF orientations of photos."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from motionveil._core.types import UInt8Array, UInt16Array

if TYPE_CHECKING:
    import av

Pixels = TypeVar("Pixels", UInt8Array, UInt16Array)


@dataclass(frozen=True)
class Orientation:
    """One of the eight orientations: transpose first, then mirror."""

    transpose: bool = False
    flip_x: bool = False
    """Mirror horizontally."""
    flip_y: bool = False
    """Mirror vertically."""

    @classmethod
    def from_matrix(cls, matrix: Sequence[int]) -> Orientation:
        """From a display matrix: nine numbers a b u c d v x y w, where x' = ax + cy and y' = bx + dy.

        Angles are rounded to a multiple of 90 degrees.
        """
        a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(transpose=True, flip_x=c < 0, flip_y=b < 0)
        return cls(flip_x=a < 0, flip_y=d < 0)

    @classmethod
    def from_rotation(cls, degrees: int) -> Orientation:
        """From a counterclockwise rotation, rounded to a multiple of 90 degrees."""
        turns = (cls(), cls(True, False, True), cls(False, True, True), cls(True, True, False))
        return turns[round(degrees / 90) % 4]

    @classmethod
    def from_frame(cls, frame: av.VideoFrame) -> Orientation:
        """From a decoded frame."""
        try:
            matrix = cast(dict[str, Any], frame.side_data).get("DISPLAYMATRIX")
        except ValueError:  # PyAV lists no side data at all if one kind is unknown to it; mirroring is lost then
            return cls.from_rotation(frame.rotation)
        return cls() if matrix is None else cls.from_matrix(np.frombuffer(bytes(matrix), np.int32).tolist())

    @classmethod
    def from_exif(cls, file: bytes) -> Orientation:
        """From the bytes of a JPEG, PNG or WebP file; upright if they do not specify it."""
        corners = {  # where the first row and the first column belong, by EXIF number
            2: (False, True, False),
            3: (False, True, True),
            4: (False, False, True),
            5: (True, False, False),
            6: (True, True, False),
            7: (True, True, True),
            8: (True, False, True),
        }
        return cls(*corners.get(_exif_orientation(file), (False, False, False)))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) of the upright image, given the stored size."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, frame: Pixels) -> Pixels:
        """The upright image, contiguous: (H, W, ...) to (H, W, ...) or, if transposed, (W, H, ...)."""
        turned = frame.swapaxes(0, 1) if self.transpose else frame
        if self.flip_x:
            turned = turned[:, ::-1]
        if self.flip_y:
            turned = turned[::-1]
        return np.ascontiguousarray(turned)


def _exif_orientation(file: bytes) -> int:
    """The orientation tag, 1 to 8; 1 if there is none."""
    for marker in (b"Exif\0\0", b"eXIf", b"EXIF"):
        at = file.find(marker, 0, 1 << 18)
        if at < 0:
            continue
        tiff = file[at + len(marker) : at + len(marker) + (1 << 16)]
        start = max(tiff.find(b"II*\0", 0, 16), tiff.find(b"MM\0*", 0, 16))  # WebP inserts a length before it
        if start < 0:
            continue
        tiff = tiff[start:]
        order = "<" if tiff[:2] == b"II" else ">"
        try:
            (directory,) = struct.unpack_from(order + "I", tiff, 4)
            (entries,) = struct.unpack_from(order + "H", tiff, directory)
            for entry in range(entries):
                tag, _, _, value = struct.unpack_from(order + "HHIH", tiff, directory + 2 + 12 * entry)
                if tag == 0x112:
                    return int(value)
        except struct.error:
            continue
    return 1

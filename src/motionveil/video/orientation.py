"""Which way up a picture is: display matrices of videos, EXIF orientations of photographs."""

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
    """One of the eight ways to lay a picture: first transpose it, then mirror it."""

    transpose: bool = False
    flip_x: bool = False
    """Mirror left and right."""
    flip_y: bool = False
    """Mirror top and bottom."""

    @classmethod
    def from_matrix(cls, matrix: Sequence[int]) -> Orientation:
        """Of a display matrix: nine numbers a b u c d v x y w, where x' = ax + cy and y' = bx + dy.

        An angle that is no multiple of 90 degrees is rounded to the nearest.
        """
        a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(transpose=True, flip_x=c < 0, flip_y=b < 0)
        return cls(flip_x=a < 0, flip_y=d < 0)

    @classmethod
    def from_rotation(cls, degrees: int) -> Orientation:
        """Of a counterclockwise rotation, rounded to a multiple of 90 degrees."""
        turns = (cls(), cls(True, False, True), cls(False, True, True), cls(True, True, False))
        return turns[round(degrees / 90) % 4]

    @classmethod
    def from_frame(cls, frame: av.VideoFrame) -> Orientation:
        """Of a decoded frame."""
        try:
            matrix = cast(dict[str, Any], frame.side_data).get("DISPLAYMATRIX")
        except ValueError:  # PyAV lists no side data where it does not know one kind; mirroring is lost then
            return cls.from_rotation(frame.rotation)
        return cls() if matrix is None else cls.from_matrix(np.frombuffer(bytes(matrix), np.int32).tolist())

    @classmethod
    def from_exif(cls, file: bytes) -> Orientation:
        """Of the bytes of a JPEG, PNG or WebP file; upright where they do not say."""
        corners = {  # the EXIF number says where the first row and the first column of the file belong
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
        """The (width, height) of an upright picture of one that is stored in this size."""
        return (height, width) if self.transpose else (width, height)

    def apply(self, frame: Pixels) -> Pixels:
        """The upright picture, contiguous: of (H, W, ...) an (H, W, ...) or, where transposed, a (W, H, ...)."""
        turned = frame.swapaxes(0, 1) if self.transpose else frame
        if self.flip_x:
            turned = turned[:, ::-1]
        if self.flip_y:
            turned = turned[::-1]
        return np.ascontiguousarray(turned)


def _exif_orientation(file: bytes) -> int:
    """The number 1 to 8 of the orientation tag, 1 where there is none."""
    for marker in (b"Exif\0\0", b"eXIf", b"EXIF"):
        at = file.find(marker, 0, 1 << 18)
        if at < 0:
            continue
        tiff = file[at + len(marker) : at + len(marker) + (1 << 16)]
        start = max(tiff.find(b"II*\0", 0, 16), tiff.find(b"MM\0*", 0, 16))  # WebP puts a length in between
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

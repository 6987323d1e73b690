"""Images for people: overlays, labelled tiles, contact sheets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from . import ops
from ._core.atomic_files import write_file
from ._core.errors import OutputError
from ._core.types import Float32Array, Point, UInt8Array

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_BAR = 22


def overlay(frame: UInt8Array, saliency: Float32Array, *, strength: float = 0.65) -> UInt8Array:
    """The frame in greyscale, with saliency (H, W) in [0, 1] overlaid from dark violet (low) to yellow (high)."""
    colours = cv2.applyColorMap((np.clip(saliency, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    colours = cast(UInt8Array, cv2.cvtColor(colours, cv2.COLOR_BGR2RGB))
    muted = cast(UInt8Array, cv2.cvtColor(ops.grey(frame), cv2.COLOR_GRAY2RGB))
    return ops.blend(muted, colours, np.clip(saliency * np.float32(1.5), 0, 1) * np.float32(strength))


def outline(picture: UInt8Array, box: tuple[float, float, float, float]) -> None:
    """Draw a rectangle around a box (left, top, width, height), in place."""
    left, top, width, height = box
    first, second = (round(left), round(top)), (round(left + width), round(top + height))
    cv2.rectangle(picture, first, second, (255, 70, 70), 2)


def labelled(picture: UInt8Array, text: str) -> UInt8Array:
    """The image with a caption bar above it."""
    bar = np.full((_BAR, picture.shape[1], 3), 24, np.uint8)
    cv2.putText(bar, text, (6, 15), _FONT, 0.45, (235, 235, 235), 1, cv2.LINE_AA)
    return np.vstack([bar, picture])


def side_by_side(pictures: Sequence[UInt8Array]) -> UInt8Array:
    """Images of one height in a row, cropped to an even width."""
    row = np.hstack(list(pictures))
    return row[:, : row.shape[1] // 2 * 2]


def thumbnail(picture: UInt8Array, height: int) -> UInt8Array:
    """The image resized to this height, with its aspect ratio kept."""
    return ops.resize_image(picture, (height, max(1, round(picture.shape[1] * height / picture.shape[0]))))


def contact_sheet(rows: Sequence[tuple[str, Sequence[tuple[str, UInt8Array]]]], *, height: int = 180) -> UInt8Array:
    """Rows of labelled images, each row with a heading; images are resized to one height."""
    drawn = []
    for heading, pictures in rows:
        tiles = [
            np.pad(labelled(thumbnail(picture, height), text), [(0, 4), (0, 4), (0, 0)]) for text, picture in pictures
        ]
        row = np.hstack(tiles)
        drawn.append(labelled(row, heading) if heading else row)
    return stacked(drawn)


def stacked(pictures: Sequence[UInt8Array]) -> UInt8Array:
    """Images above each other, padded to one width."""
    width = max(picture.shape[1] for picture in pictures)
    return np.vstack([np.pad(picture, [(0, 0), (0, width - picture.shape[1]), (0, 0)]) for picture in pictures])


def mark_point(picture: UInt8Array, point: Point) -> UInt8Array:
    """A copy with a ring around one point."""
    marked = picture.copy()
    radius = max(4, min(picture.shape[:2]) // 60)
    for colour, thickness in (((0, 0, 0), 4), ((255, 230, 0), 2)):
        cv2.circle(marked, (round(point.x), round(point.y)), radius, colour, thickness, cv2.LINE_AA)
    return marked


def encode_image(picture: UInt8Array, suffix: str) -> bytes:
    """Encode (H, W, 3) RGB or (H, W) grey uint8 in this format. Raises OutputError if it is not supported."""
    if picture.ndim == 3:
        picture = cast(UInt8Array, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    try:
        done, data = cv2.imencode(suffix, picture)
    except cv2.error:
        done, data = False, None
    if not done or data is None:
        raise OutputError(f"cannot write images as {suffix or 'a file without extension'}; use .png or .jpg")
    return data.tobytes()


def write_image(path: str | Path, picture: UInt8Array, *, private: bool = False) -> None:
    """Write (H, W, 3) RGB or (H, W) grey uint8 by file extension. private: see `atomic_files.take_place`."""
    path = Path(path)
    write_file(path, encode_image(picture, path.suffix), private=private)


class Moments:
    """Rows of labelled images, evenly spaced over a video of unknown length."""

    def __init__(self, *, shown: int = 5, height: int = 200) -> None:
        self._shown = shown
        self._height = height
        self._every = 1
        self._rows: list[list[tuple[str, UInt8Array]]] = []

    def wants(self, index: int) -> bool:
        """Whether the frame at this index is one of them."""
        return index % self._every == 0

    def add(self, tiles: Sequence[tuple[str, UInt8Array]]) -> None:
        """Add a moment. If there are too many, every other one is dropped, and further ones are half as frequent."""
        self._rows.append([(text, thumbnail(picture, self._height)) for text, picture in tiles])
        if len(self._rows) > 2 * self._shown:
            self._rows = self._rows[::2]
            self._every *= 2

    def draw(self) -> UInt8Array:
        """The contact sheet of the kept moments, one row each."""
        step = max(1, -(-len(self._rows) // self._shown))
        return contact_sheet([("", row) for row in self._rows[::step]], height=self._height)

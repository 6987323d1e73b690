"""What a click means to whoever corrects a film: somebody who was missed, or something that is nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Float32Array, Point, UInt8Array
from ..detection.features import Detailed, FeatureExtractor
from ..detection.saliency import clamped_cosines, combine, to_frame
from ..detection.templates import built_in_library
from ..ops import Mask
from ..pipeline.shape_following import follow_shape
from ..regions import Pick, Rectangle

_FAINT = (0.22, 0.17)
"""Saliency that may be somebody, where the network is not sure; the first at which there is a piece is taken."""
_HEIGHTS = (0.03, 0.9)
"""Of a person, as shares of the frame's height."""
_USUAL = (0.14, 0.36)
"""Width and height of the box around a click where the network sees nobody at all, as shares of the frame's height."""
_ROOM = 0.12
"""Of a person's size, that is added on each side."""
_BACK = (0.5, 12)
"""Seconds of a step back in time, and how many are tried, to find where something was found first."""
_SAME = (0.4, 2.5)
"""Size of what is found there, of what was clicked, for it to be the same."""


@dataclass(frozen=True)
class Somebody:
    """A box around somebody, and where in the frame (H, W) they are, if that is known."""

    box: Rectangle
    mask: Float32Array | None


def somebody_at(image: UInt8Array, point: Point, extractor: FeatureExtractor) -> Somebody:
    """Where a person may be around a point: what is faintly like one, else a box of a usual size.

    image: (H, W, 3). Raises OptionError where the point is outside it.
    """
    height, width = image.shape[:2]
    if not (0 <= point.x < width and 0 <= point.y < height):
        raise OptionError("this place is outside the frame")
    closer = extractor.in_detail(height, width) if isinstance(extractor, Detailed) else None
    grid = (closer or extractor)(image[None])
    templates = built_in_library().made_with(extractor.fingerprint).select("person")
    saliency = to_frame(ops.to_host(combine(clamped_cosines(grid, templates)[0], "max")), grid, (height, width))
    for least in _FAINT:
        _, pieces = ops.pieces(saliency > least)
        number = pieces[int(point.y), int(point.x)]
        if number == 0:
            continue
        mask = pieces == number
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        left, top, wide, high = columns[0], rows[0], len(columns), rows[-1] - rows[0] + 1
        if _HEIGHTS[0] * height <= high <= _HEIGHTS[1] * height and wide <= 0.6 * width:
            room = _ROOM * max(wide, high)
            box = (left - room, top - room, left + wide + room, top + high + room)
            return Somebody(_within(box, width, height), mask.astype(np.float32))
    wide, high = (share * height for share in _USUAL)
    box = (point.x - wide / 2, point.y - high / 2, point.x + wide / 2, point.y + high / 2)
    return Somebody(_within(box, width, height), None)


def _within(box: tuple[float, float, float, float], width: int, height: int) -> Rectangle:
    left, top, right, bottom = (round(float(number)) for number in box)
    left, top = max(0, left), max(0, top)
    return Rectangle(left, top, max(4, min(width, right) - left), max(4, min(height, bottom) - top))


def nobody_at(
    path: Path, x: float, y: float, time: float, found_at: Callable[[float, float, float], Mask | None]
) -> Pick:
    """What is found at a point and is nobody, from the time on at which it is found first.

    found_at: the piece (H, W) that is found at (x, y, time), or None. Raises OptionError where nothing is found.
    """
    mask = found_at(x, y, time)
    if mask is None:
        raise OptionError("nothing was found there; click on something that is hidden")
    best, area = Pick(x, y, time), int(mask.sum())
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = Rectangle(int(columns[0]), int(rows[0]), len(columns), len(rows))
    step, count = _BACK
    way = follow_shape(path, box, time, mask=mask.astype(np.float32), seconds=step * count, work=10)
    first = max(way.times[0] or 0.0, way.doubts[0] if way.doubts and way.doubts[0] < time else 0.0)
    middle = (box.x + box.width / 2, box.y + box.height / 2)  # type: ignore[operator]
    for index in range(1, count + 1):
        earlier = time - index * step
        if earlier < first or earlier < 0:
            break
        left, top, right, bottom = way.at(earlier).box()
        scale = (right - left) / max(1, len(columns))
        place = ((left + right) / 2 + scale * (x - middle[0]), (top + bottom) / 2 + scale * (y - middle[1]))
        before = found_at(*place, earlier)
        if before is None or not _SAME[0] * area <= int(before.sum()) <= _SAME[1] * area:
            break
        best = Pick(round(place[0], 1), round(place[1], 1), earlier)
    return best

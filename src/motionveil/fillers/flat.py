"""Fillers of a single colour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, UInt8Array
from .filler import Filler

_COLOURS = {"black": (0, 0, 0), "grey": (115, 115, 115), "white": (255, 255, 255)}
"""Named colours. Grey is the mean of the default noise, so that attacks on both can be compared."""

Colour = str | tuple[int, int, int]


class SolidColour(Filler):
    """A fixed colour.

    Args:
        colour: (red, green, blue) from 0 to 255, ``#rrggbb``, or black, grey, white.

    Raises:
        OptionError: For an invalid colour.
    """

    independent = True

    def __init__(self, *, colour: Colour = "grey") -> None:
        self.colour = _parse(colour)

    def __repr__(self) -> str:
        return f"SolidColour(colour={self.colour})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """Frames of that colour."""
        for clip in clips:
            yield ops.stack([_paint(clip, self.colour) for _ in clip.frames])


class MeanFill(Filler):
    """The mean colour of the region, frame by frame (the baseline ``mask`` of Ilic et al., CVPR 2024, Sec. 4.1)."""

    independent = False

    def __repr__(self) -> str:
        return "MeanFill()"

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """Frames of the mean colour of the covered pixels; of the whole frame if there are none."""
        for clip in clips:
            assert clip.opacity is not None
            fillings = []
            for frame, opacity in zip(clip.frames, clip.opacity, strict=True):
                total = float(opacity.sum())
                weights = opacity if total else opacity + 1
                means = [
                    float((ops.as_float32(frame[..., channel]) * weights).sum()) / float(weights.sum())
                    for channel in range(3)
                ]
                fillings.append(_paint(clip, (round(means[0]), round(means[1]), round(means[2]))))
            yield ops.stack(fillings)


def _paint(clip: Clip, colour: tuple[int, int, int]) -> UInt8Array:
    """An image of the clip's size in one colour."""
    picture = np.empty(tuple(clip.frames.shape[1:]), np.uint8)
    picture[:] = colour
    return ops.to_device(picture, ops.device_of(clip.frames))


def _parse(colour: Any) -> tuple[int, int, int]:
    if isinstance(colour, str):
        if colour in _COLOURS:
            return _COLOURS[colour]
        if re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
            return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
    elif len(colour) == 3 and all(isinstance(part, int) and 0 <= part <= 255 for part in colour):
        return colour[0], colour[1], colour[2]
    raise OptionError(f"invalid colour {colour!r}; use #rrggbb, or choose from {', '.join(_COLOURS)}")

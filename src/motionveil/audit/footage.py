"""Original and output in lockstep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from .._core.errors import OptionError
from .._core.streams import Stages
from .._core.types import Clip, UInt8Array, VideoInfo
from ..obfuscation.obfuscators import Selective, Stage
from ..pipeline.runner import Window
from ..video import open_source, source_name

BoolArray = npt.NDArray[np.bool_]

Remake = Callable[[int], Selective]
"""Runs the method that made an output again, with a known seed."""


@dataclass(frozen=True)
class Excerpt:
    """Consecutive frames of an original and its output, in memory.

    Attributes:
        start: Index of the first frame.
        pts: T presentation times in seconds.
        original: (T, H, W, 3) uint8 RGB, at the size of the output or smaller.
        output: (T, H, W, 3) uint8 RGB, of the same size.
        touched: (T, H, W) bool, where the output differs from the original by more than its encoding.
        core: The part of it that shows people, away from its outline, where secure methods replace everything; attacks
            are measured on it.
        people: Where people are seen, including outlines; None if unknown.
    """

    start: int
    pts: tuple[Fraction, ...]
    original: UInt8Array
    output: UInt8Array
    touched: BoolArray
    core: BoolArray
    people: BoolArray | None = None


@dataclass(frozen=True)
class Pair:
    """A frame of the original and the corresponding output.

    index: frame number in the output. pts: seconds in the original. original, output: (H, W, 3) uint8 RGB.
    """

    index: int
    pts: Fraction
    original: UInt8Array
    output: UInt8Array


class PairReader:
    """An original and its output, read in lockstep; a context manager.

    Args:
        original: Video file, image or folder of images.
        output: Video file, image or folder of images.
        window: The part of the original that was processed, as passed to `obfuscate_video`; its size is ignored, as
            the original is resized to the output.

    Raises:
        OptionError: If the two do not match: different aspect ratios, or (while reading) different numbers or times of
            frames. Mismatched frames would appear to be replaced completely.
    """

    def __init__(self, original: str | Path, output: str | Path, window: Window | None = None) -> None:
        window = window or Window()
        for name in (original, output):
            if "://" in str(name) or str(name) == "-" or str(name).startswith("camera:"):
                raise OptionError(f"{source_name(name)} cannot be audited; give files, or folders of images")
        self._names = source_name(original), source_name(output)
        with replace(window, size=None).open(original) as opened:
            shape = opened.info
        with ExitStack() as stack:
            self._output = stack.enter_context(open_source(output, image_rate=window.image_rate))
            self.info: VideoInfo = self._output.info
            """The properties of the output."""
            size = (self.info.width, self.info.height)
            if not isinstance(window.size, tuple):
                self._check_shape((shape.width, shape.height), size)
            self._original = stack.enter_context(replace(window, size=size).open(original))
            self._open = stack.pop_all()
        self._stages: Stages | None = None

    def _check_shape(self, original: tuple[int, int], output: tuple[int, int]) -> None:
        # Resizing rounds sides to even numbers.
        if abs(original[0] * output[1] - original[1] * output[0]) > 2.5 * max(original):
            raise OptionError(
                f"{self._names[1]} is {output[0]}x{output[1]} and {self._names[0]} is {original[0]}x{original[1]}, "
                "with another aspect ratio; give the original that the output was made from, and the same `size`"
            )

    @property
    def expected(self) -> int | None:
        """The approximate number of frames; None if unknown."""
        info = self.info
        if info.num_frames is not None:
            return info.num_frames
        return None if info.duration is None else max(1, round(info.duration * info.frame_rate))

    def stages(self) -> Stages:
        """Stages to read it in. If one of their threads does not end, the files are left open."""
        self._stages = Stages()
        for source in (self._original, self._output):
            self._stages.on_stop(source.cancel)
        return self._stages

    def pairs(self, *, stage: Stage = iter) -> Iterator[Pair]:
        """All pairs of frames. stage: the result of `stages`."""
        exact = "image" not in (self._original.info.codec, self._output.info.codec)
        tolerance = Fraction(3, 4) / self.info.frame_rate
        shift: Fraction | None = None
        both = zip_longest(_frames(stage(self._original)), _frames(stage(self._output)))
        for index, (before, after) in enumerate(both):
            if before is None or after is None:
                more, fewer = self._names if after is None else self._names[::-1]
                raise OptionError(
                    f"{fewer} ends after {index} frames but {more} continues: give the original that the output was "
                    "made from, with the same `start` and `end`"
                )
            shift = before[1] - after[1] if shift is None else shift
            if exact and abs(before[1] - after[1] - shift) > tolerance:
                raise OptionError(
                    f"frame {index} is at {float(before[1] - shift):.3f} s in {self._names[0]} but at "
                    f"{float(after[1]):.3f} s in {self._names[1]}: give the original that the output was made from"
                )
            yield Pair(index, before[1], before[0], after[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A file cannot be closed while a thread reads it.
        if self._stages is None or not self._stages.stuck:
            self._open.close()


def _frames(clips: Iterator[Clip]) -> Iterator[tuple[UInt8Array, Fraction]]:
    for clip in clips:
        yield from zip(clip.frames, clip.pts, strict=True)

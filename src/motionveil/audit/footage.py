"""Original and output side by side."""

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
"""The method that made an output once more, with a seed that is known."""


@dataclass(frozen=True)
class Excerpt:
    """Some consecutive frames of an original and of its output, in memory.

    start: index of the first frame. pts: T presentation times in seconds. original, output: (T, H, W, 3) uint8 RGB of
    one size, that of the output or smaller. touched: (T, H, W) bool, where the output differs from the original by more
    than its encoding. core: the part of it that shows people, away from its outline, where secure methods replace all;
    what attacks are measured on. people: where people are seen, outline and all; None where that is not known.
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
    """A frame of the original and what became of it.

    index: counts the frames of the output. pts: in seconds, in the original. original, output: (H, W, 3) uint8 RGB.
    """

    index: int
    pts: Fraction
    original: UInt8Array
    output: UInt8Array


class Footage:
    """An original and its output, read in lock step; a context manager.

    original, output: video files, pictures or folders of images. window: which part of the original was released, as
    it was given to `obfuscate_video`; its size is not needed, as the original is brought to the output's.

    Raises OptionError where the two do not belong together: the frames differ in shape, or (while they are read) in
    number or times. Frames that do not belong together would look as if all of them had been replaced.
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
            """Of the output."""
            size = (self.info.width, self.info.height)
            if not isinstance(window.size, tuple):
                self._check_shape((shape.width, shape.height), size)
            self._original = stack.enter_context(replace(window, size=size).open(original))
            self._open = stack.pop_all()
        self._stages: Stages | None = None

    def _check_shape(self, original: tuple[int, int], output: tuple[int, int]) -> None:
        # Sides are rounded to even numbers when a video is resized.
        if abs(original[0] * output[1] - original[1] * output[0]) > 2.5 * max(original):
            raise OptionError(
                f"{self._names[1]} is {output[0]}x{output[1]} and {self._names[0]} {original[0]}x{original[1]}: "
                "they are not of one shape; give the original that the output was made from, and the same --size"
            )

    @property
    def expected(self) -> int | None:
        """The number of frames, about; None where the output does not say."""
        info = self.info
        if info.num_frames is not None:
            return info.num_frames
        return None if info.duration is None else max(1, round(info.duration * info.frame_rate))

    def stages(self) -> Stages:
        """Stages to read it in. Where one of their threads does not end, the files are left open."""
        self._stages = Stages()
        for source in (self._original, self._output):
            self._stages.on_stop(source.cancel)
        return self._stages

    def pairs(self, *, stage: Stage = iter) -> Iterator[Pair]:
        """Every frame with what became of it. stage: what `stages` gives."""
        exact = "image" not in (self._original.info.codec, self._output.info.codec)
        tolerance = Fraction(3, 4) / self.info.frame_rate
        shift: Fraction | None = None
        both = zip_longest(_frames(stage(self._original)), _frames(stage(self._output)))
        for index, (before, after) in enumerate(both):
            if before is None or after is None:
                more, fewer = self._names if after is None else self._names[::-1]
                raise OptionError(
                    f"{fewer} ends after {index} frames and {more} goes on: give the original that the output was made "
                    "from, with the same --start and --end"
                )
            shift = before[1] - after[1] if shift is None else shift
            if exact and abs(before[1] - after[1] - shift) > tolerance:
                raise OptionError(
                    f"frame {index} comes at {float(before[1] - shift):.3f} s in {self._names[0]} and at "
                    f"{float(after[1]):.3f} s in {self._names[1]}: give the original that the output was made from"
                )
            yield Pair(index, before[1], before[0], after[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A file that a thread still reads cannot be closed under it.
        if self._stages is None or not self._stages.stuck:
            self._open.close()


def _frames(clips: Iterator[Clip]) -> Iterator[tuple[UInt8Array, Fraction]]:
    for clip in clips:
        yield from zip(clip.frames, clip.pts, strict=True)

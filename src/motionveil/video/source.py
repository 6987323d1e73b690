"""The common base of all sources: time window, resizing, and splitting into clips."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import Self, cast

import cv2
import numpy as np

from motionveil import ops
from motionveil._core.errors import InputError, OptionError
from motionveil._core.types import Clip, UInt8Array, UInt16Array, VideoInfo

from .orientation import Pixels

_MOST_SECONDS = 1e8
"""Three years, which container clocks hardly exceed."""


@dataclass(frozen=True)
class ReadOptions:
    """How to read a source; see :func:`open_source`."""

    clip_length: int | None = None
    start: float | None = None
    end: float | None = None
    size: tuple[int, int] | int | None = None
    image_rate: Fraction = Fraction(25)
    strict: bool = False
    frame_rate: Fraction | None = None
    full_depth: bool = False

    def __post_init__(self) -> None:
        if self.clip_length is not None and self.clip_length < 1:
            raise OptionError(f"a clip needs at least 1 frame, not {self.clip_length}")
        for name, time in (("start", self.start), ("end", self.end)):
            if time is not None and not abs(time) <= _MOST_SECONDS:
                raise OptionError(f"the {name} must be at most {_MOST_SECONDS:g} seconds, not {time}")
        if self.start is not None and self.start < 0:
            raise OptionError(f"the start must be at least 0 seconds, not {self.start}")
        if self.end is not None and self.end <= (self.start or 0):
            raise OptionError(f"the end ({self.end} s) must come after the start ({self.start or 0} s)")
        if self.size is not None and min(self.size if isinstance(self.size, tuple) else (self.size,)) < 1:
            raise OptionError(f"the size must be at least 1 pixel, not {self.size}")
        if self.image_rate <= 0:
            raise OptionError(f"the frame rate of images must be above 0, not {self.image_rate}")
        if self.frame_rate is not None and self.frame_rate <= 0:
            raise OptionError(f"the frame rate must be above 0, not {self.frame_rate}")

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) of frames of this size after resizing."""
        if isinstance(self.size, tuple):
            return self.size
        if self.size is None:
            return width, height
        short = min(width, height)
        # Round the other side to an even number, as most codecs require.
        wide, high = (max(2, round(length * self.size / short / 2) * 2) for length in (width, height))
        return (self.size, high) if width <= height else (wide, self.size)

    def pixel_aspect(self, width: int, height: int, aspect: Fraction) -> Fraction:
        """Pixel aspect ratio (width by height) after resizing frames of this size.

        Square pixels stay square; others change so that the frame keeps its displayed shape.
        """
        if aspect == 1 or not isinstance(self.size, tuple):
            return aspect
        return aspect * Fraction(width, height) / Fraction(*self.size)

    @property
    def first(self) -> Fraction:
        """The start of the window, in seconds."""
        return _seconds(self.start or 0)

    def is_before(self, time: Fraction) -> bool:
        """Whether a frame at this time precedes the window."""
        return self.start is not None and time < self.first

    def is_after(self, time: Fraction) -> bool:
        """Whether a frame at this time follows the window."""
        return self.end is not None and time >= _seconds(self.end)

    def limit(self, duration: Fraction | None) -> Fraction | None:
        """The end of the window in a source of this duration."""
        if self.end is None or duration is None:
            return duration
        return min(duration, _seconds(self.end))

    @property
    def is_windowed(self) -> bool:
        """Whether only a part is read."""
        return bool(self.start) or self.end is not None


_CLIP_BYTES = 2_000_000


def _seconds(time: float) -> Fraction:
    # the float 0.1 is slightly more than 1/10, but the frame at 1/10 is meant
    return Fraction(time).limit_denominator(1_000_000)


class Source(ABC):
    """A source of frames, iterated in clips; a context manager.

    A file can be iterated repeatedly, each time from the beginning; a camera, a stream and standard input cannot
    (InputError). Subclasses set ``info``.

    Attributes:
        info: Size, frame rate and more.
    """

    info: VideoInfo

    def __init__(self, name: str, options: ReadOptions) -> None:
        self.name = name
        """The name used in messages."""
        self.notices: list[str] = []
        """Messages for the user: about dropped contents from the start; about damage after reading."""
        self.options = options
        self.set_aside: dict[int, UInt16Array] = {}
        """By `Clip.start`, the frames (T, H, W, 3) of clips at full bit depth, in the primaries and transfer of
        ``info.colours``. Filled only with ``full_depth``; the consumer removes the entries."""
        self._deep: UInt16Array | None = None  # of the last frame

    @property
    def rereadable(self) -> bool:
        """Whether the source can be opened again and yields the same frames."""
        return True

    @abstractmethod
    def _frames(self) -> Iterator[tuple[UInt8Array, Fraction]]:
        """The upright frames of the window, (H, W, 3) RGB in the source's own size, with their times."""

    def cancel(self) -> None:  # noqa: B027 - most sources never block
        """Wake a thread that waits for the next frame; it gets an error."""

    @abstractmethod
    def close(self) -> None:
        """Close files and devices."""

    def __iter__(self) -> Iterator[Clip]:
        """Iterate over clips of ``clip_length`` frames (None: about 2 MB); the last may be shorter.

        ``Clip.start`` counts from the start of the window.

        Raises:
            InputError: If the window contains no frame, or nothing can be decoded.
            TruncatedError: In strict mode, if the source is damaged or truncated; otherwise a TruncationWarning is
                issued. Other irregularities issue a SourceWarning.
        """
        # About 2 MB per clip: enough frames to amortise the overhead, few enough to keep memory use flat.
        length = self.options.clip_length or max(1, min(8, _CLIP_BYTES // (3 * self.info.width * self.info.height)))
        count = 0
        frames: list[UInt8Array] = []
        times: list[Fraction] = []
        deep: list[UInt16Array] = []
        for frame, time in self._frames():
            frames.append(self._resize(frame))
            times.append(time)
            if self._deep is not None:
                deep.append(self._resize(self._deep))
            count += 1
            if len(frames) == length:
                yield self._clip(frames, times, deep, count)
                frames, times, deep = [], [], []
        if frames:
            yield self._clip(frames, times, deep, count)
        if not count:
            raise self._no_frames()

    def _clip(self, frames: list[UInt8Array], times: list[Fraction], deep: list[UInt16Array], count: int) -> Clip:
        """A clip of the most recent frames; those at full depth go to `set_aside`."""
        start = count - len(frames)
        if deep:
            self.set_aside[start] = np.stack(deep)
        return Clip(ops.stack(frames), start, tuple(times))

    def _no_frames(self) -> InputError:
        if not self.options.is_windowed:
            return InputError(f"{self.name} contains no decodable frame: check that it plays in other software")
        length = "" if self.info.duration is None else f", which ends at {float(self.info.duration):.3f} s"
        begin, end = self.options.start or 0, self.options.end
        window = f"after {begin} s" if end is None else f"between {begin} s and {end} s"
        return InputError(f"there is no frame {window} in {self.name}{length}: choose an earlier start")

    def _resize(self, frame: Pixels) -> Pixels:
        size = (self.info.width, self.info.height)
        if (frame.shape[1], frame.shape[0]) == size:
            return frame
        shrinking = size[0] * size[1] < frame.shape[0] * frame.shape[1]
        resized = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
        return cast(Pixels, resized.astype(frame.dtype, copy=False))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

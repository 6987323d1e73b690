"""The common part of all runs over a source: open, read in stages, count frames, close."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from .. import ops
from .._core.errors import SourceWarning
from .._core.streams import Stages
from .._core.types import UInt8Array, VideoInfo
from ..outputs.run_manifest import HeldSource
from ..video import Source, can_reread, open_source

Item = TypeVar("Item")


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes:
        done: Frames written so far.
        total: Expected number of frames, approximately; None if unknown.
        frames_per_second: Average speed since the start.
    """

    done: int
    total: int | None
    frames_per_second: float

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the end; None if the length is unknown."""
        if self.total is None or not self.frames_per_second:
            return None
        return max(0, self.total - self.done) / self.frames_per_second


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class Window:
    """Which part of a source to read, and how; see `open_source`.

    Attributes:
        start: Start time in seconds; None begins at the first frame.
        end: End time in seconds, exclusive; None reads to the end.
        size: Short side, or (width, height), in pixels; None keeps the size.
        image_rate: Frame rate of a folder of images.
        strict: Reject damaged or truncated sources.
        frame_rate: Frame rate of a raw stream that does not state it.
    """

    start: float | None = None
    end: float | None = None
    size: int | tuple[int, int] | None = None
    image_rate: Fraction = Fraction(25)
    strict: bool = False
    frame_rate: Fraction | None = None

    def open(self, source: str | Path | int, *, full_depth: bool = False) -> Source:
        """Open a source with these settings."""
        return open_source(source, **vars(self), full_depth=full_depth)


class Notices(list[str]):
    """Messages for the user, each of which is also issued as a warning."""

    def add(self, *texts: str, kind: type[Warning] = UserWarning) -> None:
        """Add messages that were not issued yet."""
        for text in texts:
            warnings.warn(text, kind, stacklevel=3)
        self += texts


class Run:
    """One pass over a source; see `open_run`.

    Attributes:
        reader: The opened source.
        held: The source's file, for the hash of the data read.
        stages: Threads of the run; `results` starts and stops them.
        notices: Messages for the user.
        done: Number of frames processed so far.
    """

    def __init__(
        self,
        source: str | Path | int,
        window: Window,
        reader: Source,
        held: HeldSource,
        stages: Stages,
        on_progress: OnProgress | None,
    ) -> None:
        self.reader, self.held, self.stages = reader, held, stages
        self.notices = Notices()
        self._told = len(reader.notices)
        self.notices.add(*reader.notices, kind=SourceWarning)
        self.done = 0
        self._source, self._window, self._on_progress = source, window, on_progress
        self._begin = time.monotonic()

    @property
    def info(self) -> VideoInfo:
        """The properties of the source."""
        return self.reader.info

    @property
    def seconds(self) -> float:
        """Seconds since the source was opened."""
        return time.monotonic() - self._begin

    @cached_property
    def total(self) -> int | None:
        """Expected number of frames, approximately; None if unknown."""
        info = self.info
        if info.num_frames is None and info.duration is not None and not info.is_live:
            return round((info.duration - info.start) * info.frame_rate)
        return info.num_frames

    @cached_property
    def _first_frames(self) -> UInt8Array | None:
        return first_frames(self._source, self._window)

    def first_frames(self) -> UInt8Array | None:
        """Some frames of the first seconds, read once; see `first_frames`."""
        return self._first_frames

    def results(self, results: Iterable[Item], frames_in: Callable[[Item], int]) -> Iterator[Item]:
        """Yield the results one by one, and count the frames of each after it was processed."""
        for result in self.stages(results):
            yield result
            self.done += frames_in(result)
            if self._on_progress is not None:
                self._on_progress(Progress(self.done, self.total, self.done / max(self.seconds, 1e-6)))

    def take_late_notices(self) -> None:
        """Take over notices that the reader added while reading, which were already issued as warnings."""
        self.notices += self.reader.notices[self._told :]
        self._told = len(self.reader.notices)


@contextmanager
def open_run(
    source: str | Path | int,
    window: Window,
    *,
    full_depth: bool = False,
    on_progress: OnProgress | None = None,
) -> Iterator[Run]:
    """Open a source for one pass.

    Enter ``run.stages`` inside writers, so that threads end before files are closed.

    Raises:
        InputError: The source cannot be read, or was replaced while it was opened.
    """
    with ExitStack() as stack:
        stack.enter_context(ops.single_threaded())
        held = stack.enter_context(HeldSource(source))
        reader = window.open(source, full_depth=full_depth)
        stages = Stages()
        # A source cannot be closed while a thread is blocked in it.
        stack.callback(lambda: None if stages.stuck else reader.close())
        held.check()
        stages.on_stop(reader.cancel)
        yield Run(source, window, reader, held, stages, on_progress)


def first_frames(
    source: str | Path | int, window: Window, *, seconds: float = 2.0, count: int = 6
) -> UInt8Array | None:
    """Sample up to `count` frames, evenly over the first `seconds` seconds.

    Returns:
        (T, H, W, 3) uint8 RGB, or None if the source can be read only once.
    """
    if not can_reread(source):
        return None
    with window.open(source) as reader:
        if not reader.rereadable:
            return None
        # Frames are thinned out while reading: their number is unknown, and they may be large.
        frames: list[UInt8Array] = []
        step = 1
        for clip in reader:
            for index, frame in enumerate(clip.frames, clip.start):
                if index % step == 0:
                    frames.append(frame)
                if len(frames) > 2 * count:
                    frames, step = frames[::2], 2 * step
            if clip.pts[-1] - reader.info.start >= seconds:
                break
    return _evenly(frames, count)


def _evenly(frames: Sequence[UInt8Array], count: int) -> UInt8Array:
    return np.stack([frames[i] for i in np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int)])

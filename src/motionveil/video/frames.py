"""A video as a sequence of frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from motionveil._core.errors import OptionError
from motionveil._core.types import UInt8Array, VideoInfo

from .reading import open_source
from .source import Source


class Video:
    """A video as a sequence of frames that supports iteration, indexing and `len`; a context manager.

    Frames are decoded on demand. Sequential access is as fast as reading; going back restarts at the beginning.
    `len` decodes the whole video once, because the frame counts of containers are often wrong.

    Attributes:
        info: Size, frame rate and more.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.info: VideoInfo = source.info
        self._frames: Iterator[UInt8Array] | None = None
        self._next = 0
        self._count: int | None = None

    def __repr__(self) -> str:
        rate = f"{float(self.info.frame_rate):g}"
        return f"Video({self._source.name!r}, {self.info.width}x{self.info.height}, {rate} frames/s)"

    def __iter__(self) -> Iterator[UInt8Array]:
        """Iterate over all frames, (H, W, 3) uint8 RGB."""
        for clip in self._source:
            yield from clip.frames

    def __len__(self) -> int:
        if self._count is None:
            self._count = sum(len(clip) for clip in self._source)
        return self._count

    def __getitem__(self, index: int) -> UInt8Array:
        """One frame, (H, W, 3) uint8 RGB.

        Raises:
            IndexError: Beyond the last frame.
            OptionError: If `index` is not an integer.
        """
        if not isinstance(index, int):
            raise OptionError(f"frame indices must be integers, not {index!r}; for several, use itertools.islice")
        if index < 0:
            index += len(self)
        if index < 0:
            raise IndexError("frame index out of range")
        if self._frames is None or index < self._next:
            self._frames, self._next = iter(self), 0
        for frame in self._frames:
            self._next += 1
            if self._next > index:
                return frame
        self._count, self._frames = self._next, None
        raise IndexError(f"frame index {index} out of range for a video of {self._count} frames")

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_video(source: str | Path | int, **options: Any) -> Video:
    """Open a video as a sequence of frames.

    Args:
        source: Anything that `open_source` reads.
        options: Those of `open_source`.

    Example:
        ```
        video = open_video("film.mp4", size=240)
        count, frame = len(video), video[3]
        ```
    """
    return Video(open_source(source, **options))

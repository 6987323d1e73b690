"""Deinterlacing."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import av


def deinterlaced(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The same number of frames with the same times; frames flagged as interlaced pass through ``bwdif``.

    Nothing is filtered before the first interlaced frame, so progressive video has no overhead. Where the size or
    format of a stream changes, each part is filtered separately.
    """
    waiting: _Bwdif | None = None
    for frame in frames:
        if waiting is not None and not waiting.takes(frame):
            yield from waiting.end()
            waiting = None
        if waiting is None and frame.interlaced_frame:
            waiting = _Bwdif(frame)
        if waiting is None:
            yield frame
        else:
            yield from waiting.push(frame)
    if waiting is not None:
        yield from waiting.end()


class _Bwdif:
    """The filter for frames of one size and format."""

    def __init__(self, first: av.VideoFrame) -> None:
        import av.filter

        self._graph = av.filter.Graph()
        self._kind = _kind(first)
        source = self._graph.add_buffer(
            width=first.width, height=first.height, format=first.format, time_base=first.time_base
        )
        filters = self._graph.add("bwdif", "mode=send_frame:deint=interlaced")
        sink = self._graph.add("buffersink")
        self._graph.link_nodes(source, filters, sink).configure()
        self._stamps: list[tuple[int | None, int | None, Fraction | None]] = []

    def takes(self, frame: av.VideoFrame) -> bool:
        """Whether this filter accepts the frame."""
        return _kind(frame) == self._kind

    def push(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """Add a frame and yield those that are ready."""
        self._stamps.append((frame.pts, frame.dts, frame.time_base))
        self._graph.vpush(frame)
        return self._ready()

    def end(self) -> Iterator[av.VideoFrame]:
        """The remaining frames."""
        self._graph.vpush(None)
        return self._ready()

    def _ready(self) -> Iterator[av.VideoFrame]:
        import av

        while True:
            try:
                frame = self._graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            frame.pts, frame.dts, time_base = self._stamps.pop(0)
            frame.time_base = cast(Fraction, time_base)
            yield frame


def _kind(frame: av.VideoFrame) -> tuple[int, int, str, int, int]:
    return frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range

"""Interlaced frames to whole pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av


def deinterlaced(frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """The same number of frames with the same times; those that are flagged as interlaced go through ``bwdif``.

    Until the first interlaced frame nothing is filtered, so progressive video costs nothing.
    """
    for frame in frames:
        if frame.interlaced_frame:
            yield from _filtered(frame, frames)
            return
        yield frame


def _filtered(first: av.VideoFrame, rest: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    import av.filter

    graph = av.filter.Graph()
    source = graph.add_buffer(width=first.width, height=first.height, format=first.format, time_base=first.time_base)
    filters = graph.add("bwdif", "mode=send_frame:deint=interlaced")
    sink = graph.add("buffersink")
    graph.link_nodes(source, filters, sink).configure()
    stamps = [(first.pts, first.dts, first.time_base)]

    def ready() -> Iterator[av.VideoFrame]:
        while True:
            try:
                frame = graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            frame.pts, frame.dts, frame.time_base = stamps.pop(0)
            yield frame

    graph.vpush(first)
    for frame in rest:
        stamps.append((frame.pts, frame.dts, frame.time_base))
        graph.vpush(frame)
        yield from ready()
    graph.vpush(None)
    yield from ready()

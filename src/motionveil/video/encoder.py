"""Encodes frames with their exact times into a container."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from motionveil.types import Clip, UInt8Array, VideoInfo

from .colour import BT601, BT709, FULL, LIMITED, default_matrix
from .encoding import CODECS, Codec, Container

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

_THREADS = 2  # each holds frames, and the work between decoder and encoder needs the cores more
_SMPTE170M = 6


class Encoder:
    """Writes the frames of one video file; ``info.start`` becomes time 0, the last frame ends where the source ends.

    A frame is encoded when the next one has come, because its duration is not known before.
    """

    def __init__(self, path: Path, info: VideoInfo, codec: str, container: Container, options: dict[str, str]) -> None:
        import av

        self._codec = CODECS[codec]
        self._info = info
        self._interval = 1 / info.frame_rate
        self._constant_rate = container.format == "avi"
        self._held: tuple[UInt8Array, int] | None = None
        self._durations: dict[int, int] = {}  # of the frames in the encoder, by time stamp
        self.end = Fraction(0)
        """Seconds at which the last frame ends, known when all is written."""
        self.container = av.open(
            str(path), "w", format=container.format, options={"fflags": "+bitexact", **container.options}
        )
        self._stream = self._add_stream(options)
        self._to_encoder = _Converter(self._stream, info.height)

    def _add_stream(self, options: dict[str, str]) -> VideoStream:
        info, codec = self._info, self._codec
        stream: VideoStream = self.container.add_stream(codec.encoder, rate=info.frame_rate.limit_denominator(65535))
        stream.width, stream.height = info.width, info.height
        stream.pix_fmt = codec.odd_pixel_format if info.width % 2 or info.height % 2 else codec.pixel_format
        context = stream.codec_context
        context.options = {**codec.options, **options}
        context.thread_count = _THREADS
        context.sample_aspect_ratio = info.sample_aspect_ratio.limit_denominator(255)
        if self._constant_rate:
            context.max_b_frames = 0  # AVI has no place for an order of display
        if stream.pix_fmt.startswith("yuv"):
            hd = default_matrix(info.height) == BT709
            context.colorspace = context.color_primaries = context.color_trc = BT709 if hd else _SMPTE170M
            context.color_range = LIMITED
        return stream

    def _open(self, clip: Clip) -> None:
        """Choose the time base by the first clip's times, and open the encoder."""
        self._time_base = self._choose_time_base(clip)
        self._stream.codec_context.time_base = self._time_base

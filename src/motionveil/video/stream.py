"""Everything FFmpeg reads: video files, cameras, network streams, standard input."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

from motionveil.errors import InputError, TruncatedError, TruncationWarning
from motionveil.types import UInt8Array, VideoInfo

from .colour import RgbConverter
from .decoder import Decoder, Location
from .deinterlace import deinterlaced
from .orientation import Orientation
from .source import ReadOptions, Source

if TYPE_CHECKING:
    import av

_STEPS_BACK = (0, 2, 10, 60)  # seconds before the start at which a key frame is sought that really comes before it


class StreamSource(Source):
    """Frames of a container or a device.

    Times are those of the container; where its clock may start anywhere (MPEG transport streams, live sources) or
    holds decoding times only (AVI) they count from the beginning.
    """

    def __init__(self, location: Location, options: ReadOptions) -> None:
        super().__init__(location.name, options)
        self._location = location
        self._cancelled = False
        self._unread: Decoder | None = Decoder(location)
        try:
            first, self._rest = _split(self._unread.frames())
            if first is None:
                raise InputError(f"{self.name} holds no frame that can be decoded: check that it plays elsewhere")
            self.info = self._describe(self._unread, first)
            if options.start and self.info.duration is not None and options.first >= self.info.duration:
                raise self._no_frames()
        except BaseException:
            self.close()
            raise

    @property
    def rereadable(self) -> bool:
        """False for cameras, streams, pipes and standard input."""
        return self._location.rereadable

    def _describe(self, decoder: Decoder, frame: av.VideoFrame) -> VideoInfo:
        self._orientation = Orientation.from_frame(frame)
        self._coded_size = (frame.width, frame.height)
        context, stream = decoder.stream.codec_context, decoder.stream
        sideways = self._orientation.transpose
        width, height = self.options.fit(*(reversed(self._coded_size) if sideways else self._coded_size))
        aspect = Fraction(stream.sample_aspect_ratio or context.sample_aspect_ratio or 1)
        return VideoInfo(
            width=width,
            height=height,
            frame_rate=decoder.frame_rate,
            num_frames=None if self.options.is_windowed else stream.frames or None,
            duration=None if self._location.is_live else self.options.limit(decoder.end),
            codec=context.name,
            pixel_format=frame.format.name,
            is_live=self._location.is_live,
            has_audio=bool(decoder.container.streams.audio),
            sample_aspect_ratio=1 / aspect if sideways else aspect,
            start=self.options.first,
        )

    def _frames(self) -> Iterator[tuple[UInt8Array, Fraction]]:
        decoder, frames = self._begin()
        with closing(decoder):
            clock = decoder.clock()
            convert = RgbConverter(*self._coded_size)
            time = Fraction(0)
            for frame in deinterlaced(frames):
                time = clock(frame)
                if self.options.is_before(time):
                    continue
                if self.options.is_after(time):
                    return
                yield self._orientation.apply(convert(frame)), time
            if decoder.shortfall is not None and not self._cancelled:
                self._complain(decoder, time)

    def _begin(self) -> tuple[Decoder, Iterator[av.VideoFrame]]:
        """A decoder for one pass, and its frames from the first or from some key frame before the start."""
        if self._unread is not None:
            decoder, frames = self._unread, self._rest
            self._unread = None
        elif self._location.rereadable:
            decoder = Decoder(self._location)
            frames = decoder.frames()
        else:
            raise InputError(f"{self.name} can be read only once: record it to a file and give that")
        if not self.options.start or decoder.origin is None or not self._location.rereadable:
            return decoder, frames
        for step in _STEPS_BACK:
            first, found = _split(decoder.seek(Fraction(self.options.start) - step))
            if first is not None and self.options.is_before(decoder.clock()(first)):
                return decoder, found
        decoder.close()
        decoder = Decoder(self._location)
        return decoder, decoder.frames()

    def _complain(self, decoder: Decoder, until: Fraction) -> None:
        """Warn or raise because the source ended, after this time, before it should."""
        frames, length = decoder.stream.frames, self.info.duration
        of_frames = f" of {frames}" if frames else ""
        of_length = "" if length is None else f" of {float(length):.2f} s"
        message = (
            f"{self.name} {decoder.shortfall}: {decoder.frames_read}{of_frames} frames could be read, "
            f"up to {float(until):.2f} s{of_length}"
        )
        if self.options.strict:
            raise TruncatedError(f"{message}, so get a complete copy or leave out --strict")
        self.notice = f"{message}, and are used"
        warnings.warn(self.notice, TruncationWarning, stacklevel=2)

    def cancel(self) -> None:
        """Let go a thread that waits for a pipe."""
        self._cancelled = True
        if self._location.cancel is not None:
            self._location.cancel()

    def close(self) -> None:
        """Close the file or device."""
        if self._unread is not None:
            self._unread.close()
            self._unread = None


def _split(frames: Iterator[av.VideoFrame]) -> tuple[av.VideoFrame | None, Iterator[av.VideoFrame]]:
    """The first frame, and all frames."""
    first = next(frames, None)
    return first, frames if first is None else chain([first], frames)

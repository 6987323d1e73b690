"""Everything that FFmpeg reads: video files, cameras, network streams, standard input."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING

from motionveil._core.errors import InputError, OptionError, SourceWarning, TruncatedError, TruncationWarning
from motionveil._core.types import Colours, UInt8Array, VideoInfo

from .colour import RgbConverter, has_alpha
from .container import Location
from .decoder import Decoder
from .deep import colours_of, means_nothing_known, to_deep
from .deinterlace import deinterlaced
from .letterbox import letterboxed
from .orientation import Orientation, Pixels
from .source import ReadOptions, Source
from .story import Story, times_between
from .trouble import stamp

if TYPE_CHECKING:
    import av

_STEPS_BACK = (0, 2, 10, 60)  # seconds before the start at which to look for a keyframe that precedes it


class StreamSource(Source):
    """Frames of a container or a device.

    Times are those of the container. Where its clock may start anywhere (MPEG transport streams, live sources) or it
    stores only decoding times (AVI), they count from the beginning; jumps of such a clock are closed. Damaged frames
    are replaced by the last intact one. Frames whose size differs from the first are letterboxed to it.
    """

    def __init__(self, location: Location, options: ReadOptions) -> None:
        super().__init__(location.name, options)
        self._location = location
        self._cancelled = False
        self._unread: Decoder | None = Decoder(location, options.frame_rate)
        try:
            if options.frame_rate is not None and not self._unread.is_raw:
                raise OptionError(f"{self.name} stores its own timestamps: omit `frame_rate`")
            first, self._rest = _split(self._unread.frames())
            if first is None:
                raise InputError(f"{self.name} contains no decodable frame: check that it plays in other software")
            if means_nothing_known(first, self._unread.stream.codec_context.codec_tag):
                raise InputError(
                    f"{self.name} has unsupported colours (ICtCp, or Dolby Vision profile 5) that would be shown "
                    f"wrong: export it as HDR10, HLG or SDR"
                )
            self.info = self._describe(self._unread, first)
            ends = self._unread.timeline is None  # otherwise the end is unknown before everything is read
            if ends and options.start and self.info.duration is not None and options.first >= self.info.duration:
                raise self._no_frames()
        except BaseException:
            self.close()
            raise

    @property
    def rereadable(self) -> bool:
        """False for cameras, streams, pipes and standard input."""
        return self._location.rereadable

    def _describe(self, decoder: Decoder, frame: av.VideoFrame) -> VideoInfo:
        stream = decoder.stream
        orientation = Orientation.from_frame(frame)
        self._size = orientation.size(frame.width, frame.height)
        self._aspect = decoder.pixel_aspect(frame, orientation)
        width, height = self.options.fit(*self._size)
        if decoder.other_films:
            self.notices.append(
                f"{self.name} contains {decoder.other_films + 1} videos: only that of track {stream.index}, "
                f"{self._size[0]}x{self._size[1]}, is processed"
            )
        if has_alpha(frame.format) and not frame.format.has_palette:
            self.notices.append(f"{self.name} may have transparent parts: they are composited over black")
        if decoder.is_raw and self.options.frame_rate is None and self._rate_is_guessed(decoder):
            self.notices.append(
                f"{self.name} does not specify its frame rate: assuming {float(decoder.frame_rate):g} frames per "
                f"second; set it with `frame_rate`"
            )
        return VideoInfo(
            width=width,
            height=height,
            frame_rate=decoder.frame_rate,
            num_frames=None if self.options.is_windowed else stream.frames or None,
            duration=None if self._location.is_live else self.options.limit(decoder.end),
            codec=stream.codec_context.name,
            pixel_format=frame.format.name,
            is_live=self._location.is_live,
            has_audio=bool(decoder.container.streams.audio),
            sample_aspect_ratio=self.options.pixel_aspect(*self._size, self._aspect),
            start=self.options.first,
            colours=colours_of(frame),
        )

    def _rate_is_guessed(self, decoder: Decoder) -> bool:
        """Whether the rate of a raw stream is FFmpeg's default, found by requesting a different one."""
        if not self._location.rereadable:
            return False
        other = decoder.frame_rate + 1
        asked = replace(self._location, options={**self._location.options, "framerate": str(other)})
        with closing(Decoder(asked)) as again:
            return again.frame_rate == other

    def _frames(self) -> Iterator[tuple[UInt8Array, Fraction]]:
        decoder, frames = self._begin()
        with closing(decoder):
            clock = decoder.clock()
            convert = RgbConverter()
            story = Story()
            last: tuple[av.VideoFrame, Fraction] | None = None
            for frame in deinterlaced(frames):
                time = clock(frame)
                if last is not None and stamp(frame) in decoder.resumed and not self.options.is_before(time):
                    story.damage.append((last[1], time))
                    picture, _ = self._picture(decoder, convert, last[0])
                    for between in times_between(last[1], time, 1 / decoder.frame_rate):
                        if not self.options.is_before(between) and not self.options.is_after(between):
                            yield picture, between
                last = (frame, time)
                if self.options.is_before(time):
                    continue
                if self.options.is_after(time):
                    break
                picture, shape = self._picture(decoder, convert, frame)
                if shape is not None:
                    story.shapes.setdefault(shape, time)
                yield picture, time
            else:
                story.shortfall = decoder.shortfall
            if last is not None and not self._cancelled:
                story.seams = (
                    [seam - (decoder.origin or 0) for seam in decoder.timeline.seams] if decoder.timeline else []
                )
                self._tell(story, decoder, last[1])

    def _picture(
        self, decoder: Decoder, convert: RgbConverter, frame: av.VideoFrame
    ) -> tuple[UInt8Array, tuple[int, int] | None]:
        """The upright frame in the size of the first, and its own (width, height) if its shape differs."""
        orientation = Orientation.from_frame(frame)
        deep = None
        if self.options.full_depth and self.info.colours is not None:
            deep = convert.deep(frame) if _is_alike(colours_of(frame), self.info.colours) else None
        picture = convert(frame, deep)
        if self.options.full_depth and self.info.colours is not None:
            deep = to_deep(self.info.colours)(picture) if deep is None else deep
        size, aspect = orientation.size(frame.width, frame.height), decoder.pixel_aspect(frame, orientation)
        is_usual = size == self._size and aspect == self._aspect

        def placed(pixels: Pixels) -> Pixels:
            upright = orientation.apply(pixels)
            return upright if is_usual else letterboxed(upright, self._size, aspect / self._aspect)

        self._deep = None if deep is None else placed(deep)
        return placed(picture), None if is_usual else size

    def _begin(self) -> tuple[Decoder, Iterator[av.VideoFrame]]:
        """A decoder for one pass, and its frames from the first or from a keyframe before the start."""
        if self._unread is not None:
            decoder, frames = self._unread, self._rest
            self._unread = None
        elif self._location.rereadable:
            decoder = Decoder(self._location, self.options.frame_rate)
            frames = decoder.frames()
        else:
            raise InputError(f"{self.name} can be read only once: record it to a file and pass that")
        unseekable = decoder.origin is None or decoder.is_raw or not self._location.rereadable
        if not self.options.start or unseekable:
            return decoder, frames
        # Where the clock jumps, everything before is read anyway, so the first attempt is enough.
        steps = _STEPS_BACK if decoder.timeline is None else _STEPS_BACK[:1]
        if decoder.timeline is not None:
            decoder.close()
            decoder = Decoder(self._location)
        for step in steps:
            first, found = _split(decoder.seek(Fraction(self.options.start) - step))
            if first is not None and self.options.is_before(decoder.clock()(first)):
                return decoder, found
        decoder.close()
        decoder = Decoder(self._location)
        return decoder, decoder.frames()

    def _tell(self, story: Story, decoder: Decoder, until: Fraction) -> None:
        """Warn about irregularities up to this time, or raise if something is missing in strict mode."""
        missing = story.missing(self.name, until, decoder.frames_read, decoder.stream.frames, self.info.duration)
        if missing and self.options.strict:
            raise TruncatedError(f"{missing}; get a complete copy or omit `strict`")
        told: list[tuple[str, type[Warning]]] = [
            (text, SourceWarning) for text in story.oddities(self.name, self._size)
        ]
        if missing:
            told.append((f"{missing}; the readable part is used", TruncationWarning))
        for text, kind in told:
            if text not in self.notices:  # the source may be read again
                self.notices.append(text)
            warnings.warn(text, kind, stacklevel=3)

    def cancel(self) -> None:
        """Wake a thread that waits for a pipe."""
        self._cancelled = True
        if self._location.cancel is not None:
            self._location.cancel()

    def close(self) -> None:
        """Close the file or device."""
        if self._unread is not None:
            self._unread.close()
            self._unread = None


def _is_alike(colours: Colours | None, others: Colours) -> bool:
    """Whether two colour descriptions are equal for pixel values."""
    return colours is not None and (colours.primaries, colours.transfer) == (others.primaries, others.transfer)


def _split(frames: Iterator[av.VideoFrame]) -> tuple[av.VideoFrame | None, Iterator[av.VideoFrame]]:
    """The first frame, and all frames."""
    first = next(frames, None)
    return first, frames if first is None else chain([first], frames)

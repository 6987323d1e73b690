"""Encodes frames with their exact times into a container."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, cast

from motionveil._core.errors import OptionError
from motionveil._core.types import Colours, UInt8Array, UInt16Array, VideoInfo

from .audio import SoundTracks, read_tags
from .colour import BT709, BT2020, LIMITED, SMPTE170M, YuvConverter, default_matrix
from .encoding import CODECS, Container
from .palette import PaletteConverter
from .scheduling import ordinary_scheduling
from .tonemap import HLG, PQ

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

_THREADS = 2  # each thread buffers frames, and the cores are needed elsewhere


class Encoder:
    """Writes one video file. ``info.start`` becomes time 0, and the last frame ends where the source ends.

    A frame is encoded only after the next one has arrived, because its duration is unknown before. With `deep`,
    frames have 10 bits and the colours given in ``info``.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        codec: str,
        container: Container,
        options: dict[str, str],
        *,
        deep: bool = False,
    ) -> None:
        import av

        if codec == "av1":
            os.environ.setdefault("SVT_LOG", "1")  # the only way to keep SVT-AV1 from writing to the terminal
        self._line = CODECS[codec]
        if min(info.width, info.height) < self._line.smallest:
            least = self._line.smallest
            raise OptionError(
                f"{codec} needs frames of at least {least}x{least}, not {info.width}x{info.height}: choose h264"
            )
        self._info = info
        self._colours = info.colours if deep else None
        self._time_base = _time_base(info.frame_rate, container.format)
        self._held: av.VideoFrame | None = None
        self._gap = max(round(1 / info.frame_rate / self._time_base), 1)
        self._durations: dict[int, int] = {}  # of the frames inside the encoder, by timestamp
        self.container = av.open(
            f"file:{path}", "w", format=container.format, options={"fflags": "+bitexact", **container.options}
        )
        self.stream = self._add_stream(options)
        self._convert = (
            PaletteConverter()
            if self.stream.pix_fmt == "pal8"
            else YuvConverter(self.stream.pix_fmt or "", self._matrix)
        )
        self._strip = None if self._line.strip is None else av.BitStreamFilterContext(self._line.strip, self.stream)
        self._sound: SoundTracks | None = None
        self._kept_tags: str | None = None
        self._last_packet: av.Packet[VideoStream] | None = None
        self._first_dts: int | None = None

    def _add_stream(self, options: dict[str, str]) -> VideoStream:
        info, line = self._info, self._line
        rate = info.frame_rate.limit_denominator(65535)
        stream = cast("VideoStream", self.container.add_stream(line.encoder, rate=rate))
        stream.width, stream.height = info.width, info.height
        is_odd = bool(info.width % 2 or info.height % 2)
        if self._colours is None:
            stream.pix_fmt = line.odd_pixel_format if is_odd else line.pixel_format
        else:
            stream.pix_fmt = line.deep_odd_pixel_format if is_odd else line.deep_pixel_format
        context = stream.codec_context
        context.time_base = self._time_base
        context.options = {**line.options, **options}
        for name, more in ({} if self._colours is None else mastering_options(line.encoder, self._colours)).items():
            context.options = {**context.options, name: f"{context.options[name]}:{more}"}
        context.thread_count = _THREADS
        if line.tag is not None and self.container.format.name in ("mp4", "mov"):
            context.codec_tag = line.tag
        context.sample_aspect_ratio = info.sample_aspect_ratio.limit_denominator(255)
        if self.container.format.name == "avi":
            context.max_b_frames = 0  # AVI stores no display order
        if stream.pix_fmt.startswith("yuv"):
            matrix = BT709 if default_matrix(info.height) == BT709 else SMPTE170M
            context.colorspace = context.color_primaries = context.color_trc = matrix
            context.color_range = LIMITED
            context.colorspace = self._matrix or matrix
        if self._colours is not None and self._colours.primaries != BT709:
            context.color_primaries, context.color_trc = self._colours.primaries, self._colours.transfer
        return stream

    @property
    def _matrix(self) -> int | None:
        """The YUV matrix, if it is not the default for the size."""
        wide = self._colours is not None and (self._colours.primaries == BT2020 or self._colours.transfer in (PQ, HLG))
        return BT2020 if wide else None

    @property
    def notices(self) -> list[str]:
        """Messages about unusual properties of the output file."""
        own = self._own_notice()
        return [*filter(None, [own, self._kept_tags]), *([] if self._sound is None else self._sound.notices)]

    def _own_notice(self) -> str | None:
        if (self.stream.pix_fmt or "").startswith("yuv444p"):
            size = f"{self._info.width}x{self._info.height}"
            return f"the size {size} is odd, so chroma is stored at full resolution (4:4:4), which some players reject"
        matroska = self.container.format.name in ("matroska", "webm")
        if self._info.sample_aspect_ratio != 1 and matroska and not self._line.stores_aspect:
            return f"pixels become square (the aspect ratio was {self._info.sample_aspect_ratio}): h264 or .mp4 keep it"
        return None

    def start(self, sound: str | Path | None, tags: str | Path | None, target: Path) -> None:
        """Write the header, with the audio of one file and the tags of another, if given."""
        import av

        if sound is not None:
            self._sound = SoundTracks(sound, self._info.start, self.container, target)
        if tags is not None:
            kept = read_tags(tags)
            self.container.metadata.update(kept)
            self._kept_tags = f"tags kept: {', '.join(kept) or 'none'}"
        try:
            with ordinary_scheduling():
                self.container.start_encoding()
        except (av.error.ArgumentError, av.error.ExternalError) as error:
            raise OptionError(
                f"{self._line.encoder} rejects frames of {self._info.width}x{self._info.height} with these settings: "
                f"choose another speed, quality or codec"
            ) from error

    def write(self, frame: UInt8Array | UInt16Array, time: Fraction, index: int) -> None:
        """Add the next frame, (H, W, 3) uint8 RGB, or uint16 if `deep`, at its time in seconds."""
        tick = round((time - self._info.start) / self._time_base)
        if self._held is not None:
            last = cast(int, self._held.pts)
            tick = max(tick, last + 1)
            self._gap = tick - last
            self._encode_held(self._gap)
        self._held = self._convert(frame)
        self._held.pts = tick
        self._held.time_base = self._time_base

    def finish(self) -> None:
        """Write the buffered frames and complete the file."""
        assert self._held is not None
        last = cast(int, self._held.pts)
        duration = self._gap
        if self._info.duration is not None:
            rest = round((self._info.duration - self._info.start) / self._time_base) - last
            # a longer remainder means that reading stopped before the end
            if 0 < rest <= max(3 * self._gap, round(1 / self._time_base)):
                duration = rest
        self._encode_held(duration)
        self._mux(self.stream.encode(None))
        for packet in [] if self._strip is None else self._strip.filter(None):
            self._hold_back(packet)
        self._mux_last(last + duration)
        if self._sound is not None:
            self._sound.copy_until((last + duration) * self._time_base)
        self.container.close()

    def _mux_last(self, end: int) -> None:
        """Mux the last packet in decoding order with a duration that makes an MP4 track last until `end`.

        The length of such a track is the sum of its packet durations, and decoding times begin before 0.
        """
        packet = self._last_packet
        assert packet is not None
        if self._first_dts is None:
            packet.dts = packet.pts  # the only packet; not every encoder sets dts then
        elif self.container.format.name in ("mp4", "mov") and packet.dts is not None:
            packet.duration = max(packet.duration or 0, end - packet.dts + min(self._first_dts, 0))
        self.container.mux(packet)

    def close(self) -> None:
        """Close the files; an unfinished output is unusable afterwards."""
        if self._sound is not None:
            self._sound.close()
        with suppress(Exception):  # a full disk fails here again
            self.container.close()

    def _encode_held(self, duration: int) -> None:
        assert self._held is not None
        self._held.duration = duration
        stamp = cast(int, self._held.pts)
        self._durations[stamp] = duration
        if self._sound is not None:
            self._sound.copy_until(stamp * self._time_base)
        self._mux(self.stream.encode(self._held))

    def _mux(self, packets: list[av.Packet[VideoStream]]) -> None:
        for packet in packets:
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, packet.duration)
            for stripped in [packet] if self._strip is None else self._strip.filter(packet):
                self._hold_back(stripped)

    def _hold_back(self, packet: av.Packet[VideoStream]) -> None:
        if self._last_packet is not None:
            self._first_dts = self._last_packet.dts if self._first_dts is None else self._first_dts
            self.container.mux(self._last_packet)
        self._last_packet = packet


def mastering_options(encoder: str, colours: Colours) -> dict[str, str]:
    """Encoder options that store the mastering display and light levels in the video."""
    name = {"libx265": "x265-params", "libsvtav1": "svtav1-params"}.get(encoder)
    if name is None:
        return {}
    is_x265 = encoder == "libx265"
    parts = []
    if colours.mastering is not None:
        # x265 uses units of 0.00002 and 0.0001 nits
        xy, nits = (50_000, 10_000) if is_x265 else (1, 1)
        scaled = [value * xy for value in colours.mastering[:8]] + [value * nits for value in colours.mastering[8:]]
        rx, ry, gx, gy, bx, by, wx, wy, least, most = (
            f"{value:.0f}" if is_x265 else f"{value:.6f}" for value in scaled
        )
        parts.append(
            f"{'master-display' if is_x265 else 'mastering-display'}="
            f"G({gx},{gy})B({bx},{by})R({rx},{ry})WP({wx},{wy})L({most},{least})"
        )
    if colours.light is not None:
        parts.append(f"{'max-cll' if is_x265 else 'content-light'}={colours.light[0]},{colours.light[1]}")
    return {name: ":".join(parts)} if parts else {}


def _time_base(frame_rate: Fraction, container: str) -> Fraction:
    """The time base of a container; where it can be chosen, one exact for frames, milliseconds and 1/90000 s."""
    if container == "gif":
        return Fraction(1, 100)
    if container == "avi":
        return 1 / frame_rate
    for grid in (90_000, 1000):
        ticks = math.lcm(frame_rate.numerator, grid)
        if ticks <= 1_000_000:
            return Fraction(1, ticks)
    return Fraction(1, 90_000)

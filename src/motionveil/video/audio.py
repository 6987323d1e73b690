"""Audio and tags that an output may keep from its source."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from motionveil._core.errors import OptionError

from .container import file_location
from .decoder import Decoder

if TYPE_CHECKING:
    import av
    import av.container
    import av.filter
    from av.stream import Stream

# What players expect of each container; used for audio that the container cannot hold unchanged
_ENCODERS = {"mp4": "aac", "mov": "aac", "matroska": "libopus", "webm": "libopus", "avi": "ac3"}
_SOUND_RATE = 48_000
_SAYS_NOTHING_OF_ITSELF = 1 << 23  # AV_CODEC_FLAG_BITEXACT


class SoundTracks:
    """The audio of a file, muxed into another container in sync with the frames.

    Streams are copied where the container can hold them, and re-encoded otherwise.

    Args:
        source: The file with the audio.
        start: Source time in seconds that becomes time 0 of the output; earlier audio is dropped.
        output: The container to mux into.
        target: The path of the output, for messages.
    """

    def __init__(self, source: str | Path, start: Fraction, output: av.container.OutputContainer, target: Path) -> None:
        self.notices: list[str] = []
        """Messages about audio that was changed or dropped."""
        self._decoder = Decoder(file_location(source))
        self._output = output
        self._shift = start + (self._decoder.origin or 0)
        self._tracks: dict[int, _Copied | _Encoded] = {}
        try:
            for stream in self._decoder.container.streams.audio:
                self._add(stream, source, target)
        except BaseException:
            self.close()
            raise
        self._packets = self._timed_packets()
        self._next: tuple[Fraction, av.Packet[Stream]] | None = None
        self._begun = False

    def _add(self, stream: av.AudioStream, source: str | Path, target: Path) -> None:
        if cast("av.AudioCodecContext | None", stream.codec_context) is None:
            self.notices.append(
                f"an audio track of {source} has a codec that this FFmpeg build does not support: it is dropped"
            )
            return
        kind = stream.codec_context.name
        try:
            self._tracks[stream.index] = _Copied(self._output.add_stream_from_template(stream))
            return
        except ValueError as error:
            encoder = _ENCODERS.get(self._output.format.name)
            if encoder is None:
                raise OptionError(
                    f"{target.suffix} files cannot hold {kind} audio of {source}: write to .mkv or omit `audio`"
                ) from error
        self._tracks[stream.index] = _Encoded(self._output, encoder, stream)
        self.notices.append(
            f"{target.suffix} files cannot hold {kind} audio: it is re-encoded as {encoder.removeprefix('lib')}"
        )

    def copy_until(self, time: Fraction) -> None:
        """Mux the audio that begins before this output time, in seconds. The header must have been written."""
        if not self._begun:
            self._next, self._begun = next(self._packets, None), True
        while self._next is not None and self._next[0] < time:
            self._output.mux(self._next[1])
            self._next = next(self._packets, None)

    def _timed_packets(self) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """Packets that begin within the output, with their output times."""
        for packet in self._decoder.packets():
            track = self._tracks.get(packet.stream.index)
            if track is not None:
                yield from track.packets(packet, self._shift)
        for track in self._tracks.values():
            yield from track.rest()

    def close(self) -> None:
        """Close the source."""
        self._decoder.close()


class _Copied:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._last: Fraction | None = None

    def packets(self, packet: av.Packet[Any], shift: Fraction) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """The packet and its output time, if it begins within the output. shift: seconds to subtract."""
        if packet.pts is None or packet.dts is None:
            return
        ticks = round(shift / packet.time_base)
        packet.pts -= ticks
        packet.dts -= ticks
        packet.stream = self._stream
        decoded = packet.dts * packet.time_base
        # Timestamps must not decrease, so packets of overlapping recordings that come too late are dropped.
        if packet.pts >= 0 and (self._last is None or decoded > self._last):
            self._last = decoded
            yield packet.pts * packet.time_base, packet

    def rest(self) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """Yield nothing; no packet is buffered."""
        yield from ()


class _Encoded:
    def __init__(self, output: av.container.OutputContainer, encoder: str, source: av.AudioStream) -> None:
        import av

        self._source = source
        rates = av.Codec(encoder, "w").audio_rates
        rate = source.rate if not rates or source.rate in rates else _SOUND_RATE
        self._stream = cast("av.AudioStream", output.add_stream(encoder, rate=rate))
        self._stream.codec_context.flags |= _SAYS_NOTHING_OF_ITSELF
        # Downmix to stereo at most: encoders differ in the multichannel layouts that they accept.
        self._stream.codec_context.layout = "mono" if source.channels == 1 else "stereo"
        self._graph: av.filter.Graph | None = None

    def packets(self, packet: av.Packet[Any], shift: Fraction) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """The re-encoded packets. Damaged audio becomes silence."""
        import av

        try:
            frames = cast("list[av.AudioFrame]", packet.decode())
        except av.error.FFmpegError:
            return
        for frame in frames:
            yield from self._encoded(frame, shift)

    def _encoded(self, frame: av.AudioFrame, shift: Fraction) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        if self._graph is None:
            self._graph = self._build(frame)
        if frame.pts is not None and frame.time_base is not None:
            frame.pts = round((frame.pts * frame.time_base - shift) * frame.sample_rate)
            frame.time_base = Fraction(1, frame.sample_rate)
        self._graph.push(frame)
        yield from self._pulled()

    def rest(self) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """Flush the filter and the encoder."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pulled()
            yield from self._timed(self._stream.encode(None))

    def _pulled(self) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        import av

        assert self._graph is not None
        while True:
            try:
                frame = cast("av.AudioFrame", self._graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            yield from self._timed(self._stream.encode(frame))

    @staticmethod
    def _timed(packets: list[av.Packet[Any]]) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        for packet in packets:
            yield (packet.pts or 0) * packet.time_base, packet

    def _build(self, frame: av.AudioFrame) -> av.filter.Graph:
        """A graph that cuts audio before time 0, fills gaps with silence, and converts to the encoder's format."""
        import av.filter

        context = self._stream.codec_context
        context.open(strict=False)
        graph = av.filter.Graph()
        source = graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=Fraction(1, frame.sample_rate),
        )
        wanted = ":".join(
            (
                f"sample_fmts={context.format.name}",
                f"sample_rates={context.sample_rate}",
                f"channel_layouts={context.layout.name}",
            )
        )
        chain = [source, graph.add("aresample", "async=1:first_pts=0"), graph.add("aformat", wanted)]
        if context.frame_size:
            chain.append(graph.add("asetnsamples", f"n={context.frame_size}:p=0"))
        graph.link_nodes(*chain, graph.add("abuffersink")).configure()
        return graph


def read_tags(source: str | Path) -> dict[str, str]:
    """The container tags of a file: title, date, location and so on."""
    decoder = Decoder(file_location(source))
    tags = dict(decoder.container.metadata)
    decoder.close()
    # these describe the container, and the new container writes its own
    return {
        key: value
        for key, value in tags.items()
        if key not in {"major_brand", "minor_version", "compatible_brands", "encoder"}
    }

"""What a result may keep of its source beside the pictures: sound, copied or encoded anew, and tags."""

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

# What players of a container expect; for sound that it cannot hold as it is
_ENCODERS = {"mp4": "aac", "mov": "aac", "matroska": "libopus", "webm": "libopus", "avi": "ac3"}
_SOUND_RATE = 48_000
_SAYS_NOTHING_OF_ITSELF = 1 << 23  # AV_CODEC_FLAG_BITEXACT


class SoundTracks:
    """The sound of a file, muxed into another container in step with its pictures: copied where that can hold it.

    start: the source's time, in seconds, that is time 0 of the result; sound before it is left out.
    """

    def __init__(self, source: str | Path, start: Fraction, output: av.container.OutputContainer, target: Path) -> None:
        self.notices: list[str] = []
        """Sentences on sound that was changed or left out."""
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
                f"a sound track of {source} is of a kind that this FFmpeg does not know: it is left out"
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
                    f"{target.suffix} files cannot hold the {kind} sound of {source}: write to .mkv or drop the sound"
                ) from error
        self._tracks[stream.index] = _Encoded(self._output, encoder, stream)
        self.notices.append(
            f"{target.suffix} files cannot hold {kind} sound: it is encoded as {encoder.removeprefix('lib')}"
        )

    def copy_until(self, time: Fraction) -> None:
        """Mux the sound that begins before this time of the result, in seconds. The header has to be written."""
        if not self._begun:
            self._next, self._begun = next(self._packets, None), True
        while self._next is not None and self._next[0] < time:
            self._output.mux(self._next[1])
            self._next = next(self._packets, None)

    def _timed_packets(self) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """Packets that begin in the result, with their times there."""
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
        """The packet with its time in the result, if it begins there. shift: what is to be taken off, in seconds."""
        if packet.pts is None or packet.dts is None:
            return
        ticks = round(shift / packet.time_base)
        packet.pts -= ticks
        packet.dts -= ticks
        packet.stream = self._stream
        decoded = packet.dts * packet.time_base
        # Where recordings overlap a little, what comes too late is left out: no file may go back.
        if packet.pts >= 0 and (self._last is None or decoded > self._last):
            self._last = decoded
            yield packet.pts * packet.time_base, packet

    def rest(self) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """Nothing is held back."""
        yield from ()


class _Encoded:
    def __init__(self, output: av.container.OutputContainer, encoder: str, source: av.AudioStream) -> None:
        import av

        self._source = source
        rates = av.Codec(encoder, "w").audio_rates
        rate = source.rate if not rates or source.rate in rates else _SOUND_RATE
        self._stream = cast("av.AudioStream", output.add_stream(encoder, rate=rate))
        self._stream.codec_context.flags |= _SAYS_NOTHING_OF_ITSELF
        # More channels than two are mixed: which orders of them an encoder takes differs.
        self._stream.codec_context.layout = "mono" if source.channels == 1 else "stereo"
        self._graph: av.filter.Graph | None = None

    def packets(self, packet: av.Packet[Any], shift: Fraction) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """What the encoder makes of a packet. Damaged sound is silence."""
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
        """What filter and encoder hold back."""
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
        """Cuts what comes before time 0, fills gaps with silence, and gives the encoder what it takes."""
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
    """The tags of a file: title, date, place and the like."""
    decoder = Decoder(file_location(source))
    tags = dict(decoder.container.metadata)
    decoder.close()
    # these describe the container, and the new one writes its own
    return {
        key: value
        for key, value in tags.items()
        if key not in {"major_brand", "minor_version", "compatible_brands", "encoder"}
    }

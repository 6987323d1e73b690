"""What a result may keep of its source beside the pictures: sound, copied without decoding it, and tags."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from motionveil.errors import OptionError

from .decoder import Decoder, file_location

if TYPE_CHECKING:
    import av
    import av.container
    from av.stream import Stream


class AudioCopy:
    """The audio packets of a file, muxed into another container in step with its pictures.

    start: the source's time, in seconds, that is time 0 of the result; sound before it is left out.
    """

    def __init__(self, source: str | Path, start: Fraction, output: av.container.OutputContainer, target: Path) -> None:
        self._decoder = Decoder(file_location(source))
        self._output = output
        self._shift = start + (self._decoder.origin or 0)
        self._streams = {}
        for stream in self._decoder.container.streams.audio:
            try:
                self._streams[stream.index] = output.add_stream_from_template(stream)
            except ValueError as error:
                self.close()
                raise OptionError(
                    f"{target.suffix} files cannot hold the {stream.codec_context.name} sound of {source}: "
                    f"write to .mkv or drop the sound"
                ) from error
        self._packets = self._shifted_packets()
        self._next = next(self._packets, None)

    def copy_until(self, time: Fraction) -> None:
        """Mux the sound that begins before this time of the result, in seconds."""
        while self._next is not None and self._next[0] < time:
            self._output.mux(self._next[1])
            self._next = next(self._packets, None)

    def _shifted_packets(self) -> Iterator[tuple[Fraction, av.Packet[Stream]]]:
        """Packets that begin in the result, with their times there."""
        for packet in self._decoder.container.demux(*self._decoder.container.streams.audio):
            if packet.pts is None or packet.dts is None:  # the empty packet at the end
                continue
            shift = round(self._shift / packet.time_base)
            packet.pts -= shift
            packet.dts -= shift
            packet.stream = self._streams[packet.stream_index]
            if packet.pts >= 0:
                yield packet.pts * packet.time_base, packet

    def close(self) -> None:
        """Close the source."""
        self._decoder.close()


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

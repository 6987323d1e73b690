"""Decodes the video of a container, including damaged and unusual files."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from motionveil._core.cores import thread_limit

from .clock import Clock
from .completeness import is_cut
from .container import Location, is_film, open_container, video_stream
from .orientation import Orientation
from .timeline import Timeline
from .trouble import Trouble, stamp, with_following

if TYPE_CHECKING:
    import av
    import av.container
    from av.video.stream import VideoStream

# Containers whose header states a duration; for others it is estimated from the file size and proves nothing
_STATES_DURATION = {"matroska,webm", "flv", "asf", "mov,mp4,m4a,3gp,3g2,mj2"}

_CLOCK_STARTS_ANYWHERE = 0x200  # AVFMT_TS_DISCONT
_HAS_NO_TIMES = 0x80  # AVFMT_NOTIMESTAMPS

_FASTEST = 1000  # plausible upper limit of a raw stream's frame rate
_FAILURES = 16  # consecutive failures after which decoding stops


class Decoder:
    """One pass over the video of a container.

    Args:
        location: What to open.
        frame_rate: Frame rate of a raw stream, which stores no times; None for what the stream itself declares.

    Raises:
        InputError: If the location cannot be opened, or contains no video that can be decoded.
    """

    def __init__(self, location: Location, frame_rate: Fraction | None = None) -> None:
        self.location = location
        self.container = open_container(location)
        try:
            self.stream = video_stream(self.container, location.name)
        except BaseException:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.thread_count = thread_limit() or 0
        self.frames_read = 0
        self.shortfall: str | None = None
        """Set after the last frame: what is missing, as the end of a sentence; None for a complete video."""
        self.resumed: set[int] = set()
        """Stamps of the first frames after damage."""
        self.other_films = sum(is_film(stream) for stream in self.container.streams.video) - 1
        """Number of further videos in the container."""
        self.timeline = Timeline() if self.container.format.flags & _CLOCK_STARTS_ANYWHERE else None
        self._frame_rate = frame_rate
        self._expected_packets = self._count_declared()
        self._first_aspect: Fraction | None = None
        self._aspects: dict[tuple[int, int], Fraction] = {}
        self._coded_size: tuple[int, int] | None = None
        self._packets = 0
        self._lost_packets = False
        self._read_until = Fraction(0)

    @property
    def is_raw(self) -> bool:
        """Whether this is an elementary stream without a container, and therefore without times."""
        return bool(self.container.format.flags & _HAS_NO_TIMES)

    @property
    def frame_rate(self) -> Fraction:
        """Average frames per second; 25 if unknown."""
        stream = self.stream
        if self.is_raw:
            said = stream.codec_context.framerate  # may also be the clock rate of a variable frame rate
            return self._frame_rate or Fraction(said if said and said <= _FASTEST else stream.average_rate or 25)
        return Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)

    @property
    def end(self) -> Fraction | None:
        """End of the video according to the container, in seconds after the origin; None if unknown."""
        stream = self.stream
        if stream.duration is not None and stream.time_base is not None:
            return (stream.duration + (stream.start_time or 0)) * stream.time_base - (self.origin or 0)
        if "DURATION" in stream.metadata:
            return _clock_time(stream.metadata["DURATION"])
        return None if self.container.duration is None else Fraction(self.container.duration, 1_000_000)

    @property
    def origin(self) -> Fraction | None:
        """The container time that counts as zero; None for that of the first frame."""
        if self.location.is_live or self._times_are_decoding_times:
            return None
        if self.timeline is None:
            return Fraction(0)
        streams = self.container.streams
        return min(
            (s.start_time * s.time_base for s in streams if s.start_time is not None and s.time_base), default=None
        )

    @property
    def _times_are_decoding_times(self) -> bool:
        return self.container.format.name == "avi"

    def clock(self) -> Clock:
        """A clock for one pass over the frames."""
        return Clock(1 / self.frame_rate, self.origin, self._times_are_decoding_times, is_counted=self.is_raw)

    def seek(self, time: Fraction) -> Iterator[av.VideoFrame]:
        """Frames from a keyframe on, if possible one at or before this time. Requires an origin."""
        assert self.stream.time_base is not None
        target = max(time, Fraction(0)) + (self.origin or 0)
        self._expected_packets = None  # skipped packets are not counted
        self.frames_read = 0
        if self.timeline is not None:  # the index is unusable where the clock jumps
            return self._decoded(self._packets_from(target))
        self.container.seek(int(target / self.stream.time_base), stream=self.stream)
        return self.frames()

    def frames(self) -> Iterator[av.VideoFrame]:
        """Frames in display order.

        After damage, frames are dropped up to the next one that decodes independently; see `resumed`.
        """
        return self._decoded(self._video_packets())

    def _decoded(self, packets: Iterator[av.Packet[VideoStream]]) -> Iterator[av.VideoFrame]:
        import av

        trouble = Trouble()
        # None marks the end of the stream and flushes the decoder.
        for packet, *following in with_following(chain(packets, [None])):
            # Live streams continue after errors; streams may be cut anywhere, and some files begin with fragments.
            matters = self.frames_read > 0 and not self.location.is_live
            if matters and self._lost_packets:
                trouble.begin()
            # Errors shortly before a keyframe occur where recordings were concatenated.
            is_seam = any(each is not None and each.is_keyframe for each in following)
            if matters and packet is not None and packet.is_corrupt and not is_seam:
                trouble.begin_at(packet)
            self._lost_packets = False
            try:
                frames = self._decode(packet)
            except av.error.FFmpegError:
                if matters:
                    trouble.begin()
                continue
            for frame in frames:
                if frame.is_corrupt and not self.location.is_live:
                    if self.frames_read:
                        trouble.begin()
                    continue
                if trouble.spoils(frame):
                    continue
                if trouble.ended and (at := stamp(frame)) is not None:
                    self.resumed.add(at)
                trouble.ended = False
                self._note_aspect(frame)
                self.frames_read += 1
                yield frame
        if trouble.goes_on and self.shortfall is None:
            self.shortfall = "is damaged"
        self.shortfall = self.shortfall or self._missing()

    def pixel_aspect(self, frame: av.VideoFrame, orientation: Orientation) -> Fraction:
        """Pixel aspect ratio (width by height) of a frame after rotation to upright."""
        aspect = self._aspects.get((frame.width, frame.height), Fraction(1))
        return 1 / aspect if orientation.transpose else aspect

    def _note_aspect(self, frame: av.VideoFrame) -> None:
        """Record the stream's current aspect ratio for frames of this size; the container overrides the first."""
        now = Fraction(self.stream.codec_context.sample_aspect_ratio or 1)
        if self._first_aspect is None:
            self._first_aspect = now
        size = (frame.width, frame.height)
        is_as_begun = now == self._first_aspect and next(iter(self._aspects), size) == size
        self._aspects[size] = Fraction(self.stream.sample_aspect_ratio or now) if is_as_begun else now

    def _decode(self, packet: av.Packet[VideoStream] | None) -> list[av.VideoFrame]:
        """The frames decoded from a packet; at the end, the remaining ones."""
        if packet is None:
            return self._left()
        if self.stream.codec_context.name != "mpeg2video":
            return packet.decode()
        # This decoder drops its buffered frame when the size changes.
        size = coded_size(bytes(packet)) if packet.is_keyframe else None
        changes = size is not None and self._coded_size not in (None, size)
        self._coded_size = size or self._coded_size
        frames = self._left() if changes else []
        if changes:
            self.stream.codec_context.flush_buffers()
        return frames + packet.decode()

    def _left(self) -> list[av.VideoFrame]:
        """The frames buffered in the decoder, which must be flushed before it accepts more packets."""
        frames = self.stream.codec_context.decode(None)
        for frame in frames:
            frame.time_base = cast(Fraction, self.stream.time_base)
        return frames

    def _packets_from(self, time: Fraction) -> Iterator[av.Packet[VideoStream]]:
        """Packets from a keyframe well before this container time; earlier ones are read and dropped."""
        kept: list[list[av.Packet[VideoStream]]] = [[]]
        packets = self._video_packets()
        for packet in packets:
            if packet.is_keyframe:
                kept = [*kept[-2:], []]
            kept[-1].append(packet)
            if packet.dts is not None and packet.dts * packet.time_base > time:
                break
        yield from chain(*kept, packets)

    def _video_packets(self) -> Iterator[av.Packet[VideoStream]]:
        for packet in self.packets():
            stamp = packet.dts if self._times_are_decoding_times else packet.pts
            if stamp is not None and packet.time_base is not None:
                self._read_until = max(self._read_until, (stamp + (packet.duration or 0)) * packet.time_base)
            if packet.stream.index == self.stream.index:
                self._packets += 1
                yield packet

    def packets(self) -> Iterator[av.Packet[Any]]:
        """All non-empty packets in file order, on one clock."""
        import av

        packets, failures = self.container.demux(), 0
        while failures < _FAILURES:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.ExitError:
                self.shortfall = "stopped sending"
                return
            except (av.error.FFmpegError, OSError):
                failures += 1
                self._lost_packets = True
                packets = self.container.demux()
                continue
            # The last packet of each stream is empty; the caller decides when to stop, not the decoder.
            if packet.size:
                failures = 0
                self._move(packet)
                yield packet
        self.shortfall = "is damaged"

    def _move(self, packet: av.Packet[Any]) -> None:
        """Shift the packet's times to the common clock of the file."""
        if self.timeline is None or packet.time_base is None:
            return
        shift, stamp = self.timeline.latest, packet.pts if packet.dts is None else packet.dts
        if packet.stream.type in ("video", "audio") and stamp is not None:
            length = (packet.duration or 0) * packet.time_base
            shift = self.timeline.shift(packet.stream.index, stamp * packet.time_base, length)
        if shift:
            ticks = round(shift / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks

    def _count_declared(self) -> int | None:
        """Number of video packets that the header declares; None if it does not."""
        if not self.stream.frames or self._times_are_decoding_times:  # AVI also counts dropped frames
            return None
        if "mp4" in self.container.format.name:  # an edit list may exclude some packets of the index
            return min(self.stream.frames, len(self.stream.index_entries))
        return self.stream.frames

    @property
    def _expected_end(self) -> Fraction | None:
        """End of the last packet according to the header; None if unknown."""
        if self._times_are_decoding_times:
            return self.stream.frames / self.frame_rate
        if self.container.format.name in _STATES_DURATION and self.container.duration:
            return Fraction(self.container.duration, 1_000_000)
        return None

    def _missing(self) -> str | None:
        """What is missing from a file that ended without an error."""
        if self._path is not None and is_cut(self.container.format.name, self._path):
            return "ends early"
        if self._expected_packets is not None:
            return "ends early" if self._packets < self._expected_packets else None
        if self._expected_end is None:
            return None
        # headers are rounded, and the last frame's own duration is often unknown
        tolerance = max(Fraction(1, 4), 3 / self.frame_rate)
        return "ends early" if self._read_until < self._expected_end - tolerance else None

    @property
    def _path(self) -> Path | None:
        """The path of the file; None for anything else."""
        location = self.location
        return Path(location.url.removeprefix("file:")) if location.file is None and location.rereadable else None

    def close(self) -> None:
        """Close the container."""
        self.container.close()


def coded_size(packet: bytes) -> tuple[int, int] | None:
    """(width, height) in the first sequence header of MPEG-2 video; None if there is none."""
    at = packet.find(b"\0\0\1\xb3")
    if at < 0 or at + 7 > len(packet):
        return None
    sizes = int.from_bytes(packet[at + 4 : at + 7])
    return sizes >> 12, sizes & 0xFFF


def _clock_time(text: str) -> Fraction | None:
    """Parse Matroska's ``01:02:03.500000000`` to seconds."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None

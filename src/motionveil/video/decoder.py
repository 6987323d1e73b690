"""Opening a container, and decoding its video stream up to the end or up to the first damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motionveil.errors import InputError

from .clock import Clock
from .completeness import is_cut

if TYPE_CHECKING:
    import av
    import av.container
    from av.video.stream import VideoStream

# Containers whose header states a duration; others are estimated from the size and fit any file
_STATES_DURATION = {"matroska,webm", "flv", "asf", "mov,mp4,m4a,3gp,3g2,mj2"}

_CLOCK_STARTS_ANYWHERE = 0x200  # AVFMT_TS_DISCONT


@dataclass(frozen=True)
class Location:
    """What to hand to FFmpeg."""

    name: str
    """What messages call it."""
    url: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    timeout: float | None = None
    """Seconds to wait for a device or a network."""
    is_live: bool = False
    rereadable: bool = True
    file: Any = None
    """Something with `read` instead of the url."""
    cancel: Callable[[], None] | None = None
    """Lets go a thread that waits in that `read`."""


def file_location(path: str | Path) -> Location:
    """The location of a file; with the protocol named, a colon in its name cannot be taken for one."""
    return Location(str(path), f"file:{path}", rereadable=Path(path).is_file())


class Decoder:
    """One pass over the video of a container.

    Errors: InputError where nothing can be opened, or nothing in it is a video that can be decoded.
    """

    def __init__(self, location: Location) -> None:
        self.location = location
        self.container = open_container(location)
        try:
            self.stream = _video_stream(self.container, location.name)
        except BaseException:
            self.container.close()
            raise
        self.stream.thread_type = "AUTO"
        self.frames_read = 0
        self.shortfall: str | None = None
        """After the last frame: what is missing, as the end of a sentence; None for a complete video."""
        self._expected_packets = self._count_declared()
        self._packets = 0
        self._read_until = Fraction(0)

    @property
    def frame_rate(self) -> Fraction:
        """Average frames per second, 25 where nobody knows."""
        stream = self.stream
        return Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 25)

    @property
    def end(self) -> Fraction | None:
        """When the video ends by its container, on the clock of the timestamps; None where it does not say."""
        stream = self.stream
        if stream.duration is not None and stream.time_base is not None:
            return (stream.duration + (stream.start_time or 0)) * stream.time_base
        if "DURATION" in stream.metadata:
            return _clock_time(stream.metadata["DURATION"])
        return None if self.container.duration is None else Fraction(self.container.duration, 1_000_000)

    @property
    def origin(self) -> Fraction | None:
        """The container time that counts as zero, None where it is that of the first frame."""
        if self.location.is_live or self._times_are_decoding_times:
            return None
        if not self.container.format.flags & _CLOCK_STARTS_ANYWHERE:
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
        return Clock(1 / self.frame_rate, self.origin, self._times_are_decoding_times)

    def seek(self, time: Fraction) -> Iterator[av.VideoFrame]:
        """Frames from a key frame on, if possible one at or before this time. Needs an origin."""
        assert self.stream.time_base is not None
        target = max(time, Fraction(0)) + (self.origin or 0)
        self.container.seek(int(target / self.stream.time_base), stream=self.stream)
        self._expected_packets = None  # those before are not counted
        self.frames_read = 0
        return self.frames()

    def frames(self) -> Iterator[av.VideoFrame]:
        """Frames in the order of display. Damage ends a file; a live stream goes on after it."""
        import av

        good = 0
        for packet in self._video_packets():
            try:
                frames = packet.decode()
            except av.error.FFmpegError as error:
                if self.location.is_live or (not good and isinstance(error, av.error.InvalidDataError)):
                    continue  # streams are joined anywhere, and some files begin with scraps
                self.shortfall = "is damaged"
                return
            for frame in frames:
                if frame.is_corrupt and not self.location.is_live:
                    if not good:
                        continue
                    self.shortfall = "is damaged"
                    return
                good += 1
                self.frames_read += 1
                yield frame
        self.shortfall = self.shortfall or self._missing()

    def _video_packets(self) -> Iterator[av.Packet[VideoStream]]:
        import av

        packets = self.container.demux()
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.ExitError:
                self.shortfall = "stopped sending"
                return
            except (av.error.FFmpegError, OSError):
                self.shortfall = "is damaged"
                return
            stamp = packet.dts if self._times_are_decoding_times else packet.pts
            if stamp is not None and packet.time_base is not None:
                self._read_until = max(self._read_until, (stamp + (packet.duration or 0)) * packet.time_base)
            if packet.stream_index == self.stream.index:
                self._packets += packet.size > 0
                yield packet  # type: ignore[misc]

    def _count_declared(self) -> int | None:
        """How many video packets the header promises, None where it does not."""
        if not self.stream.frames or self._times_are_decoding_times:  # AVI counts frames that it leaves out
            return None
        if "mp4" in self.container.format.name:  # an edit list may leave some of them out of the index
            return min(self.stream.frames, len(self.stream.index_entries))
        return self.stream.frames

    @property
    def _expected_end(self) -> Fraction | None:
        """When the last packet ends by the header, None where it does not say."""
        if self._times_are_decoding_times:
            return self.stream.frames / self.frame_rate
        if self.container.format.name in _STATES_DURATION and self.container.duration:
            return Fraction(self.container.duration, 1_000_000)
        return None

    def _missing(self) -> str | None:
        """What a file lacks that ended without an error."""
        if self._path is not None and is_cut(self.container.format.name, self._path):
            return "ends early"
        if self._expected_packets is not None:
            return "ends early" if self._packets < self._expected_packets else None
        if self._expected_end is None:
            return None
        # headers round, and the last frame's own duration is often unknown
        tolerance = max(Fraction(1, 4), 3 / self.frame_rate)
        return "ends early" if self._read_until < self._expected_end - tolerance else None

    @property
    def _path(self) -> Path | None:
        """The file that is read, None for anything else."""
        location = self.location
        return Path(location.url.removeprefix("file:")) if location.file is None and location.rereadable else None

    def close(self) -> None:
        """Close the container."""
        self.container.close()


def open_container(location: Location) -> av.container.InputContainer:
    """Open a location. Raises InputError where there is no video, or it cannot be read."""
    import av

    try:
        container = av.open(
            location.url if location.file is None else location.file,
            "r",
            format=location.format,
            options=location.options,
            metadata_errors="ignore",
            timeout=location.timeout,
        )
    except av.error.ExitError as error:
        raise InputError(
            f"{location.name} does not answer within {location.timeout:.0f} s: check the address and the network"
        ) from error
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(_why_not_opened(location, error)) from error
    if container.format.name == "tty":  # FFmpeg would paint any text file as a video of a terminal
        container.close()
        raise InputError(f"{location.name} is a text file, not a video: give a video, an image or a folder of images")
    return container


def _why_not_opened(location: Location, error: Exception) -> str:
    import av

    reason = (getattr(error, "strerror", None) or str(error)).lower()
    if location.format is not None:
        return f"{location.name} cannot be opened ({reason}): check that a camera is connected and not in use"
    if "://" in location.url:
        return f"{location.name} cannot be reached ({reason}): check the address and the network"
    if isinstance(error, PermissionError):
        return f"{location.name} may not be read: check its permissions"
    if isinstance(error, av.error.InvalidDataError):
        return f"{location.name} is not a video, or it is damaged or cut short: check that it plays elsewhere"
    if isinstance(error, EOFError):
        return f"{location.name} holds no frames: check that it was recorded to the end"
    return f"{location.name} cannot be opened ({reason}): check that it plays elsewhere"


def _video_stream(container: av.container.InputContainer, name: str) -> VideoStream:
    from av.stream import Disposition

    videos = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not videos:
        what = "only sound" if container.streams.audio else "no video"
        raise InputError(f"{name} holds {what}: give a file with a video stream")
    best = container.streams.best("video")
    stream = next((video for video in videos if video is best), videos[0])
    if stream.codec_context is None:
        raise InputError(f"{name} has a video codec that this FFmpeg cannot decode: convert the file to H.264")
    return stream


def _clock_time(text: str) -> Fraction | None:
    """Seconds of Matroska's ``01:02:03.500000000``."""
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None

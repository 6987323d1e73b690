"""Locations of videos, and opening them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motionveil._core.errors import InputError

if TYPE_CHECKING:
    import av
    import av.container
    from av.video.stream import VideoStream


@dataclass(frozen=True)
class Location:
    """What to pass to FFmpeg."""

    name: str
    """The name used in messages."""
    url: str
    format: str | None = None
    options: dict[str, str] = field(default_factory=dict)
    timeout: float | None = None
    """Seconds to wait for a device or a network."""
    is_live: bool = False
    rereadable: bool = True
    file: Any = None
    """A readable object to use instead of the URL."""
    cancel: Callable[[], None] | None = None
    """Wakes a thread that is blocked in `file.read`."""


def file_location(path: str | Path) -> Location:
    """The location of a file. The protocol is explicit, so that a colon in the name is not parsed as one."""
    return Location(str(path), f"file:{path}", rereadable=Path(path).is_file())


def open_container(location: Location) -> av.container.InputContainer:
    """Open a location.

    Raises:
        InputError: If there is no video, or it cannot be read.
    """
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
            f"{location.name} does not respond within {location.timeout:.0f} s: check the address and the network"
        ) from error
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(_why_not_opened(location, error)) from error
    if container.format.name == "tty":  # FFmpeg would render any text file as a terminal
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
        return f"{location.name} cannot be read: check its permissions"
    if isinstance(error, av.error.InvalidDataError):
        return f"{location.name} is not a video, or it is damaged or truncated: check that it plays in other software"
    if isinstance(error, EOFError):
        return f"{location.name} contains no frames: check that the recording was completed"
    return f"{location.name} cannot be opened ({reason}): check that it plays in other software"


def video_stream(container: av.container.InputContainer, name: str) -> VideoStream:
    """The main video stream of a container.

    Raises:
        InputError: If there is none, or it cannot be decoded.
    """
    videos = [stream for stream in container.streams.video if is_film(stream)]
    if not videos:
        what = "only audio" if container.streams.audio else "no video"
        raise InputError(f"{name} contains {what}: give a file with a video stream")
    best = container.streams.best("video")
    stream = next((video for video in videos if video is best), videos[0])
    if stream.codec_context is None:
        raise InputError(f"{name} has a video codec that this FFmpeg build cannot decode: convert the file to H.264")
    return stream


def is_film(stream: VideoStream) -> bool:
    """Whether this is a video, rather than cover art or a tile of an image."""
    from av.stream import Disposition

    return not stream.disposition & (Disposition.attached_pic | Disposition.dependent | Disposition.timed_thumbnails)

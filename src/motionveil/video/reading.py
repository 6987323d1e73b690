"""Opens any supported source with the class that reads it."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

from motionveil._core.errors import InputError
from motionveil._core.types import UInt8Array, VideoInfo

from .animation import AnimationSource, is_animation
from .container import Location, file_location
from .heif import is_heif
from .images import IMAGE_SUFFIXES, ImageSource, images_in, images_matching
from .source import ReadOptions, Source
from .standard_input import Readable, is_pipe, open_pipe, readable, standard_input
from .stream import StreamSource

_LIVE_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "srt", "tcp"})
_SCHEMES = _LIVE_SCHEMES | {"http", "https"}
_TIMEOUT = 10.0  # seconds to wait for a device or a network


def open_source(
    source: str | Path | int,
    *,
    clip_length: int | None = None,
    start: float | None = None,
    end: float | None = None,
    size: tuple[int, int] | int | None = None,
    image_rate: Fraction = Fraction(25),
    strict: bool = False,
    frame_rate: Fraction | None = None,
    full_depth: bool = False,
) -> Source:
    """Open anything that contains frames.

    Args:
        source: A video or image file, a folder of images, a numbered pattern (``dir/%06d.jpg``) or glob
            (``dir/*.png``), a camera (``0`` or ``"camera:0"``), an RTSP, RTMP, UDP, SRT or HTTP(S) URL, or ``"-"`` for
            standard input.
        clip_length: Frames per clip; None for about 2 MB.
        start: Seconds; earlier frames are skipped.
        end: Seconds; frames at or after this time are not read.
        size: (width, height) in pixels, or the length of the short side.
        image_rate: Images per second of a folder or pattern.
        strict: Raise TruncatedError, instead of issuing a TruncationWarning, if a source is damaged or truncated.
        frame_rate: Frame rate of an elementary stream (.h264, .hevc, .m4v, .mjpeg), which stores no times; None for
            what it declares, or else 25.
        full_depth: Also provide frames at full bit depth, see `Source.set_aside`.

    Returns:
        An iterable of clips.

    Raises:
        InputError: If the source is missing or contains no video.
        OptionError: For invalid settings.

    Example:
        ```
        with open_source("film.mp4", size=240) as source:
            for clip in source:
                frames = clip.frames
        ```
    """
    options = ReadOptions(clip_length, start, end, size, Fraction(image_rate), strict, frame_rate, full_depth)
    if isinstance(source, int):
        return StreamSource(_camera(source), options)
    text = str(source)
    if text == "-":
        return _piped("standard input", standard_input(), options)
    if text.startswith("camera:"):
        number = text.removeprefix("camera:")
        if not number.isdecimal():
            raise InputError(f"{text} is not a camera: give its number, for example camera:0")
        return StreamSource(_camera(int(number)), options)
    scheme = urlsplit(text).scheme.lower() if "://" in text else ""
    if scheme in _SCHEMES:
        return StreamSource(_address(text, scheme), options)
    return _open_path(text, options)


def is_pattern(source: str | Path | int) -> bool:
    """Whether a source is a pattern of many images (``dir/%06d.jpg``, ``dir/*.png``) and not itself a file."""
    path = Path(str(source))
    if isinstance(source, int) or "://" in str(source):
        return False
    return any(sign in path.name for sign in "%*?") and not path.exists()


def source_name(source: str | Path | int) -> str:
    """A name that is safe to share: without folders, and without user, password and query of a URL."""
    if isinstance(source, int):
        return f"camera{source}"
    text = str(source)
    if text == "-":
        return "stdin"
    if "://" in text:
        parts = urlsplit(text)
        return Path(parts.path).name or parts.hostname or parts.scheme
    if text.startswith("camera:"):
        return text.replace(":", "")
    return Path(text).name or Path(text).resolve().name


def read_picture(source: str | Path, *, time: float = 0.0) -> UInt8Array:
    """One upright frame: an image, or the first frame of a video at or after `time`.

    Args:
        source: Anything that `open_source` reads.
        time: Seconds.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        InputError: If there is no such frame.
    """
    with open_source(source, start=time or None, clip_length=1) as opened:
        for clip in opened:
            frame: UInt8Array = clip.frames[0]
            return frame
    raise InputError(f"{source} contains no frames: check that it plays in other software")


def probe(source: str | Path | int) -> VideoInfo:
    """Size, frame rate and other properties of a source. Decodes only the first frame.

    Raises:
        InputError: If the source is missing or contains no video.
    """
    with open_source(source) as opened:
        return opened.info


def _open_path(text: str, options: ReadOptions) -> Source:
    path = Path(text)
    if path.is_dir():
        images = images_in(path)
        if not images:
            raise InputError(
                f"the folder {path} contains no images: pass the images of one video, or videos like {path}/*.mp4"
            )
        return ImageSource(text, images, options, is_sequence=True)
    if not path.exists():
        if is_pattern(text):
            images = images_matching(text)
            if images:
                return ImageSource(text, images, options, is_sequence=True)
            raise InputError(f"no image matches {text}: check the folder and the pattern")
        raise InputError(f"{path} does not exist: check the name and the folder")
    if is_pipe(path):
        return _piped(str(path), open_pipe(path), options)
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path} is empty: check that it was copied completely")
    if is_animation(path):
        return AnimationSource(text, path, options)
    if path.suffix.lower() in IMAGE_SUFFIXES and not _is_moving_heif(path):
        return ImageSource(text, [path], options, is_sequence=False)
    return StreamSource(file_location(path), options)


def _is_moving_heif(path: Path) -> bool:
    """Whether a file is an image sequence in a HEIF container, which FFmpeg reads like a video."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:  # the reader will report why
        return False
    return head[4:8] == b"ftyp" and not is_heif(head)


def _piped(name: str, stream: Readable, options: ReadOptions) -> Source:
    file, cancel = readable(stream)
    return StreamSource(Location(name, "pipe:0", rereadable=False, file=file, cancel=cancel), options)


def can_reread(source: str | Path | int) -> bool:
    """Whether a source can be opened again, judged by its name; pipes and streams cannot."""
    return not isinstance(source, int) and str(source) != "-" and not is_pipe(Path(str(source)))


def _camera(number: int) -> Location:
    if sys.platform == "darwin":
        return _device(number, "avfoundation", f"{number}:none", {"framerate": "30"})  # it has no default rate
    if sys.platform == "win32":
        return _device(number, "dshow", f"video={_windows_camera(number)}", {})
    return _device(number, "v4l2", f"/dev/video{number}", {})


def _device(number: int, system: str, url: str, options: dict[str, str]) -> Location:
    return Location(f"camera {number}", url, system, options, _TIMEOUT, is_live=True, rereadable=False)


def _windows_camera(number: int) -> str:
    import av.device

    cameras = [d.name for d in av.device.enumerate_input_devices("dshow") if "video" in d.media_types]
    if number >= len(cameras):
        raise InputError(f"camera {number} cannot be opened ({len(cameras)} found): check that it is connected")
    return cameras[number]


def _address(url: str, scheme: str) -> Location:
    options = {"rtsp_flags": "prefer_tcp"} if scheme.startswith("rtsp") else {}
    parts = urlsplit(url)
    name = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()  # passwords stay out of messages
    live = scheme in _LIVE_SCHEMES
    return Location(name, url, options=options, timeout=_TIMEOUT, is_live=live, rereadable=not live)

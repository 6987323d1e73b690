"""Detection of truncated files whose containers store no length, and of damaged images that decoders accept."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

import cv2
import numpy as np

from motionveil._core.types import UInt8Array

Found = TypeVar("Found")

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675


def is_cut(container: str, path: Path) -> bool:
    """Whether a file is truncated. container: FFmpeg's name; only GIF and Matroska can be checked."""
    try:
        with path.open("rb") as file:
            if container == "gif":
                return not _gif_ends(file)
            return "matroska" in container and _matroska_is_cut(file, path.stat().st_size)
    except OSError:
        return False


def _gif_ends(file: IO[bytes]) -> bool:
    """Whether the blocks of a GIF lead to its trailer."""
    head = file.read(13)
    if len(head) < 13:
        return False
    _skip_colours(file, head[10])
    while kind := file.read(1):
        if kind == b";":
            return True
        if kind == b"!":
            file.read(1)
        elif kind == b",":
            place = file.read(9)
            _skip_colours(file, place[8] if len(place) == 9 else 0)
            file.read(1)
        else:
            return False
        while length := file.read(1):
            if length == b"\0":
                break
            file.seek(length[0], os.SEEK_CUR)
    return False


def _skip_colours(file: IO[bytes], flags: int) -> None:
    if flags & 0x80:
        file.seek(3 * 2 ** ((flags & 7) + 1), os.SEEK_CUR)


def _matroska_is_cut(file: IO[bytes], size: int) -> bool:
    """Whether the last element extends past the end of the file. Elements of unknown length (streams) are entered."""
    place = 0
    while place < size:
        file.seek(place)
        kind, length = _number(file, keep_mark=True), _number(file)
        if kind is None or length is None:
            return file.tell() >= size  # otherwise the structure cannot be followed
        place = file.tell()
        if kind in (_SEGMENT, _CLUSTER) and (length < 0 or kind == _SEGMENT):
            if length > size - place:
                return True
        elif length < 0:
            return False
        else:
            place += length
    return place > size


def _number(file: IO[bytes], *, keep_mark: bool = False) -> int | None:
    """An EBML number, -1 for an unknown length, None if there is none."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    rest = file.read(more)
    if len(rest) < more:
        return None
    number = int.from_bytes(first + rest)
    if keep_mark:
        return number
    bits = 7 * (more + 1)
    number &= (1 << bits) - 1
    return -1 if number == (1 << bits) - 1 else number


_lock = threading.Lock()
_COMPLAINTS = (b"Corrupt JPEG data", b"Premature end", b"TIFF_Error", b"libpng error", b"Unsupported marker")


def decode_picture(data: bytes) -> tuple[Any, bool]:
    """The pixels of an image as OpenCV decodes them, (h, w) or (h, w, channels) of any type, and whether it warned.

    The pixels are None if the image cannot be decoded.
    """
    return _heard(lambda: _decoded(data))


def decode_animation(data: bytes, start: int, count: int) -> tuple[list[UInt8Array], list[int], bool]:
    """Frames of an animation from `start` on as OpenCV decodes them, their durations in ms, and whether it warned.

    Returns fewer than `count` frames at the end. Earlier frames are decoded again and dropped.
    """
    (good, animation), complained = _heard(lambda: _animation(data, start, count))
    if animation is None:
        return [], [], True
    pictures: Any = animation.frames
    return list(pictures), [int(length) for length in animation.durations][: len(pictures)], not good or complained


def _heard(decode: Callable[[], Found]) -> tuple[Found, bool]:
    """The result of `decode`, and whether a decoder warned.

    OpenCV's codecs report problems on standard error only, so that is captured while they run.
    """
    with _lock, tempfile.TemporaryFile() as said:
        try:
            shown = os.dup(2)
        except OSError:  # there is no standard error
            return decode(), False
        try:
            os.dup2(said.fileno(), 2)
            found = decode()
        finally:
            os.dup2(shown, 2)
            os.close(shown)
        said.seek(0)
        text = said.read()
    return found, any(words in text for words in _COMPLAINTS)


def _decoded(data: bytes) -> Any:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    except cv2.error:  # impossible sizes
        return None


def _animation(data: bytes, start: int, count: int) -> tuple[bool, Any]:
    try:
        return cv2.imdecodeanimation(np.frombuffer(data, np.uint8), start, count)
    except cv2.error:
        return False, None


def is_damaged_jpeg(data: bytes) -> bool:
    """Whether FFmpeg in strict mode rejects a JPEG; OpenCV's decoder tolerates much damage."""
    import av

    if not data.startswith(b"\xff\xd8"):
        return False
    context = av.CodecContext.create("mjpeg", "r")
    context.options = {"err_detect": "explode"}
    context.thread_count = 1
    try:
        context.decode(av.Packet(data))
        context.decode(None)
    except av.error.InvalidDataError:
        return True
    except av.error.FFmpegError:  # an unsupported kind of JPEG
        return False
    return False

"""Whether files are whole that say nothing of their length, and pictures are undamaged whose decoder goes on anyway."""

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
    """Whether a file ends in the middle of something. container: FFmpeg's name; only GIF and Matroska can tell."""
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
    """Whether the last element goes beyond the end; those of unknown length, as streams have them, are gone into."""
    place = 0
    while place < size:
        file.seek(place)
        kind, length = _number(file, keep_mark=True), _number(file)
        if kind is None or length is None:
            return file.tell() >= size  # otherwise it is something that nobody can walk through
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
    """A number of EBML, -1 where it stands for an unknown length, None where it is none."""
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
    """The pixels of a picture as OpenCV gives them, (h, w) or (h, w, channels) of any type, and whether it complained.

    The pixels are None where it cannot read them.
    """
    return _heard(lambda: _decoded(data))


def decode_animation(data: bytes, start: int, count: int) -> tuple[list[UInt8Array], list[int], bool]:
    """Pictures of an animation from a number on, as OpenCV gives them, their milliseconds, and whether it stumbled.

    Fewer than `count` at the end; those before are decoded again and dropped.
    """
    (good, animation), complained = _heard(lambda: _animation(data, start, count))
    if animation is None:
        return [], [], True
    pictures: Any = animation.frames
    return list(pictures), [int(length) for length in animation.durations][: len(pictures)], not good or complained


def _heard(decode: Callable[[], Found]) -> tuple[Found, bool]:
    """What decodes, and whether a picture was complained of.

    OpenCV's libraries complain on standard error and nowhere else, so that is caught for as long as they work.
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
    except cv2.error:  # sizes that cannot be
        return None


def _animation(data: bytes, start: int, count: int) -> tuple[bool, Any]:
    try:
        return cv2.imdecodeanimation(np.frombuffer(data, np.uint8), start, count)
    except cv2.error:
        return False, None


def is_damaged_jpeg(data: bytes) -> bool:
    """Whether FFmpeg, told to be exact, stumbles over a JPEG; OpenCV's decoder goes on over much."""
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
    except av.error.FFmpegError:  # a kind that it does not know
        return False
    return False

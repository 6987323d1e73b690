"""Moving pictures in image files (WebP, PNG), read as films."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from motionveil.errors import InputError, TruncatedError
from motionveil.types import UInt8Array, VideoInfo

from .colour import over_black
from .completeness import decode_animation
from .source import ReadOptions, Source

_HEAD = 4096
_UNSAID = 100  # milliseconds of a picture that says none, as browsers have it


def is_animation(path: Path) -> bool:
    """Whether a file is a WebP or PNG picture that moves, by its first bytes; what is no file is not waited for."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
        return bool(head[20] & 2)
    drawn = head.find(b"IDAT")
    return head[:8] == b"\x89PNG\r\n\x1a\n" and 0 < head.find(b"acTL") < (drawn if drawn > 0 else len(head))


class AnimationSource(Source):
    """The pictures of an animation at their times; transparency is laid over black.

    Errors: InputError where it cannot be read.
    """

    def __init__(self, name: str, path: Path, options: ReadOptions) -> None:
        super().__init__(name, options)
        self._pictures, lengths, is_damaged = _read(path)
        if is_damaged:
            if options.strict:
                raise TruncatedError(f"{path} is damaged: get an undamaged copy or leave out --strict")
            self.notices.append(f"{path} is damaged: what could be read of it is used")
        ends = np.cumsum(lengths).tolist()
        self._times = [Fraction(end - length, 1000) for end, length in zip(ends, lengths, strict=True)]
        self._duration = Fraction(ends[-1], 1000)
        if any(
            picture.ndim == 3 and picture.shape[2] == 4 and picture[..., 3].min() < 255 for picture in self._pictures
        ):
            self.notices.append(f"{name} has transparent parts: they are laid over black")
        height, width = self._pictures[0].shape[:2]
        width, height = options.fit(width, height)
        self.info = VideoInfo(
            width=width,
            height=height,
            frame_rate=len(lengths) / self._duration,
            num_frames=None if options.is_windowed else len(lengths),
            duration=options.limit(self._duration),
            codec="image",
            pixel_format="rgb24",
            start=options.first,
        )
        if options.start and options.first >= self._duration:
            raise self._no_frames()

    def _frames(self) -> Iterator[tuple[UInt8Array, Fraction]]:
        for picture, time in zip(self._pictures, self._times, strict=True):
            if not self.options.is_before(time) and not self.options.is_after(time):
                yield _rgb(picture), time

    def close(self) -> None:
        """Nothing is held open."""


def _read(path: Path) -> tuple[list[UInt8Array], list[int], bool]:
    """Pictures in OpenCV's order of channels, for how many milliseconds each is shown, and whether more are damaged."""
    pictures, lengths, is_damaged = decode_animation(path.read_bytes())
    if not pictures or len(lengths) < len(pictures):
        raise InputError(f"{path} is an animation that cannot be read, or damaged: convert it to MP4")
    return pictures, [length or _UNSAID for length in lengths], is_damaged


def _rgb(picture: UInt8Array) -> UInt8Array:
    if picture.ndim == 2:
        return np.ascontiguousarray(picture[..., None].repeat(3, 2))
    if picture.shape[2] == 4:
        return over_black(picture[..., [2, 1, 0, 3]])
    return np.ascontiguousarray(picture[..., ::-1])

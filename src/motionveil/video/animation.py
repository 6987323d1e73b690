"""Animated images (WebP, APNG), read as videos."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from motionveil._core.errors import InputError, TruncatedError
from motionveil._core.types import UInt8Array, VideoInfo

from .colour import over_black
from .completeness import decode_animation
from .source import ReadOptions, Source

_HEAD = 4096
_MOST_BYTES = 1 << 28
_UNSAID = 100  # milliseconds for a frame without a duration, as in browsers


def is_animation(path: Path) -> bool:
    """Whether a file is an animated WebP or PNG, judged by its first bytes; False for anything that is not a file."""
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
    """The frames of an animation at their times, with transparency composited over black.

    Raises:
        InputError: If the animation cannot be read.
    """

    def __init__(self, name: str, path: Path, options: ReadOptions) -> None:
        super().__init__(name, options)
        self._path, self._data = path, path.read_bytes()
        self._whole: tuple[list[UInt8Array], list[int], bool] | None = None
        lengths: list[int] = []
        is_transparent = is_damaged = False
        first: UInt8Array | None = None
        for pictures, more, stumbled in self._pieces():
            first = pictures[0] if first is None else first
            lengths += more
            is_damaged |= stumbled
            is_transparent |= any(p.ndim == 3 and p.shape[2] == 4 and p[..., 3].min() < 255 for p in pictures)
        if first is None:
            raise InputError(f"{path} is an animation that is damaged or cannot be read: convert it to MP4")
        if is_damaged:
            if options.strict:
                raise TruncatedError(f"{path} is damaged: get an undamaged copy or omit `strict`")
            self.notices.append(f"{path} is damaged: using the part that could be read")
        ends = np.cumsum(lengths).tolist()
        self._times = [Fraction(end - length, 1000) for end, length in zip(ends, lengths, strict=True)]
        self._duration = Fraction(ends[-1], 1000)
        if is_transparent:
            self.notices.append(f"{name} has transparent parts: they are composited over black")
        height, width = first.shape[:2]
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
        times = iter(self._times)
        for pictures, _, _ in self._pieces():
            for picture, time in zip(pictures, times, strict=False):
                if not self.options.is_before(time) and not self.options.is_after(time):
                    yield _rgb(picture), time

    def _pieces(self) -> Iterator[tuple[list[UInt8Array], list[int], bool]]:
        """Frames in OpenCV's channel order, their durations in milliseconds, and whether decoding failed on the way.

        Yields as many frames at a time as fit in memory; an animation that fits as a whole is decoded once.
        """
        if self._whole is not None:
            yield self._whole
            return
        start, count = 0, 1
        while True:
            pictures, lengths, stumbled = decode_animation(self._data, start, count)
            pictures = pictures[: len(lengths)]
            piece = pictures, [length or _UNSAID for length in lengths], stumbled
            if start == 0 and pictures and count == 1:  # the size is known only now
                count = max(2, _MOST_BYTES // pictures[0].nbytes)
                continue
            if pictures:
                yield piece
            if len(pictures) < count:
                if start == 0:
                    self._whole = piece
                return
            start += count

    def close(self) -> None:
        """Do nothing; no resource is held."""


def _rgb(picture: UInt8Array) -> UInt8Array:
    if picture.ndim == 2:
        return np.ascontiguousarray(picture[..., None].repeat(3, 2))
    if picture.shape[2] == 4:
        return over_black(picture[..., [2, 1, 0, 3]])
    return np.ascontiguousarray(picture[..., ::-1])

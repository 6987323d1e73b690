"""A region that somebody else made: a mask as video, pictures or one picture."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice, repeat
from pathlib import Path

import numpy as np

from .. import ops
from .._core.errors import InputError, OptionError
from .._core.types import Clip, Float32Array, UInt8Array
from ..video import open_source, source_name

_WHITE, _BLACK = 250, 5
"""Masks are often stored with loss: from here on they count as 1 and as 0."""


class MaskVideo:
    """White is hidden, grey partly; a colour counts by its brightest channel.

    path: a video, a folder of images or a numbered sequence with one mask for every frame, matched by their number; or
    a single picture, for all frames. Masks of another size are brought to that of the frames.
    skip: how many masks come before the first frame, where only a part of the video is read. whole: the video is read
    to its end, so that a mask with more frames must belong to another one.

    Raises InputError where it cannot be read. While it streams, raises OptionError where it has fewer frames than
    the video, or (`whole`) more.
    """

    def __init__(self, path: str | Path, *, skip: int = 0, whole: bool = True) -> None:
        with open_source(path) as opened:
            if opened.info.is_live or not opened.rereadable:
                raise InputError(f"a mask must be a file or a folder, not {source_name(path)}")
            self._is_picture = opened.info.is_image
        self.path, self.skip, self.whole = path, skip, whole

    def __repr__(self) -> str:
        # Without its folder: this text goes into records.
        return f"MaskVideo({source_name(self.path)!r})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of every clip."""
        masks = self._masks()
        with closing(masks):
            count = 0
            for clip in clips:
                height, width = clip.frames.shape[1:3]
                found = list(islice(masks, len(clip)))
                if len(found) < len(clip):
                    raise OptionError(
                        f"the mask {source_name(self.path)} has {self.skip + count + len(found)} frames and the video "
                        "more; give a mask with one frame for every frame of the video, or a single picture"
                    )
                count += len(found)
                device = ops.device_of(clip.frames)
                yield ops.stack([ops.resize_map(ops.to_device(mask, device), (height, width)) for mask in found])
            if self.whole and not self._is_picture and next(masks, None) is not None:
                raise OptionError(
                    f"the mask {source_name(self.path)} has more frames than the {self.skip + count} of the video; "
                    "give a mask with one frame for every frame, or use only the beginning of both with --end"
                )

    def _masks(self) -> Generator[Float32Array]:
        """The masks (h, w) from the first that is needed on."""
        with open_source(self.path) as opened:
            frames = (_opacity(frame) for clip in opened for frame in clip.frames)
            yield from repeat(next(frames)) if self._is_picture else islice(frames, self.skip, None)


def _opacity(frame: UInt8Array) -> Float32Array:
    """(H, W, 3) uint8 as opacity (H, W) float32."""
    brightest = frame.max(-1)
    values: Float32Array = brightest.astype(np.float32) / np.float32(255)
    values[brightest >= _WHITE] = 1
    values[brightest <= _BLACK] = 0
    return values

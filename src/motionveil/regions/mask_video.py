"""A region given by masks: a video, images or one image."""

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
"""Masks are often compressed lossily: values beyond these count as 1 and 0."""


class MaskVideo:
    """Masks from a file: white is hidden, grey partly; the brightest channel of a colour counts.

    Masks of another size are resized to the frames.

    Args:
        path: A video, a folder of images or a numbered sequence with one mask per frame, matched by frame number; or
            a single image for all frames.
        skip: Number of masks before the first frame, if only a part of the video is read.
        whole: Whether the video is read to its end, so that surplus masks are an error.

    Raises:
        InputError: If it cannot be read.
        OptionError: While streaming, if there are fewer masks than frames, or (`whole`) more.
    """

    def __init__(self, path: str | Path, *, skip: int = 0, whole: bool = True) -> None:
        with open_source(path) as opened:
            if opened.info.is_live or not opened.rereadable:
                raise InputError(f"a mask must be a file or a folder, not {source_name(path)}")
            self._is_picture = opened.info.is_image
        self.path, self.skip, self.whole = path, skip, whole

    def __repr__(self) -> str:
        # Without its folder, as this text goes into manifests.
        return f"MaskVideo({source_name(self.path)!r})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of each clip."""
        masks = self._masks()
        with closing(masks):
            count = 0
            for clip in clips:
                height, width = clip.frames.shape[1:3]
                found = list(islice(masks, len(clip)))
                if len(found) < len(clip):
                    raise OptionError(
                        f"the mask {source_name(self.path)} has {self.skip + count + len(found)} frames, fewer than "
                        "the video; give a mask with one frame per video frame, or a single image"
                    )
                count += len(found)
                device = ops.device_of(clip.frames)
                yield ops.stack([ops.resize_map(ops.to_device(mask, device), (height, width)) for mask in found])
            if self.whole and not self._is_picture and next(masks, None) is not None:
                raise OptionError(
                    f"the mask {source_name(self.path)} has more frames than the video ({self.skip + count}); "
                    "give a mask with one frame per video frame, or process only the beginning of both with `end`"
                )

    def _masks(self) -> Generator[Float32Array]:
        """The masks (h, w), from the first needed one on."""
        with open_source(self.path) as opened:
            frames = (_opacity(frame) for clip in opened for frame in clip.frames)
            yield from repeat(next(frames)) if self._is_picture else islice(frames, self.skip, None)


def _opacity(frame: UInt8Array) -> Float32Array:
    """Convert (H, W, 3) uint8 to opacity (H, W) float32."""
    brightest = frame.max(-1)
    values: Float32Array = brightest.astype(np.float32) / np.float32(255)
    values[brightest >= _WHITE] = 1
    values[brightest <= _BLACK] = 0
    return values

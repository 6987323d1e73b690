"""Inpainting from the surroundings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, UInt8Array
from .filler import Filler


class Inpainting(Filler):
    """Inpainting with Telea's fast marching method (2004), from OpenCV. Uses only pixels of opacity 0.

    Frames that are covered completely become grey.

    Args:
        short_side: Short side in pixels at which frames are processed, as the method is slow and its output smooth.

    Raises:
        OptionError: For a short side below 16 pixels.
    """

    independent = True

    def __init__(self, *, short_side: int = 160) -> None:
        if short_side < 16:
            raise OptionError(f"inpainting needs a short side of at least 16 pixels, not {short_side}")
        self.short_side = short_side

    def __repr__(self) -> str:
        return f"Inpainting(short_side={self.short_side})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """The frames with covered pixels inpainted."""
        for clip in clips:
            assert clip.opacity is not None
            yield ops.stack(
                [
                    ops.to_device(
                        ops.inpaint(ops.to_host(frame), ops.to_host(opacity) > 0, self.short_side),
                        ops.device_of(frame),
                    )
                    for frame, opacity in zip(clip.frames, clip.opacity, strict=True)
                ]
            )

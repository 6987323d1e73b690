"""A guess at what lies behind, from what is around."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, UInt8Array
from .filler import Filler


class Inpainting(Filler):
    """Telea's fast marching method (2004) as OpenCV has it; only pixels of opacity 0 are looked at.

    short_side: frames are shrunk to about this size first, since the method is slow; what it paints is smooth anyway.
    A frame that is covered completely becomes grey.
    """

    independent = True

    def __init__(self, *, short_side: int = 160) -> None:
        if short_side < 16:
            raise OptionError(f"inpainting needs a short side of 16 pixels at least, not {short_side}")
        self.short_side = short_side

    def __repr__(self) -> str:
        return f"Inpainting(short_side={self.short_side})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """The frames with what is covered painted over."""
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

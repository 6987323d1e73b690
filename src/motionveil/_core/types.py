"""The nouns that every part of motionveil shares."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import OptionError

UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]
Float32Array = npt.NDArray[np.float32]

_UINT8 = ("uint8", "torch.uint8")


class Point(NamedTuple):
    """A position in a frame, in pixels; pixel centres are at integers."""

    x: float
    y: float


@dataclass(frozen=True, repr=False)
class Clip:
    """Consecutive frames of a video: the unit of streaming. Results never depend on how a video is divided into clips.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB, upright.
        start: Index of the first frame in the video.
        pts: T presentation times in seconds.
        flow_to_previous: For each frame, the flow to the previous frame, (h, w, 2) float32 in pixels of its own grid;
            None where nothing can be carried over (first frame, scene cut). The whole field is None until `with_motion`
            sets it.
        opacity: (T, H, W) float32 in [0, 1], how much of each pixel to replace; None until a region sets it.
        heads: For each frame, 1 where heads are and 0 elsewhere, (h, w) float32 on cells that span the frame; None
            where unknown.
    """

    frames: UInt8Array
    start: int
    pts: tuple[Fraction, ...]
    flow_to_previous: tuple[Float32Array | None, ...] | None = None
    opacity: Float32Array | None = None
    heads: tuple[Float32Array | None, ...] | None = None

    def __post_init__(self) -> None:
        # By its name the type is the same for tensors, which may stand in for arrays (see `ops`).
        if self.frames.ndim != 4 or self.frames.shape[3] != 3 or str(self.frames.dtype) not in _UINT8:
            raise OptionError(
                f"a clip's frames must be (T, H, W, 3) uint8, not {tuple(self.frames.shape)} {self.frames.dtype}"
            )
        if len(self.pts) != len(self.frames):
            raise OptionError(f"a clip of {len(self.frames)} frames needs as many timestamps, not {len(self.pts)}")

    def __len__(self) -> int:
        return len(self.frames)

    def __repr__(self) -> str:
        t, h, w, _ = self.frames.shape
        when = f", {float(self.pts[0]):.3f}–{float(self.pts[-1]):.3f} s" if self.pts else ""
        return f"Clip(frames {self.start}–{self.start + t - 1}, {w}x{h}{when})"


@dataclass(frozen=True)
class Colours:
    """What the pixels of a film mean that has more than 8 bits, high dynamic range, or the colours of wide screens.

    primaries, transfer: numbers of ITU-T H.273. mastering: of the screen it was made on, x and y of red, green, blue
    and white, then the least and the greatest nits. light: the brightest pixel, and the brightest average of a frame,
    in nits.
    """

    primaries: int
    transfer: int
    mastering: tuple[float, ...] | None = None
    light: tuple[int, int] | None = None


@dataclass(frozen=True)
class VideoInfo:
    """What is known about a source before its frames are read. Sizes are those of the upright frames."""

    width: int
    height: int
    frame_rate: Fraction
    """Average frames per second (a still image and a folder of images: as asked for)."""
    num_frames: int | None
    """None where the source does not say (cameras, streams, some containers)."""
    duration: Fraction | None
    """Seconds from time 0 to the end of the last frame, None where unknown."""
    codec: str
    """FFmpeg's name of the video codec, or ``image``."""
    pixel_format: str
    is_image: bool = False
    """True for a single still image."""
    is_live: bool = False
    """True for cameras and network streams: no end is known, and nothing can be read twice."""
    has_audio: bool = False
    sample_aspect_ratio: Fraction = Fraction(1)
    """Width by height of one pixel on the screen; frames keep their pixels, so a writer has to pass this on."""
    start: Fraction = Fraction(0)
    """Where the window that is read begins, in seconds; a writer makes this its time 0."""
    colours: Colours | None = None
    """Of a film that has more than 8 bits, high dynamic range, or wide colours; its frames are 8 bits of BT.709."""

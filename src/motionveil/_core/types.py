"""Data types shared by all packages."""

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
    """A position (x, y) in a frame, in pixels; pixel centres are at integers."""

    x: float
    y: float


@dataclass(frozen=True, repr=False)
class Clip:
    """Consecutive frames of a video: the unit of streaming. Results never depend on how a video is divided into clips.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB, upright.
        start: Index of the first frame in the video.
        pts: T presentation times in seconds.
        flow_to_previous: For each frame, the optical flow to the previous frame, (h, w, 2) float32 in pixels of its
            own grid; None for the first frame and after scene cuts. None as a whole until `with_motion` sets it.
        opacity: (T, H, W) float32 in [0, 1], the opacity mask; None until a region sets it.
        heads: For each frame, a mask of heads, (h, w) float32 with 1 inside on a grid that spans the frame; None if
            unknown.
        figure: (T, H, W) float32 in [0, 1], what is drawn as the figure if the ground around it is replaced too; None
            if the two are not distinguished.

    Raises:
        OptionError: If the frames have another shape or type, or their number differs from that of `pts`.
    """

    frames: UInt8Array
    start: int
    pts: tuple[Fraction, ...]
    flow_to_previous: tuple[Float32Array | None, ...] | None = None
    opacity: Float32Array | None = None
    heads: tuple[Float32Array | None, ...] | None = None
    figure: Float32Array | None = None

    def __post_init__(self) -> None:
        # The dtype is compared by name, so that tensors may replace arrays (see `ops`).
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
    """The colour description of video with more than 8 bits, high dynamic range, or a wide gamut.

    Attributes:
        primaries: Number in ITU-T H.273.
        transfer: Number in ITU-T H.273.
        mastering: Of the mastering display: x and y of red, green, blue and white, then minimum and maximum nits.
        light: Maximum content light level and maximum frame-average light level, in nits.
    """

    primaries: int
    transfer: int
    mastering: tuple[float, ...] | None = None
    light: tuple[int, int] | None = None


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a source, known before its frames are read. Sizes are those of the upright frames."""

    width: int
    height: int
    frame_rate: Fraction
    """Average frames per second; as requested for images."""
    num_frames: int | None
    """None if unknown (cameras, streams, some containers)."""
    duration: Fraction | None
    """Seconds from time 0 to the end of the last frame; None if unknown."""
    codec: str
    """FFmpeg's name of the video codec, or ``image``."""
    pixel_format: str
    is_image: bool = False
    """True for a single still image."""
    is_live: bool = False
    """True for cameras and network streams, which have no known end and can be read only once."""
    has_audio: bool = False
    sample_aspect_ratio: Fraction = Fraction(1)
    """Width by height of a displayed pixel. Frames are not rescaled, so a writer has to pass this on."""
    start: Fraction = Fraction(0)
    """Start of the read window, in seconds; time 0 of the output."""
    colours: Colours | None = None
    """Set for video with more than 8 bits, high dynamic range or a wide gamut; frames are always 8-bit BT.709."""

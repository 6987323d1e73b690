"""What a learned obfuscator does to frames: a network from pictures to pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from .._core.errors import OptionError

Scalar = bool | int | float | str


class Degradation(nn.Module, ABC):
    """A network that is applied to whole frames (f_d of Wu et al., ECCV 2018).

    name: the key in `DEGRADATIONS`. needs_previous: whether it looks at the frame before each one. in_blocks: whether
    what it makes is to stay in even blocks when it is enlarged. Subclasses take their settings as keyword arguments
    with defaults, check them, and hand them to this constructor.
    """

    name: ClassVar[str]
    needs_previous: ClassVar[bool] = False
    in_blocks: ClassVar[bool] = False

    def __init__(self, **settings: Scalar) -> None:
        super().__init__()
        self._settings = settings

    @property
    def settings(self) -> dict[str, Scalar]:
        """The keyword arguments that build it again; what they hold can be written as JSON."""
        return dict(self._settings)

    @abstractmethod
    def forward(self, frames: Tensor, previous: Tensor | None = None) -> Tensor:
        """Frames (N, 3, T, H, W) float32 RGB in [0, 1] to frames of the same shape, in [0, 1].

        previous: the frame of the video before each of them, of the same shape; only where `needs_previous`, which
        raises OptionError without it. No frame of the result depends on another one of the batch.
        """


class PictureDegradation(Degradation):
    """One that knows single pictures only: every frame by itself."""

    def forward(self, frames: Tensor, previous: Tensor | None = None) -> Tensor:
        """As `Degradation.forward`; previous is not looked at."""
        return as_clips(self.degraded(as_pictures(frames)), len(frames))

    @abstractmethod
    def degraded(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) float32 RGB in [0, 1] to the same."""


def as_pictures(frames: Tensor) -> Tensor:
    """Clips (N, C, T, H, W) as pictures (N * T, C, H, W)."""
    return frames.transpose(1, 2).flatten(0, 1)


def as_clips(pictures: Tensor, count: int) -> Tensor:
    """The same back: pictures (count * T, C, H, W) as clips (count, C, T, H, W)."""
    return pictures.unflatten(0, (count, -1)).transpose(1, 2)


def padded(pictures: Tensor, multiple: int) -> Tensor:
    """Pictures (N, C, H, W), whose right and bottom are replicated until both sides are multiples of a number.

    At least twice that number: a network that halves its maps down to one cell could not say by how much the cell
    differs from the mean of its map, which is what an instance norm asks.
    """
    height, width = (max(2 * multiple, -(-side // multiple) * multiple) for side in pictures.shape[-2:])
    missing = (0, width - pictures.shape[-1], 0, height - pictures.shape[-2])
    return functional.pad(pictures, missing, mode="replicate") if any(missing) else pictures


def one_channelled(pictures: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) without colour: the mean of the channels, three times."""
    return pictures.mean(1, keepdim=True).expand(-1, 3, -1, -1)


def whole_number(name: str, value: object, least: int, most: int) -> int:
    """The value. Raises OptionError where it is no whole number from `least` to `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise OptionError(f"{name} is {value!r}; give a whole number from {least} to {most}")
    return value


def positive_number(name: str, value: object, most: float) -> float:
    """The value as float. Raises OptionError where it is no number above 0, up to `most`."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= most:
        raise OptionError(f"{name} is {value!r}; give a number above 0, up to {most:g}")
    return float(value)


def yes_or_no(name: str, value: object) -> bool:
    """The value. Raises OptionError where it is neither true nor false."""
    if not isinstance(value, bool):
        raise OptionError(f"{name} is {value!r}; give true or false")
    return value


def previous_of(degradation: Degradation, frames: Tensor, previous: Tensor | None) -> Tensor:
    """The frames before those given. Raises OptionError where there are none, or not as many."""
    if previous is None or previous.shape != frames.shape:
        given = "none" if previous is None else str(tuple(previous.shape))
        raise OptionError(
            f"{degradation.name} needs the frame before each one, {tuple(frames.shape)}, not {given}; give previous="
        )
    return previous

"""The interface of networks that transform frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from .._core.errors import OptionError

Scalar = bool | int | float | str


class Degradation(nn.Module, ABC):
    """A network that is applied to whole frames (f_d of Wu et al., ECCV 2018).

    Subclasses take their settings as keyword arguments with defaults, check them, and pass them to this constructor.

    Attributes:
        name: The key in `DEGRADATIONS`.
        needs_previous: Whether it uses the previous frame.
        in_blocks: Whether its output consists of blocks that must stay sharp when it is enlarged.
    """

    name: ClassVar[str]
    needs_previous: ClassVar[bool] = False
    in_blocks: ClassVar[bool] = False

    def __init__(self, **settings: Scalar) -> None:
        super().__init__()
        self._settings = settings

    @property
    def settings(self) -> dict[str, Scalar]:
        """The keyword arguments that recreate it; JSON-serialisable."""
        return dict(self._settings)

    @abstractmethod
    def forward(self, frames: Tensor, previous: Tensor | None = None) -> Tensor:
        """Transform frames (N, 3, T, H, W) float32 RGB in [0, 1] to frames of the same shape and range.

        Args:
            frames: The frames. Results do not depend on other items of the batch.
            previous: For each frame, the previous frame of the video, of the same shape; needed if `needs_previous`.

        Raises:
            OptionError: If `previous` is needed and missing.
        """


class PictureDegradation(Degradation):
    """A degradation that processes each frame separately."""

    def forward(self, frames: Tensor, previous: Tensor | None = None) -> Tensor:
        """See `Degradation.forward`; previous is ignored."""
        return as_clips(self.degraded(as_pictures(frames)), len(frames))

    @abstractmethod
    def degraded(self, pictures: Tensor) -> Tensor:
        """Transform images (N, 3, H, W) float32 RGB in [0, 1]."""


def as_pictures(frames: Tensor) -> Tensor:
    """Reshape clips (N, C, T, H, W) to images (N * T, C, H, W)."""
    return frames.transpose(1, 2).flatten(0, 1)


def as_clips(pictures: Tensor, count: int) -> Tensor:
    """The inverse: images (count * T, C, H, W) to clips (count, C, T, H, W)."""
    return pictures.unflatten(0, (count, -1)).transpose(1, 2)


def padded(pictures: Tensor, multiple: int) -> Tensor:
    """Pad images (N, C, H, W) by replication at the right and bottom, until both sides are multiples of a number.

    The sides become at least twice that number: an instance norm needs maps of more than one cell.
    """
    height, width = (max(2 * multiple, -(-side // multiple) * multiple) for side in pictures.shape[-2:])
    missing = (0, width - pictures.shape[-1], 0, height - pictures.shape[-2])
    return functional.pad(pictures, missing, mode="replicate") if any(missing) else pictures


def one_channelled(pictures: Tensor) -> Tensor:
    """Convert images (N, 3, H, W) to grey: the mean of the channels, three times."""
    return pictures.mean(1, keepdim=True).expand(-1, 3, -1, -1)


def whole_number(name: str, value: object, least: int, most: int) -> int:
    """The value, if it is an integer from `least` to `most`. Raises OptionError otherwise."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise OptionError(f"{name} is {value!r}; give a whole number from {least} to {most}")
    return value


def positive_number(name: str, value: object, most: float) -> float:
    """The value as float, if it is a number above 0 and at most `most`. Raises OptionError otherwise."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= most:
        raise OptionError(f"{name} is {value!r}; give a number above 0, up to {most:g}")
    return float(value)


def yes_or_no(name: str, value: object) -> bool:
    """The value, if it is a boolean. Raises OptionError otherwise."""
    if not isinstance(value, bool):
        raise OptionError(f"{name} is {value!r}; give true or false")
    return value


def previous_of(degradation: Degradation, frames: Tensor, previous: Tensor | None) -> Tensor:
    """The previous frames. Raises OptionError if they are missing, or their number differs."""
    if previous is None or previous.shape != frames.shape:
        given = "none" if previous is None else str(tuple(previous.shape))
        raise OptionError(
            f"{degradation.name} needs the frame before each one, {tuple(frames.shape)}, not {given}; give previous="
        )
    return previous

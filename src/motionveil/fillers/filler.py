"""What a filler is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from .._core.types import Clip, UInt8Array


class Filler(Protocol):
    """What to replace with. Holds settings only: what belongs to one video lives in the generator `stream` returns."""

    @property
    def independent(self) -> bool:
        """Whether the filling of a pixel of opacity 1 tells nothing about such pixels but their motion and outline."""
        ...

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """For every clip (with `flow_to_previous` and `opacity`) its filling (T, H, W, 3) uint8."""
        ...

"""The filler interface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from .._core.types import Clip, UInt8Array


class Filler(Protocol):
    """Generates replacement pixels. Holds settings only; the state for one video lives in the generator of `stream`."""

    @property
    def independent(self) -> bool:
        """Whether pixels at opacity 1 reveal nothing about the original but motion and outline."""
        ...

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """The filling (T, H, W, 3) uint8 for each clip (with `flow_to_previous` and `opacity`)."""
        ...

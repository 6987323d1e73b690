"""Fillers: what a region is replaced with. Each streams whole frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from . import ops
from .noise import WIDE, NoiseField, NoiseStatistics, Transport
from .types import Clip, UInt8Array


class Filler(Protocol):
    """What to replace with. Holds settings only: what belongs to one video lives in the generator `stream` returns."""

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """For every clip (with `flow_to_previous`) its filling (T, H, W, 3) uint8."""
        ...


class MotionNoise:
    """Noise that moves with the scene; it depends on the video through its motion alone.

    transport, grain, statistics: see `noise.NoiseField`. grain None: 12 pixels at a short side of 480 or less, more in
    larger frames, so that noise looks alike at every size. seed: None draws from the operating system and keeps
    nothing; a number repeats a result and lets whoever knows it undo what is not fully covered.
    """

    def __init__(
        self,
        *,
        transport: Transport = "accumulated",
        grain: float | None = None,
        statistics: NoiseStatistics = WIDE,
        seed: int | None = None,
    ) -> None:
        self.transport: Transport = transport
        self.grain = grain
        self.statistics = statistics
        self.seed = seed

    def __repr__(self) -> str:
        # The seed is left out on purpose: this text goes into records.
        return f"MotionNoise(transport={self.transport!r}, grain={self.grain}, statistics={self.statistics})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """The noise of every clip."""
        field: NoiseField | None = None
        for clip in clips:
            if field is None:
                _, height, width, _ = clip.frames.shape
                field = NoiseField(
                    height,
                    width,
                    transport=self.transport,
                    grain=12.0 * max(1.0, min(height, width) / 480) if self.grain is None else self.grain,
                    statistics=self.statistics,
                    generator=np.random.default_rng(self.seed),
                    device=ops.device_of(clip.frames),
                )
            flows = clip.flow_to_previous or (None,) * len(clip)
            yield ops.stack([field.advance(flow) for flow in flows])

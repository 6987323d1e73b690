"""Noise that moves with the scene."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .. import ops
from ..noise import NoiseField, NoiseStatistics, Transport, statistics_of
from ..types import Clip, UInt8Array
from .filler import Filler


class MotionNoise(Filler):
    """Noise that moves with the scene; it depends on the video through its motion alone.

    transport, grain: see `noise.NoiseField`. statistics: as they are or by name, see `noise.STATISTICS`.
    seed: None draws from the operating system and keeps nothing; a number repeats a result and
    lets whoever knows it undo what is not fully covered.
    """

    def __init__(
        self,
        *,
        transport: Transport = "accumulated",
        grain: float | None = None,
        statistics: NoiseStatistics | str = "wide",
        seed: int | None = None,
    ) -> None:
        self.transport: Transport = transport
        self.grain = grain
        self.statistics = statistics_of(statistics)
        self.seed = seed

    def __repr__(self) -> str:
        # The seed is left out on purpose: this text goes into records.
        return f"MotionNoise(transport={self.transport!r}, grain={self.grain}, statistics={self.statistics})"

    @property
    def independent(self) -> bool:
        """True, unless the statistics were measured."""
        return not self.statistics.measured

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
                    grain=self.grain,
                    statistics=self.statistics,
                    generator=np.random.default_rng(self.seed),
                    device=ops.device_of(clip.frames),
                )
            flows = clip.flow_to_previous or (None,) * len(clip)
            yield ops.stack([field.advance(flow) for flow in flows])

"""Noise that moves with the scene."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .. import ops
from .._core.types import Clip, Float32Array, UInt8Array
from ..noise import NoiseField, NoiseStatistics, Palette, Transport, hidden_motion, statistics_of, with_stiff_heads
from .filler import Filler


class MotionNoise(Filler):
    """Noise that moves with the scene; it depends on the video through its motion alone.

    transport, grain, palette: see `noise.NoiseField`. statistics: as they are or by name, see `noise.STATISTICS`.
    face_motion: whether noise moves with what happens within a face, as lips do; else every head that the region knows
    of moves as one piece. seed: None draws from the operating system and keeps nothing; a number repeats a result and
    lets whoever knows it undo what is not fully covered.
    """

    def __init__(
        self,
        *,
        transport: Transport = "particles",
        grain: float | None = None,
        statistics: NoiseStatistics | str = "wide",
        palette: Palette = "calm",
        face_motion: bool = False,
        seed: int | None = None,
    ) -> None:
        self.transport: Transport = transport
        self.grain = grain
        self.palette: Palette = palette
        self.face_motion = face_motion
        self.statistics = statistics_of(statistics)
        self.seed = seed

    def __repr__(self) -> str:
        # The seed is left out on purpose: this text goes into records.
        return (
            f"MotionNoise(transport={self.transport!r}, grain={self.grain}, statistics={self.statistics}, "
            f"palette={self.palette!r}, face_motion={self.face_motion})"
        )

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
                    palette=self.palette,
                    generator=np.random.default_rng(self.seed),
                    device=ops.device_of(clip.frames),
                )
            flows = clip.flow_to_previous or (None,) * len(clip)
            opacities = (None,) * len(clip) if clip.opacity is None else clip.opacity
            heads = clip.heads or (None,) * len(clip)
            yield ops.stack(
                [
                    field.advance(self._carrying(flow, opacity, of_heads), opacity)
                    for flow, opacity, of_heads in zip(flows, opacities, heads, strict=True)
                ]
            )

    def _carrying(
        self, flow: Float32Array | None, opacity: Float32Array | None, heads: Float32Array | None
    ) -> Float32Array | None:
        """What carries the noise: a picture moves with the scene, particles with what is hidden."""
        if flow is None or opacity is None or self.transport != "particles":
            return flow
        if heads is not None and not self.face_motion:
            flow = with_stiff_heads(flow, heads)
        return hidden_motion(flow, opacity)

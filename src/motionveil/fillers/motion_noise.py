"""Noise that moves with the scene."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .. import ops
from .._core.types import Clip, Float32Array, UInt8Array
from ..noise import NoiseField, NoiseStatistics, Palette, Transport, hidden_motion, statistics_of, with_stiff_heads
from .filler import Filler


class MotionNoise(Filler):
    """Noise that moves with the scene. It depends on the video only through its motion.

    Args:
        transport: See `NoiseField`.
        grain: See `NoiseField`.
        statistics: Colour statistics, as an object or a name in `noise.STATISTICS`.
        palette: See `NoiseField`.
        face_motion: Let noise follow motion within faces, such as lips. Otherwise each head in the region moves
            rigidly.
        seed: None draws from the operating system's entropy and stores nothing. With a known seed, results are
            reproducible, and pixels that are not fully covered can be recovered.

    Raises:
        OptionError: For invalid settings.
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
        # The seed is omitted on purpose: this text goes into manifests.
        return (
            f"MotionNoise(transport={self.transport!r}, grain={self.grain}, statistics={self.statistics}, "
            f"palette={self.palette!r}, face_motion={self.face_motion})"
        )

    @property
    def independent(self) -> bool:
        """True, unless the statistics were measured."""
        return not self.statistics.measured

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """The noise for each clip."""
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
        """The flow that carries the noise: that of the scene for an image, that of the hidden region for particles."""
        if flow is None or opacity is None or self.transport != "particles":
            return flow
        if heads is not None and not self.face_motion:
            flow = with_stiff_heads(flow, heads)
        return hidden_motion(flow, opacity)

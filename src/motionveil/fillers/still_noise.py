"""Noise without motion: independent in each frame, or one image for the whole video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from .. import ops
from .._core.types import Clip, UInt8Array
from ..noise import NoiseStatistics, draw_noise, statistics_of
from .filler import Filler


class IidNoise(Filler):
    """Noise that is independent in each frame (Fig. 8 of Ilic et al., CVPR 2024); preserves no motion.

    Args:
        grain: See `noise.draw_noise`.
        statistics: Colour statistics, as an object or a name in `noise.STATISTICS`.
        seed: See `MotionNoise`.
    """

    def __init__(
        self, *, grain: float = 1.0, statistics: NoiseStatistics | str = "kinetics", seed: int | None = None
    ) -> None:
        self.grain = grain
        self.statistics = statistics_of(statistics)
        self.seed = seed

    @property
    def independent(self) -> bool:
        """True, unless the statistics were measured."""
        return not self.statistics.measured

    def __repr__(self) -> str:
        return f"{type(self).__name__}(grain={self.grain:g}, statistics={self.statistics})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """Independent noise for each frame."""
        generator = np.random.default_rng(self.seed)
        for clip in clips:
            yield ops.stack([self._draw(clip, generator) for _ in clip.frames])

    def _draw(self, clip: Clip, generator: np.random.Generator) -> UInt8Array:
        height, width = clip.frames.shape[1:3]
        picture = draw_noise(height, width, grain=self.grain, statistics=self.statistics, generator=generator)
        return ops.to_device(picture, ops.device_of(clip.frames))


class StaticNoise(IidNoise):
    """One noise image for the whole video (Sec. 4.1 of Ilic et al.); it reveals outlines, and does not move."""

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """The same noise for each frame."""
        generator = np.random.default_rng(self.seed)
        picture: UInt8Array | None = None
        for clip in clips:
            picture = self._draw(clip, generator) if picture is None else picture
            yield ops.stack([picture] * len(clip))

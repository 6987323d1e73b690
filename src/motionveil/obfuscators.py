"""Obfuscators: whole methods, clips in, clips out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import tee
from typing import Protocol

import numpy as np

from . import ops
from .fillers import Filler
from .flow import FlowEstimator, with_motion
from .regions import Region
from .types import Clip, Float32Array


class Obfuscator(Protocol):
    """A method. Holds settings and weights only, so one object serves several videos at once."""

    def stream(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """The obfuscated clips, cut as the clips that came in; counts, sizes and timestamps are kept."""
        ...


@dataclass(frozen=True)
class Explained:
    """A clip, why it was changed, and what became of it. opacity: (T, H, W) float32 in [0, 1]."""

    original: Clip
    opacity: Float32Array
    obfuscated: Clip


class Selective:
    """Replace a region by a filling (Eq. 5 of Ilic et al., CVPR 2024)."""

    def __init__(self, region: Region, filler: Filler, flow: FlowEstimator) -> None:
        self.region = region
        self.filler = filler
        self.flow = flow

    def stream(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """The obfuscated clips."""
        return (explained.obfuscated for explained in self.explain(clips))

    def explain(self, clips: Iterable[Clip]) -> Iterator[Explained]:
        """The same with the originals and the opacity. Clips whose flow is known already keep it."""
        # A region may read ahead; tee keeps just the clips that lie between it and the rest.
        originals, for_region, for_filler = tee(with_motion(clips, self.flow), 3)
        parts = zip(self.region.stream(for_region), originals, self.filler.stream(for_filler), strict=True)
        for opacity, clip, filling in parts:
            frames = [
                ops.blend(image, fill, alpha) for image, fill, alpha in zip(clip.frames, filling, opacity, strict=True)
            ]
            yield Explained(clip, opacity, replace(clip, frames=np.stack(frames)))

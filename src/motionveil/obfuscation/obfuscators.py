"""Obfuscators: whole methods, clips in, clips out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

from .. import ops
from .._core.streams import fork
from .._core.types import Clip, Float32Array, UInt8Array
from ..fillers import Filler
from ..flow import FlowEstimator, with_motion
from ..regions import Region, seen


class Obfuscator(Protocol):
    """An obfuscation method. It holds only settings and weights, so one object can process several videos at once."""

    def stream(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """The obfuscated clips, cut as the clips that came in; counts, sizes and timestamps are kept."""
        ...


@runtime_checkable
class Recorded(Protocol):
    """A method that says more of itself in records than its `repr`."""

    def as_record(self) -> Mapping[str, Any]:
        """What JSON can hold."""
        ...


Item = TypeVar("Item")


class Stage(Protocol):
    """Passes a stream on, perhaps from a thread of its own."""

    def __call__(self, items: Iterable[Item], /) -> Iterator[Item]: ...


@dataclass(frozen=True)
class Explained:
    """A clip with the reasons for its obfuscation, and the result.

    Attributes:
        original: The input, with `flow_to_previous` and `opacity` if the method computes them.
        filling: (T, H, W, 3) uint8, the output of the filler.
    """

    original: Clip
    filling: UInt8Array
    obfuscated: Clip

    @property
    def opacity(self) -> Float32Array:
        """(T, H, W) float32 in [0, 1]: how much of every pixel is replaced."""
        assert self.original.opacity is not None
        return self.original.opacity


def explained(method: Obfuscator, clips: Iterable[Clip], *, stage: Stage = iter) -> Iterator[Explained]:
    """What any method makes of clips, beside them; with flow and opacity where it is `Selective`.

    stage: see `Selective.explain`.
    """
    return method.explain(clips, stage=stage) if isinstance(method, Selective) else _beside(method, stage(clips))


def _beside(method: Obfuscator, clips: Iterable[Clip]) -> Iterator[Explained]:
    originals, given = fork(clips)
    for original, obfuscated in zip(originals, method.stream(given), strict=True):
        yield Explained(original, obfuscated.frames, obfuscated)


class Selective:
    """Replaces a region with the output of a filler (Eq. 5 of Ilic et al., CVPR 2024)."""

    def __init__(self, region: Region, filler: Filler, flow: FlowEstimator) -> None:
        self.region = region
        self.filler = filler
        self.flow = flow

    def stream(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """The obfuscated clips."""
        return (explained.obfuscated for explained in self.explain(clips))

    def explain(self, clips: Iterable[Clip], *, stage: Stage = iter) -> Iterator[Explained]:
        """The same with the originals, the opacity and the filling. Clips whose flow is known already keep it.

        stage: wraps the stream between two steps; `streams.Stages` lets the steps run side by side.
        """
        moving = stage(with_motion(stage(clips), self.flow))
        for clip, filling in stage(self._filled(stage(self._covered(moving)))):
            assert clip.opacity is not None
            frames = [
                ops.blend(image, fill, alpha)
                for image, fill, alpha in zip(clip.frames, filling, clip.opacity, strict=True)
            ]
            yield Explained(clip, filling, replace(clip, frames=ops.stack(frames), opacity=None, heads=None))

    def _covered(self, moving: Iterable[Clip]) -> Iterator[Clip]:
        clips, for_region = fork(moving)
        for clip, known in zip(clips, seen(self.region, for_region), strict=True):
            yield replace(clip, opacity=known.opacity, heads=known.heads)

    def _filled(self, covered: Iterable[Clip]) -> Iterator[tuple[Clip, UInt8Array]]:
        clips, for_filler = fork(covered)
        return zip(clips, self.filler.stream(for_filler), strict=True)

"""Obfuscators: complete methods that take and return clips."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
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
        """The obfuscated clips, divided like the input; frame counts, sizes and timestamps are preserved."""
        ...


@runtime_checkable
class Recorded(Protocol):
    """A method that describes itself in manifests in more detail than its `repr`."""

    def as_record(self) -> Mapping[str, Any]:
        """A JSON-serialisable description."""
        ...


Item = TypeVar("Item")


class Stage(Protocol):
    """Passes a stream on, possibly from its own thread."""

    def __call__(self, items: Iterable[Item], /) -> Iterator[Item]: ...


@dataclass(frozen=True)
class Explained:
    """A clip with the reasons for its obfuscation, and the result.

    Attributes:
        original: The input, with `flow_to_previous` and `opacity` if the method computes them.
        filling: (T, H, W, 3) uint8, the output of the filler.
    """

    original: Clip
    filling: UInt8Array = field(repr=False)
    obfuscated: Clip

    @property
    def opacity(self) -> Float32Array:
        """(T, H, W) float32 in [0, 1], how much of each pixel was replaced."""
        assert self.original.opacity is not None
        return self.original.opacity


def explained(method: Obfuscator, clips: Iterable[Clip], *, stage: Stage = iter) -> Iterator[Explained]:
    """Run any method and keep its input; with flow and opacity if it is `Selective`.

    stage: see `Selective.explain`.
    """
    return method.explain(clips, stage=stage) if isinstance(method, Selective) else _beside(method, stage(clips))


def _beside(method: Obfuscator, clips: Iterable[Clip]) -> Iterator[Explained]:
    originals, given = fork(clips)
    for original, obfuscated in zip(originals, method.stream(given), strict=True):
        yield Explained(original, obfuscated.frames, obfuscated)


class Selective:
    """Replaces a region with the output of a filler (Eq. 5 of Ilic et al., CVPR 2024).

    Args:
        region: Where to replace pixels.
        filler: What to replace them with.
        flow: Optical flow estimator.

    Example:
        ```
        method = Selective(WholeFrame(), MotionNoise(), DISFlow())
        for clip in method.stream(source):
            writer.write(clip)
        ```
    """

    def __init__(self, region: Region, filler: Filler, flow: FlowEstimator) -> None:
        self.region = region
        self.filler = filler
        self.flow = flow

    def __repr__(self) -> str:
        return f"Selective({self.region!r}, {self.filler!r}, {self.flow!r})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """The obfuscated clips."""
        return (explained.obfuscated for explained in self.explain(clips))

    def explain(self, clips: Iterable[Clip], *, stage: Stage = iter) -> Iterator[Explained]:
        """Like `stream`, with originals, opacity and filling. Clips that already have flow keep it.

        stage: wraps the stream between two steps; with `streams.Stages`, the steps run concurrently.
        """
        moving = stage(with_motion(stage(clips), self.flow))
        for clip, filling in stage(self._filled(stage(self._covered(moving)))):
            assert clip.opacity is not None
            frames = [
                ops.blend(image, fill, alpha)
                for image, fill, alpha in zip(clip.frames, filling, clip.opacity, strict=True)
            ]
            result = replace(clip, frames=ops.stack(frames), opacity=None, heads=None, figure=None)
            yield Explained(clip, filling, result)

    def _covered(self, moving: Iterable[Clip]) -> Iterator[Clip]:
        clips, for_region = fork(moving)
        for clip, known in zip(clips, seen(self.region, for_region), strict=True):
            yield replace(clip, opacity=known.opacity, heads=known.heads, figure=known.figure)

    def _filled(self, covered: Iterable[Clip]) -> Iterator[tuple[Clip, UInt8Array]]:
        clips, for_filler = fork(covered)
        return zip(clips, self.filler.stream(for_filler), strict=True)

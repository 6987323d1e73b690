"""The region interface, and regions composed of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

from .._core.streams import fork
from .._core.types import Clip, Float32Array


class Region(Protocol):
    """Where to replace pixels. Holds settings only; the state for one video lives in the generator of `stream`."""

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity masks (T, H, W) float32 for each clip (with `flow_to_previous`): 0 keeps pixels, 1 replaces them.

        May read some frames ahead.
        """
        ...


Heads = tuple[Float32Array | None, ...] | None
"""See `Clip.heads`."""


class Seen(NamedTuple):
    """The result of a region for a clip: opacity (T, H, W), see also `Clip.heads` and `Clip.figure`."""

    opacity: Float32Array
    heads: Heads = None
    figure: Float32Array | None = None


@runtime_checkable
class RegionWithHeads(Protocol):
    """A region that provides more than opacity."""

    def see(self, clips: Iterable[Clip]) -> Iterator[Seen]:
        """Like `Region.stream`, with masks of heads."""
        ...


def seen(region: Region, clips: Iterable[Clip]) -> Iterator[Seen]:
    """The result of any region for each clip."""
    return region.see(clips) if isinstance(region, RegionWithHeads) else map(Seen, region.stream(clips))


class Derived(ABC):
    """A region computed from the opacity of other regions, its `parts`.

    A region that occurs repeatedly (the same object) is streamed once, so that its network runs once.
    """

    parts: tuple[Region, ...]
    begins_with_figure: ClassVar[bool] = False
    """Whether the first part is what is drawn as figure, see `Clip.figure`."""

    @abstractmethod
    def derive(self, clips: Iterator[Clip], opacities: Sequence[Iterator[Float32Array]]) -> Iterator[Float32Array]:
        """Opacity of each clip from those of the parts, which are in step with the clips."""

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of each clip; reads as far ahead as the parts do."""
        return (each.opacity for each in self.see(clips))

    def see(self, clips: Iterable[Clip]) -> Iterator[Seen]:
        """The same, with the heads and the figure known to any of the parts."""
        regions = everything_in(self)
        uses = Counter(id(part) for region in regions for part in _parts(region))
        branches = dict(zip(map(id, regions), fork(clips, len(regions)), strict=True))
        streams: dict[int, list[Iterator[Float32Array]]] = {}
        heads: list[Iterator[Heads]] = []
        figures: list[Iterator[Float32Array]] = []
        for region in reversed(regions):
            own = branches[id(region)]
            if isinstance(region, Derived):
                given = [streams[id(part)].pop() for part in region.parts]
                if region.begins_with_figure:
                    given[0], drawn_first = fork(given[0])
                    figures.append(drawn_first)
                made = region.derive(own, given)
            elif isinstance(region, RegionWithHeads):
                first, second = fork(region.see(own))
                made = map(_opacity_of, first)
                heads.append(map(_heads_of, second))
            else:
                made = region.stream(own)
            streams[id(region)] = list(fork(made, max(1, uses[id(region)])))
        # Of several, that of the outermost.
        figure: Iterator[Float32Array | None] = figures[-1] if figures else repeat(None)
        known = zip(streams[id(self)][0], *heads, strict=True)
        return (
            Seen(opacity, _known(of_heads), drawn) for (opacity, *of_heads), drawn in zip(known, figure, strict=False)
        )


def _opacity_of(one: Seen) -> Float32Array:
    return one.opacity


def _heads_of(one: Seen) -> Heads:
    return one.heads


def _known(heads: Sequence[Heads]) -> Heads:
    """The heads of a clip, from the first part that provides them."""
    return next((one for one in heads if one is not None and any(each is not None for each in one)), None)


def everything_in(region: Region) -> list[Region]:
    """The region and everything it is composed of, each once, before its parts."""
    found: dict[int, Region] = {}

    def visit(one: Region) -> None:
        if id(one) not in found:
            for part in reversed(_parts(one)):
                visit(part)
            found[id(one)] = one

    visit(region)
    return list(found.values())[::-1]


def _parts(region: Region) -> tuple[Region, ...]:
    return region.parts if isinstance(region, Derived) else ()

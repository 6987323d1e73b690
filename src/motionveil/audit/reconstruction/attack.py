"""What an attack is, and what it may use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..._core.types import Clip, UInt8Array
from ..footage import Excerpt, Remake
from .evidence import Evidence, Scene, scene_of

Candidate = tuple[str, UInt8Array]
"""A setting, and what an attack recovers with it: (K, H, W, 3) uint8, one frame per target."""


class NotRunError(Exception):
    """An attack lacks something; the text says what, in one sentence for people."""


@dataclass(frozen=True)
class Case:
    """All that the judge has.

    excerpts: of original and output. targets: frames of each that attacks recover. remake: the method, to be run again.
    clips: gives the original from its start on. training: excerpts of other videos under the same method. within:
    excerpts that end later than so many seconds are left out where the method has to be run again from the start.
    on_progress: called with the share of the present attack that is done, where it takes long.
    """

    excerpts: Sequence[Excerpt]
    targets: int = 4
    remake: Remake | None = None
    clips: Callable[[], Iterable[Clip]] | None = None
    training: Sequence[Excerpt] | None = None
    within: float = 10.0
    on_progress: Callable[[float], None] = lambda share: None
    _scenes: dict[int, list[Scene]] = field(default_factory=dict, repr=False, compare=False)

    def reporting(self, on_progress: Callable[[float], None]) -> Case:
        """The same case, whose progress is told to somebody else."""
        return replace(self, on_progress=on_progress)

    def scenes(self, short_side: int) -> list[Scene]:
        """The excerpts at this short side; made once."""
        if short_side not in self._scenes:
            self._scenes[short_side] = [
                scene_of(excerpt, short_side, targets=self.targets) for excerpt in self.excerpts
            ]
        return self._scenes[short_side]


@dataclass(frozen=True)
class Trial:
    """An attack that is ready, the same for the floor, and what both are tried on."""

    scenes: Sequence[Scene]
    attack: Attack
    on_floor: Attack


class Attack(Protocol):
    """A way to get the picture back. Holds settings only.

    summary: one sentence for people who are no engineers. short_side: frames are shrunk to this first, for attack and
    floor alike; faces and clothes can be told at that size, and finer detail only makes PSNR smaller.
    """

    name: str
    summary: str
    short_side: int

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """Recoveries of the targets at several strengths, the same ones in the same order for every evidence."""
        ...

    def trial(self, case: Case) -> Trial:
        """The attack made ready. Raises NotRunError where something is missing."""
        return Trial(case.scenes(self.short_side), self, self)


class Nothing(Attack):
    """The output as it is."""

    name = "none"
    summary = "The output is looked at as it is, to compare the attacks with."
    short_side = 320

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """The targets."""
        yield "as it is", evidence.frames[list(evidence.targets)]

"""The interface of attacks, and the data they may use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..._core.types import Clip, UInt8Array
from ..footage import Excerpt, Remake
from .evidence import Evidence, Scene, scene_of

Candidate = tuple[str, UInt8Array]
"""A setting, and the recovered frames: (K, H, W, 3) uint8, one per target."""


class NotRunError(Exception):
    """An attack lacks something it needs; the message is one sentence for the report."""


@dataclass(frozen=True)
class Case:
    """All data of the judge.

    Attributes:
        excerpts: Of original and output.
        targets: Number of frames per excerpt to recover.
        remake: The method, to be run again.
        clips: Returns the original from its start.
        training: Excerpts of other videos processed with the same method.
        within: Excerpts that end later, in seconds, are skipped by attacks that run the method from the start.
        on_progress: Called with the fraction of the current attack that is done, if it takes long.
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
        """A copy that reports progress elsewhere."""
        return replace(self, on_progress=on_progress)

    def scenes(self, short_side: int) -> list[Scene]:
        """The excerpts at this short side; cached."""
        if short_side not in self._scenes:
            self._scenes[short_side] = [
                scene_of(excerpt, short_side, targets=self.targets) for excerpt in self.excerpts
            ]
        return self._scenes[short_side]


@dataclass(frozen=True)
class PreparedAttack:
    """An attack ready to run, its counterpart for the floor, and the scenes for both."""

    scenes: Sequence[Scene]
    attack: Attack
    on_floor: Attack


class Attack(Protocol):
    """A reconstruction attack. Holds settings only.

    Attributes:
        summary: One sentence for readers without technical background.
        short_side: Frames are downsampled to this first, for attack and floor alike; faces and clothes are
            recognisable at that size, and finer detail only lowers PSNR.
    """

    name: str
    summary: str
    short_side: int

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """Recoveries of the targets with several settings, the same ones in the same order for any evidence."""
        ...

    def prepare(self, case: Case) -> PreparedAttack:
        """Prepare the attack. Raises NotRunError if something is missing."""
        return PreparedAttack(case.scenes(self.short_side), self, self)


class Nothing(Attack):
    """The unmodified output."""

    name = "none"
    summary = "The unmodified output, as a reference for the attacks."
    short_side = 320

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """The targets."""
        yield "as it is", evidence.frames[list(evidence.targets)]

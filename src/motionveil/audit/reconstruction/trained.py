"""Trained attacker: runs the method on other videos, and learns to invert it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._core.types import Clip, UInt8Array
from ..footage import Excerpt, Remake
from .attack import Attack, Candidate, Case, NotRunError, PreparedAttack
from .evidence import Evidence, shrink

if TYPE_CHECKING:
    from .network import Example

SHORT_SIDE = 160


@dataclass(frozen=True)
class AttackerTraining:
    """Training time for attack and floor each: `steps`, or `seconds` if they elapse first.

    Results are reproducible if `seconds` is None. width: channels of the first layer. batch: crops per step, of `crop`
    pixels. seed: of the initialisation and the order of crops.
    """

    steps: int = 600
    seconds: float | None = 180.0
    width: int = 24
    crop: int = 96
    batch: int = 8
    learning_rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True)
class TrainedNetwork(Attack):
    """A small U-Net trained on pairs of obfuscated and original frames of other videos.

    It knows the method and people in general, but not this person. The floor is trained on the same examples in the
    same order from the same initialisation, with a single colour in altered areas.
    """

    training: AttackerTraining = field(default_factory=AttackerTraining)
    network: Any = field(default=None, repr=False)

    name = "trained_network"
    summary = "A neural network trained on other videos under the same method guesses the original."
    short_side = SHORT_SIDE

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """The output of the network."""
        from .network import restore

        pictures = [restore(self.network, _triple(evidence.frames, t), evidence.touched[t]) for t in evidence.targets]
        yield "network", np.stack(pictures)

    def prepare(self, case: Case) -> PreparedAttack:
        """Train both networks."""
        try:
            from . import network
        except ImportError as error:
            raise NotRunError("it needs torch: pip install 'motionveil[torch]'") from error
        if not case.training:
            raise NotRunError("there are no other videos to train on")
        excerpts = [shrink(excerpt, self.short_side) for excerpt in case.training]
        examples = _examples(excerpts)
        if not examples:
            raise NotRunError("nothing was replaced in the other videos, so there is nothing to learn from")
        first, steps = network.train(examples, self.training, lambda share: case.on_progress(share / 2))
        # The floor trains for exactly as many steps.
        as_long = replace(self.training, steps=steps, seconds=None)
        flat = [_flattened(excerpt) for excerpt in excerpts]
        second, _ = network.train(_examples(flat), as_long, lambda share: case.on_progress(0.5 + share / 2))
        return PreparedAttack(case.scenes(self.short_side), replace(self, network=first), replace(self, network=second))


def _flattened(excerpt: Excerpt) -> Excerpt:
    evidence = Evidence(excerpt.output, excerpt.touched, ())
    return replace(excerpt, output=evidence.flattened().frames)


def _examples(excerpts: Sequence[Excerpt]) -> list[Example]:
    """All altered frames that have both neighbours."""
    from .network import Example

    return [
        Example(_triple(excerpt.output, index), excerpt.touched[index], excerpt.original[index])
        for excerpt in excerpts
        for index in range(1, max(2, len(excerpt.original) - 1))
        if index < len(excerpt.original) and excerpt.touched[index].any()
    ]


def _triple(frames: UInt8Array, index: int) -> UInt8Array:
    """A frame between its neighbours, (3, h, w, 3); at the ends it replaces the missing one."""
    return frames[[max(0, index - 1), index, min(len(frames) - 1, index + 1)]]


def training_excerpts(
    sources: Iterable[Callable[[], Iterable[Clip]]],
    remake: Remake,
    *,
    frames: int = 90,
    every: int = 8,
    short_side: int = SHORT_SIDE,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[Excerpt]:
    """Training data for `TrainedNetwork`: other videos under the same method, each with its own seed.

    Args:
        sources: Each returns the clips of one video.
        remake: The method.
        frames: Number of frames of each video to process.
        every: Of these, three consecutive frames out of `every` are kept.
        short_side: Short side of the kept frames.
        on_progress: Called with the number of processed videos.
    """
    excerpts: list[Excerpt] = []
    for number, source in enumerate(sources):
        method = remake(1000 + number)
        recent: list[Excerpt] = []
        for explained in method.explain(_first(source(), frames)):
            clip = explained.original
            for index in range(len(clip)):
                part = slice(index, index + 1)
                if (clip.start + index) % every < 3:
                    one = Excerpt(
                        clip.start + index,
                        clip.pts[part],
                        clip.frames[part],
                        explained.obfuscated.frames[part],
                        explained.opacity[part] > 0,
                        explained.opacity[part] >= 1,
                    )
                    recent.append(shrink(one, short_side))
                if len(recent) == 3:
                    excerpts.append(_joined(recent))
                    recent = []
        on_progress(number + 1)
    return excerpts


def _first(clips: Iterable[Clip], frames: int) -> Iterator[Clip]:
    for clip in clips:
        if clip.start >= frames:
            return
        yield clip


def _joined(parts: Sequence[Excerpt]) -> Excerpt:
    return Excerpt(
        parts[0].start,
        tuple(pts for part in parts for pts in part.pts),
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("original", "output", "touched", "core")
        ),
    )

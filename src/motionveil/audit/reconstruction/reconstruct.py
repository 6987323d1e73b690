"""Runs all attacks on all excerpts and judges them against their floor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from ... import ops
from ..._core.errors import MotionveilError, OptionError
from ..._core.types import Clip, UInt8Array
from ..footage import BoolArray, Excerpt, Remake
from .attack import Attack, Case, Nothing, NotRunError, PreparedAttack
from .deblurring import Deblurring
from .denoising import Denoising
from .depixelation import Depixelation
from .evidence import Evidence, Scene, resized
from .known_noise import KnownNoise
from .known_seed import KnownSeed
from .recolouring import Recolouring
from .similarity import psnr, ssim
from .temporal import TemporalAveraging
from .trained import AttackerTraining, TrainedNetwork

ATTACKS: dict[str, Callable[..., Attack]] = {
    "none": Nothing,
    "recolouring": Recolouring,
    "known_seed": KnownSeed,
    "known_noise": KnownNoise,
    "temporal_averaging": TemporalAveraging,
    "denoising": Denoising,
    "deblurring": Deblurring,
    "depixelation": Depixelation,
    "trained_network": TrainedNetwork,
}
"""Attacks by name, in order of execution. To add one, write a module and add a line here."""

OnProgress = Callable[[str, float], None]
"""Called with the name of an attack and the fraction done."""


@dataclass(frozen=True)
class RecoveredFrames:
    """Original, output and recovered frames of one excerpt: (K, H, W, 3) uint8 each.

    core: (K, H, W) bool, where they are compared. indices: frame numbers in the video. Outside altered areas, recovered
    frames show the output.
    """

    indices: tuple[int, ...]
    original: UInt8Array
    output: UInt8Array
    recovered: UInt8Array
    floor_recovered: UInt8Array
    core: BoolArray

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns around the core of all frames with a small margin; everything if the core is empty."""
        around = []
        for axis, length in ((2, self.core.shape[1]), (1, self.core.shape[2])):
            found = np.flatnonzero(self.core.any((0, axis)))
            first, last = (int(found[0]), int(found[-1])) if len(found) else (0, length)
            margin = (last - first) // 10 + 2
            around.append(slice(max(0, first - margin), min(length, last + margin + 1)))
        return around[0], around[1]


@dataclass(frozen=True)
class Recovery:
    """What an attack recovered of the core, and what the same attack yields without information (the floor).

    Attributes:
        psnr: PSNR in dB of the best setting, over all core pixels of all excerpts.
        ssim: SSIM of that setting.
        floor_psnr: PSNR of the best setting on the same frames with altered areas in a single grey.
        floor_ssim: SSIM of that setting.
        not_run: Why there are no figures; None if there are.
    """

    name: str
    summary: str
    psnr: float = float("nan")
    floor_psnr: float = float("nan")
    ssim: float = float("nan")
    floor_ssim: float = float("nan")
    setting: str = ""
    floor_setting: str = ""
    moments: tuple[RecoveredFrames, ...] = ()
    not_run: str | None = None

    @property
    def gain(self) -> float:
        """PSNR above the floor in dB; about 0 or less if nothing was recovered."""
        return self.psnr - self.floor_psnr


def reconstruct(
    excerpts: Sequence[Excerpt],
    *,
    attacks: Sequence[str] | None = None,
    remake: Remake | None = None,
    clips: Callable[[], Iterable[Clip]] | None = None,
    training: Sequence[Excerpt] | None = None,
    how: AttackerTraining | None = None,
    targets: int = 4,
    within: float = 10.0,
    on_progress: OnProgress | None = None,
    on_recovery: Callable[[Recovery], None] | None = None,
) -> dict[str, Recovery]:
    """Run attacks on excerpts, and measure what they recover of their core.

    Args:
        excerpts: Excerpts of original and output.
        attacks: Names in `ATTACKS`; None for all.
        remake: The method, for `known_seed` and `known_noise`.
        clips: Returns the original from its start, for the same attacks.
        training: Excerpts of other videos from `training_excerpts`, for `trained_network`.
        how: Training settings for `trained_network`.
        targets: Number of frames to recover per excerpt, using all others.
        within: Skip excerpts that end later than this many seconds for `known_seed` and `known_noise`, as the method
            has to run up to them.
        on_progress: Called with the name of an attack and the fraction done, from several threads.
        on_recovery: Called with each result once available, from several threads, so that results are kept if a long
            attack is interrupted.

    Raises:
        OptionError: For an unknown attack.
    """
    names = list(ATTACKS) if attacks is None else list(attacks)
    unknown = [name for name in names if name not in ATTACKS]
    if unknown:
        raise OptionError(f"unknown attack {unknown[0]!r}; choose from {', '.join(ATTACKS)}")
    tell = on_progress or (lambda name, share: None)
    case = Case(excerpts, targets, remake, clips, training, within)

    def tried(name: str) -> Recovery:
        tell(name, 0.0)
        attack = TrainedNetwork(how or AttackerTraining()) if name == TrainedNetwork.name else ATTACKS[name]()
        recovery = _tried(attack, case, partial(tell, name))
        tell(name, 1.0)
        if on_recovery is not None:
            on_recovery(recovery)
        return recovery

    for short_side in {ATTACKS[name]().short_side for name in names}:
        case.scenes(short_side)  # before several attacks request them at once
    # Filters run concurrently, one per core; training uses all cores.
    quick = [name for name in names if name != TrainedNetwork.name]
    with ops.single_threaded(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = dict(zip(quick, pool.map(tried, quick), strict=True))
    return {name: found[name] if name in found else tried(name) for name in names}


def _tried(attack: Attack, case: Case, on_progress: Callable[[float], None]) -> Recovery:
    """Run one attack and its floor."""
    try:
        if not any(scene.core.any() for scene in case.scenes(attack.short_side)):
            raise NotRunError("no area is replaced completely, so there is no core to recover")
        prepared = attack.prepare(case.reporting(on_progress))
    except (NotRunError, MotionveilError) as reason:
        return Recovery(attack.name, attack.summary, not_run=str(reason))
    return judged(prepared)


def judged(prepared: PreparedAttack) -> Recovery:
    """Judge attack and floor at their best settings."""
    scenes = prepared.scenes
    best = _best(prepared.attack, [scene.evidence for scene in scenes], scenes)
    floor = _best(prepared.on_floor, [scene.floor for scene in scenes], scenes)
    moments = tuple(
        RecoveredFrames(scene.indices, scene.original, scene.output, first, second, scene.core)
        for scene, first, second in zip(scenes, best.frames, floor.frames, strict=True)
    )
    attack = prepared.attack
    return Recovery(
        attack.name, attack.summary, best.psnr, floor.psnr, best.ssim, floor.ssim, best.setting, floor.setting, moments
    )


@dataclass(frozen=True)
class _Best:
    setting: str
    psnr: float
    ssim: float
    frames: list[UInt8Array]


def _best(attack: Attack, evidences: Sequence[Evidence], scenes: Sequence[Scene]) -> _Best:
    """The setting that recovers most over all scenes; the attacker is granted the best choice."""
    best: tuple[float, str, list[UInt8Array]] | None = None
    # All excerpts advance in parallel, so that only the best frames are kept.
    for candidates in zip(*(attack.recover(evidence) for evidence in evidences), strict=True):
        pictures = [_fitted(frames, e, s) for (_, frames), e, s in zip(candidates, evidences, scenes, strict=True)]
        value = psnr((s.original, p, s.core) for s, p in zip(scenes, pictures, strict=True))
        if best is None or value > best[0]:
            best = value, candidates[0][0], pictures
    assert best is not None
    value, setting, pictures = best
    return _Best(setting, value, ssim((s.original, p, s.core) for s, p in zip(scenes, pictures, strict=True)), pictures)


def _fitted(recovered: UInt8Array, evidence: Evidence, scene: Scene) -> UInt8Array:
    """The recovery within altered areas, at the size at which it is judged."""
    touched = evidence.touched[list(evidence.targets)][..., None]
    whole = np.where(touched, recovered, evidence.frames[list(evidence.targets)])
    return resized(whole, (scene.original.shape[1], scene.original.shape[2]))

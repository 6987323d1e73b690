"""Every attack on every excerpt, judged against its floor."""

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
from .attack import Attack, Case, Nothing, NotRunError, Trial
from .deblurring import Deblurring
from .denoising import Denoising
from .depixelation import Depixelation
from .evidence import Evidence, Scene, resized
from .known_noise import KnownNoise
from .known_seed import KnownSeed
from .recolouring import Recolouring
from .similarity import psnr, ssim
from .temporal import TemporalAveraging
from .trained import TrainedNetwork, Training

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
"""Attacks by name, in the order in which they are run; a new one is one file and one line here."""

OnProgress = Callable[[str, float], None]
"""Called with the name of an attack and the share of it that is done."""


@dataclass(frozen=True)
class Moments:
    """Frames of one excerpt as they were, as they are shown, and as they were recovered: (K, H, W, 3) uint8 each.

    core: (K, H, W) bool, where they are compared. indices: of the frames in the video. Where nothing was touched,
    recovered frames show the output.
    """

    indices: tuple[int, ...]
    original: UInt8Array
    output: UInt8Array
    recovered: UInt8Array
    floor_recovered: UInt8Array
    core: BoolArray

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns that show the core of all frames, and a little around it; everything where there is none."""
        around = []
        for axis, length in ((2, self.core.shape[1]), (1, self.core.shape[2])):
            found = np.flatnonzero(self.core.any((0, axis)))
            first, last = (int(found[0]), int(found[-1])) if len(found) else (0, length)
            margin = (last - first) // 10 + 2
            around.append(slice(max(0, first - margin), min(length, last + margin + 1)))
        return around[0], around[1]


@dataclass(frozen=True)
class Recovery:
    """What an attack recovered of the core, and what the same attack finds where there is nothing to find.

    psnr, ssim: of the setting that is best by PSNR, over all pixels of the core of all excerpts. floor_psnr,
    floor_ssim: of the best setting on the same frames with one grey where anything was touched. not_run: why there are
    no figures.
    """

    name: str
    summary: str
    psnr: float = float("nan")
    floor_psnr: float = float("nan")
    ssim: float = float("nan")
    floor_ssim: float = float("nan")
    setting: str = ""
    floor_setting: str = ""
    moments: tuple[Moments, ...] = ()
    not_run: str | None = None

    @property
    def gain(self) -> float:
        """PSNR above the floor in dB; at most about 0 where nothing came back."""
        return self.psnr - self.floor_psnr


def reconstruct(
    excerpts: Sequence[Excerpt],
    *,
    attacks: Sequence[str] | None = None,
    remake: Remake | None = None,
    clips: Callable[[], Iterable[Clip]] | None = None,
    training: Sequence[Excerpt] | None = None,
    how: Training | None = None,
    targets: int = 4,
    within: float = 10.0,
    on_progress: OnProgress | None = None,
    on_recovery: Callable[[Recovery], None] | None = None,
) -> dict[str, Recovery]:
    """Try every attack (default all; names from `ATTACKS`) on the excerpts, and say what it recovered of their core.

    remake, clips: the method and the original from its start, for `known_seed` and `known_noise`; excerpts that end
    after `within` seconds are left out there, since the method has to run up to them. training: excerpts of others
    from `training_excerpts`, for `trained_network`; how: how long it learns. targets: frames of each excerpt that are
    recovered, with the help of all others. on_recovery: is given each recovery as soon as it is known, so that the
    others are kept if a long one is broken off. Both are called from several threads.
    Raises OptionError for an unknown attack.
    """
    names = list(ATTACKS) if attacks is None else list(attacks)
    unknown = [name for name in names if name not in ATTACKS]
    if unknown:
        raise OptionError(f"no attack {unknown[0]!r}; choose from {', '.join(ATTACKS)}")
    tell = on_progress or (lambda name, share: None)
    case = Case(excerpts, targets, remake, clips, training, within)

    def tried(name: str) -> Recovery:
        tell(name, 0.0)
        attack = TrainedNetwork(how or Training()) if name == TrainedNetwork.name else ATTACKS[name]()
        recovery = _tried(attack, case, partial(tell, name))
        tell(name, 1.0)
        if on_recovery is not None:
            on_recovery(recovery)
        return recovery

    for short_side in {ATTACKS[name]().short_side for name in names}:
        case.scenes(short_side)  # before several attacks ask for them at once
    # Filters run side by side, one to a processor; learning takes all of them.
    quick = [name for name in names if name != TrainedNetwork.name]
    with ops.single_threaded(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = dict(zip(quick, pool.map(tried, quick), strict=True))
    return {name: found[name] if name in found else tried(name) for name in names}


def _tried(attack: Attack, case: Case, on_progress: Callable[[float], None]) -> Recovery:
    """One attack and its floor."""
    try:
        if not any(scene.core.any() for scene in case.scenes(attack.short_side)):
            raise NotRunError("nowhere is the picture replaced completely, so there is no core to recover")
        trial = attack.trial(case.reporting(on_progress))
    except (NotRunError, MotionveilError) as reason:
        return Recovery(attack.name, attack.summary, not_run=str(reason))
    return judged(trial)


def judged(trial: Trial) -> Recovery:
    """Attack and floor at the best setting of each."""
    scenes = trial.scenes
    best = _best(trial.attack, [scene.evidence for scene in scenes], scenes)
    floor = _best(trial.on_floor, [scene.floor for scene in scenes], scenes)
    moments = tuple(
        Moments(scene.indices, scene.original, scene.output, first, second, scene.core)
        for scene, first, second in zip(scenes, best.frames, floor.frames, strict=True)
    )
    attack = trial.attack
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
    """The setting that recovers most of all scenes together: the attacker is given the best."""
    best: tuple[float, str, list[UInt8Array]] | None = None
    # All excerpts advance side by side, so that only the best frames are kept.
    for candidates in zip(*(attack.recover(evidence) for evidence in evidences), strict=True):
        pictures = [_fitted(frames, e, s) for (_, frames), e, s in zip(candidates, evidences, scenes, strict=True)]
        value = psnr((s.original, p, s.core) for s, p in zip(scenes, pictures, strict=True))
        if best is None or value > best[0]:
            best = value, candidates[0][0], pictures
    assert best is not None
    value, setting, pictures = best
    return _Best(setting, value, ssim((s.original, p, s.core) for s, p in zip(scenes, pictures, strict=True)), pictures)


def _fitted(recovered: UInt8Array, evidence: Evidence, scene: Scene) -> UInt8Array:
    """What was recovered within what was seen, at the size at which it is judged."""
    touched = evidence.touched[list(evidence.targets)][..., None]
    whole = np.where(touched, recovered, evidence.frames[list(evidence.targets)])
    return resized(whole, (scene.original.shape[1], scene.original.shape[2]))

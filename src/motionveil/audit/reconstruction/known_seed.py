"""Known seed: the attacker regenerates the noise and subtracts it where opacity is below 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np

from ..._core.types import Clip, Float32Array, UInt8Array
from ..footage import Excerpt, Remake
from .attack import Attack, Candidate, Case, NotRunError, PreparedAttack
from .evidence import Evidence, Scene, resized, shrunk_size

_SEED = 1
LIMITS = (1 - 1 / 255, 0.95, 0.8, 0.5, 0.02)
"""Opacities above which a pixel is estimated from its neighbours instead of computed."""


def uncovered(frame: UInt8Array, filling: UInt8Array, opacity: Float32Array) -> UInt8Array:
    """Eq. 5 solved for the original: I = (O - S N) / (1 - S), (H, W, 3) uint8; undefined where S is 1."""
    share = opacity[..., None]
    picture = (frame - share * filling) / np.maximum(1 - share, 1e-6)
    return (np.clip(picture, 0, 255) + 0.5).astype(np.uint8)


def spread(picture: UInt8Array, weights: Float32Array) -> UInt8Array:
    """The image (H, W, 3) where `weights` (H, W) are above 0; elsewhere a weighted mean of the surroundings.

    Normalised convolution (Knutsson & Westin, CVPR 1993), with growing radius until all pixels are filled.
    """
    result = picture.copy()
    missing = weights <= 0
    weighted = (picture * weights[..., None]).astype(np.float32)
    for sigma in (1.5, 6.0, 24.0, 96.0):
        if not missing.any():
            break
        # Wide averages are smooth, so they can be computed at a lower resolution.
        size = max(1, round(picture.shape[1] * 1.5 / sigma)), max(1, round(picture.shape[0] * 1.5 / sigma))
        small = [cv2.resize(values, size, interpolation=cv2.INTER_AREA) for values in (weighted, weights)]
        total, near = (
            cv2.resize(cv2.GaussianBlur(values, (0, 0), 1.5), weights.shape[::-1], interpolation=cv2.INTER_LINEAR)
            for values in small
        )
        filled = missing & (near > 1e-4)
        result[filled] = total[filled] / near[filled, None] + 0.5
        missing &= ~filled
    return result


class KnownSeed(Attack):
    """Runs the method again with a seed known to the attacker, and attacks its unencoded output.

    The worst case: all terms of the blend are known, and no codec has rounded anything.
    """

    name = "known_seed"
    summary = "With the seed of the noise, subtracts it wherever the original shows through."
    short_side = 320

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """The output as it is; then computed up to several opacities, and estimated above."""
        assert evidence.opacity is not None
        assert evidence.filling is not None
        frames = evidence.frames[list(evidence.targets)]
        yield "as it is", frames
        known = [uncovered(*known) for known in zip(frames, evidence.filling, evidence.opacity, strict=True)]
        for limit in LIMITS:
            pictures = [
                # Almost covered pixels carry large rounding errors, so their weight is smaller.
                spread(picture, np.where(opacity < limit, (1 - opacity) ** 2, 0).astype(np.float32))
                for picture, opacity in zip(known, evidence.opacity, strict=True)
            ]
            yield f"computed below an opacity of {limit:.3g}", np.stack(pictures)

    def prepare(self, case: Case) -> PreparedAttack:
        """The excerpts, processed by the method with a known seed."""
        # Noise and equations apply at the full size; only recoveries are downsampled, to be judged like the others.
        return PreparedAttack(self.checked(reenacted(case, *remade_with(case), self.short_side), case), self, self)

    def checked(self, scenes: list[Scene], case: Case) -> list[Scene]:
        """The scenes. Raises NotRunError if nothing in them can be judged."""
        if not any(scene.core.any() for scene in scenes):
            raise NotRunError(f"no replaced area can be judged in the first {case.within:g} seconds")
        return scenes


def remade_with(case: Case) -> tuple[Remake, Callable[[], Iterable[Clip]]]:
    """The method and the original to run it on. Raises NotRunError if either is unknown."""
    if case.remake is None or case.clips is None:
        raise NotRunError("the settings of the output are unknown, so it cannot be regenerated with a seed")
    return case.remake, case.clips


def reenacted(case: Case, remake: Remake, clips: Callable[[], Iterable[Clip]], short_side: int) -> list[Scene]:
    """Process the excerpts that end within `Case.within` seconds again: evidence at full size, the rest downsampled."""
    plans = {
        index: scene
        for index, (excerpt, scene) in enumerate(zip(case.excerpts, case.scenes(short_side), strict=True))
        if _seconds_to(excerpt) <= case.within
    }
    wanted = {index for scene in plans.values() for index in scene.indices}
    if not wanted:
        return []
    frames: dict[int, tuple[UInt8Array, UInt8Array, Float32Array]] = {}
    for explained in remake(_SEED).explain(_until(clips(), max(wanted))):
        start = explained.original.start
        for number in range(len(explained.original)):
            if start + number in wanted:
                frames[start + number] = (
                    explained.obfuscated.frames[number].copy(),
                    explained.filling[number].copy(),
                    explained.opacity[number].copy(),
                )
        case.on_progress(min(1.0, (start + len(explained.original)) / (max(wanted) + 1)))
    if wanted - frames.keys():
        raise NotRunError("the original ends before the output does")
    scenes = []
    for scene in plans.values():
        made, filling, opacity = (np.stack(parts) for parts in zip(*(frames[i] for i in scene.indices), strict=True))
        evidence = Evidence(made, opacity > 0, tuple(range(len(made))), opacity, filling)
        small = resized(made, shrunk_size(made.shape[1:3], short_side))
        scenes.append(replace(scene, evidence=evidence, output=small))
    return scenes


def _seconds_to(excerpt: Excerpt) -> float:
    """Seconds from the first frame of the video, at whatever time, to the end of an excerpt."""
    step = excerpt.pts[1] - excerpt.pts[0] if len(excerpt.pts) > 1 else 0
    return float(excerpt.pts[-1] - excerpt.pts[0] + excerpt.start * step)


def _until(clips: Iterable[Clip], last: int) -> Iterator[Clip]:
    for clip in clips:
        yield clip
        if clip.start + len(clip) > last:
            return

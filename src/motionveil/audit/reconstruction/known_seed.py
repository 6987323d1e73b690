"""Who knows the seed knows the noise, and takes it off again wherever it is not all there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np

from ..._core.types import Clip, Float32Array, UInt8Array
from ..footage import Excerpt, Remake
from .attack import Attack, Candidate, Case, NotRunError, Trial
from .evidence import Evidence, Scene, resized, shrunk_size

_SEED = 1
LIMITS = (1 - 1 / 255, 0.95, 0.8, 0.5, 0.02)
"""Opacities from which on a pixel is guessed from its neighbours instead of computed."""


def uncovered(frame: UInt8Array, filling: UInt8Array, opacity: Float32Array) -> UInt8Array:
    """Eq. 5 solved for the picture: I = (O - S N) / (1 - S), (H, W, 3) uint8; where S is 1 it means nothing."""
    share = opacity[..., None]
    picture = (frame - share * filling) / np.maximum(1 - share, 1e-6)
    return (np.clip(picture, 0, 255) + 0.5).astype(np.uint8)


def spread(picture: UInt8Array, weights: Float32Array) -> UInt8Array:
    """The picture (H, W, 3) where `weights` (H, W) are above 0; elsewhere the weighted mean of what is near.

    That is normalised convolution (Knutsson & Westin, CVPR 1993), over wider and wider surroundings until something
    is there.
    """
    result = picture.copy()
    missing = weights <= 0
    weighted = (picture * weights[..., None]).astype(np.float32)
    for sigma in (1.5, 6.0, 24.0, 96.0):
        if not missing.any():
            break
        # Wide averages are smooth: a smaller copy is enough for them.
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
    """The method is run once more with a seed that the attacker knows, and its output attacked as it left the method.

    That is the worst case: every number of the blend is known, and no codec has rounded anything.
    """

    name = "known_seed"
    summary = "Somebody who knows the seed of the noise subtracts it wherever the picture shows through."
    short_side = 320

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """The output as it is; then computed up to several opacities, and guessed beyond."""
        assert evidence.opacity is not None
        assert evidence.filling is not None
        frames = evidence.frames[list(evidence.targets)]
        yield "as it is", frames
        known = [uncovered(*known) for known in zip(frames, evidence.filling, evidence.opacity, strict=True)]
        for limit in LIMITS:
            pictures = [
                # What little is left of a pixel was rounded: it weighs less with its neighbours.
                spread(picture, np.where(opacity < limit, (1 - opacity) ** 2, 0).astype(np.float32))
                for picture, opacity in zip(known, evidence.opacity, strict=True)
            ]
            yield f"computed below an opacity of {limit:.3g}", np.stack(pictures)

    def trial(self, case: Case) -> Trial:
        """The excerpts as the method makes them with a known seed."""
        # Noise and equations belong to the full size; only what is recovered is shrunk, to be judged like the others.
        return Trial(self.checked(reenacted(case, *remade_with(case), self.short_side), case), self, self)

    def checked(self, scenes: list[Scene], case: Case) -> list[Scene]:
        """The scenes. Raises NotRunError where nothing in them is judged."""
        if not any(scene.core.any() for scene in scenes):
            raise NotRunError(f"nothing that is replaced in the first {case.within:g} seconds is looked at")
        return scenes


def remade_with(case: Case) -> tuple[Remake, Callable[[], Iterable[Clip]]]:
    """What it takes to run the method again. Raises NotRunError where that is not known."""
    if case.remake is None or case.clips is None:
        raise NotRunError("the settings that made the output are not known, so it cannot be made again with a seed")
    return case.remake, case.clips


def reenacted(case: Case, remake: Remake, clips: Callable[[], Iterable[Clip]], short_side: int) -> list[Scene]:
    """The excerpts that end within `Case.within` seconds, remade: evidence at full size, the rest shrunk."""
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
        raise NotRunError("the original that was given ends before the output does")
    scenes = []
    for scene in plans.values():
        made, filling, opacity = (np.stack(parts) for parts in zip(*(frames[i] for i in scene.indices), strict=True))
        evidence = Evidence(made, opacity > 0, tuple(range(len(made))), opacity, filling)
        small = resized(made, shrunk_size(made.shape[1:3], short_side))
        scenes.append(replace(scene, evidence=evidence, output=small))
    return scenes


def _seconds_to(excerpt: Excerpt) -> float:
    """From the first frame of the video, whatever its clock says, to the end of an excerpt."""
    step = excerpt.pts[1] - excerpt.pts[0] if len(excerpt.pts) > 1 else 0
    return float(excerpt.pts[-1] - excerpt.pts[0] + excerpt.start * step)


def _until(clips: Iterable[Clip], last: int) -> Iterator[Clip]:
    for clip in clips:
        yield clip
        if clip.start + len(clip) > last:
            return

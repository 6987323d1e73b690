"""Known noise: the noise of a half-covered outline is visible at full strength beside it, and can be subtracted."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..._core.types import Clip, UInt8Array, VideoInfo
from ...video import VideoWriter, open_source
from .attack import Case, PreparedAttack
from .evidence import Scene
from .known_seed import KnownSeed, reenacted, remade_with


class KnownNoise(KnownSeed):
    """Noise and opacity are known, but not the seed. Unlike with `KnownSeed`, the output has been encoded.

    Judged on people including their outline, where the original may show through.
    """

    name = "known_noise"
    summary = "Reads the noise where it is at full strength, and subtracts it where people are half covered."

    def prepare(self, case: Case) -> PreparedAttack:
        """The excerpts, processed by the method and encoded with default settings."""
        remake, clips = remade_with(case)
        excerpts = [
            excerpt if excerpt.people is None else replace(excerpt, core=excerpt.people & excerpt.touched)
            for excerpt in case.excerpts
        ]
        scenes = reenacted(replace(case, excerpts=excerpts, _scenes={}), remake, clips, self.short_side)
        return PreparedAttack([_released(scene) for scene in self.checked(scenes, case)], self, self)


def _released(scene: Scene) -> Scene:
    """The scene with evidence that was encoded."""
    frames = encoded(scene.evidence.frames)
    return replace(scene, evidence=replace(scene.evidence, frames=frames))


def encoded(frames: UInt8Array) -> UInt8Array:
    """Frames (T, H, W, 3) after encoding with default settings."""
    count, height, width = frames.shape[:3]
    # Encoders require even sides.
    wide = np.pad(frames, [(0, 0), (0, height % 2), (0, width % 2), (0, 0)], mode="edge")
    info = VideoInfo(
        width=wide.shape[2], height=wide.shape[1], frame_rate=Fraction(25), num_frames=count,
        duration=Fraction(count, 25), codec="h264", pixel_format="yuv420p",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "released.mp4"
        with VideoWriter(path, info) as writer:
            writer.write(Clip(wide, 0, tuple(Fraction(t, 25) for t in range(count))))
        with open_source(path) as source:
            return np.concatenate([clip.frames for clip in source])[:, :height, :width]

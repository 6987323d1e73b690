"""The noise of a half-covered rim is seen at full strength beside it: it can be taken off there."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..._core.types import Clip, UInt8Array, VideoInfo
from ...video import VideoWriter, open_source
from .attack import Case, Trial
from .evidence import Scene
from .known_seed import KnownSeed, reenacted, remade_with


class KnownNoise(KnownSeed):
    """Noise and opacity are given away, but not the seed: what is subtracted from was encoded, as all that is released.

    Judged on all of the people, with their outline: that is where something may show through.
    """

    name = "known_noise"
    summary = "The noise is known from where it is seen at full strength, and taken off where people are half covered."

    def trial(self, case: Case) -> Trial:
        """The excerpts as the method makes them, encoded with the tool's defaults."""
        remake, clips = remade_with(case)
        excerpts = [
            excerpt if excerpt.people is None else replace(excerpt, core=excerpt.people & excerpt.touched)
            for excerpt in case.excerpts
        ]
        scenes = reenacted(replace(case, excerpts=excerpts, _scenes={}), remake, clips, self.short_side)
        return Trial([_released(scene) for scene in self.checked(scenes, case)], self, self)


def _released(scene: Scene) -> Scene:
    """The scene whose evidence went through the encoder."""
    frames = encoded(scene.evidence.frames)
    return replace(scene, evidence=replace(scene.evidence, frames=frames))


def encoded(frames: UInt8Array) -> UInt8Array:
    """Frames (T, H, W, 3) as they come out of the file that the tool writes by default."""
    count, height, width = frames.shape[:3]
    # Encoders want even sides.
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

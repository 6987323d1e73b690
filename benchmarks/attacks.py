"""What attackers get back from every filler and both presets, and how much motion each keeps.

    python benchmarks/attacks.py --data DIR --weights DIR -o DIR [--only METHOD,…] [--frames 72] [--steps 600]

Eight clips of eight people are obfuscated, written as H.264 as the tool writes it, read again and attacked as the audit
does. All fillers replace the same region, that of `secure`, and are judged on the same core, where its opacity is 1,
8 pixels away from its edge. Rows go to DIR/attacks.jsonl, one per method; a run that was broken off goes on where it
stopped. When all are there, DIR/attacks.md and DIR/attacks.png are drawn from them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import motionveil
from motionveil import ops
from motionveil.audit.detectors import YuNet
from motionveil.audit.footage import Window
from motionveil.audit.motion import motion_kept
from motionveil.audit.reconstruction import Recovery, Training, reconstruct, training_windows
from motionveil.audit.reconstruction.similarity import psnr
from motionveil.audit.redetection import SAME, overlap
from motionveil.building import build_obfuscator, make_filler
from motionveil.flow import FLOW_ESTIMATORS, FlowEstimator
from motionveil.obfuscators import Selective
from motionveil.presets import get_preset
from motionveil.types import Clip, Float32Array, UInt8Array

TESTED = {
    "help": ("asl/help.mkv", 0.0),
    "hungry": ("asl/hungry.mkv", 0.0),
    "milk": ("asl/milk.mkv", 0.0),
    "bedroom": ("bedroom.mp4", 0.5),
    "portrait": ("pexels_portrait.mp4", 1.0),
    "pose": ("pexels_pose.mp4", 1.0),
    "exercise": ("exercise.avi", 2.0),
    "clean_and_jerk": ("clean_and_jerk.mp4", 1.0),
}
"""Clips that are attacked: name → file in clips/, second to begin at. Eight people."""
LEARNED_FROM = (
    "asl/book.mkv", "asl/eat.mkv", "arm_wrestling.mp4", "skateboarding.mp4", "pool_cleaning.mp4",
    "flipping_a_pancake.mkv", "pexels_gym.mp4", "structuralize.mp4",
)  # fmt: skip
"""Clips that the trained attacker sees: other people."""
METHODS = (
    "secure", "paper", "iid_noise", "static_noise", "solid", "inpaint", "mean_fill", "blur_weak", "blur_strong",
    "blur_relative", "pixelate_4", "pixelate_16", "pixelate_relative", "resample",
)  # fmt: skip
"""Fillers in the region of `secure`; `secure` itself with motion noise; `paper` with its own region."""
WINDOW, WINDOWS = 10, 2
EDGE = 8
SEED = 11


class Replayed:
    """A region that is known already."""

    def __init__(self, opacity: Sequence[Float32Array]) -> None:
        self.opacity = opacity

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        for clip in clips:
            yield np.stack(self.opacity[clip.start : clip.start + len(clip)])


@dataclass
class Subject:
    """A clip with all that does not depend on the filler."""

    name: str
    clips: list[Clip]
    opacity: list[Float32Array]
    info: motionveil.VideoInfo
    faces: list[list[tuple[float, float, float, float]]]

    @property
    def frames(self) -> UInt8Array:
        return np.concatenate([clip.frames for clip in self.clips])

    def starts(self) -> list[int]:
        """Of the windows in which most is covered, one in each part of the clip."""
        areas = [float((opacity == 1).mean()) for opacity in self.opacity]
        part = len(areas) // WINDOWS
        sums = [sum(areas[i : i + WINDOW]) for i in range(len(areas) - WINDOW + 1)]
        return [
            max(
                range(k * part, min((k + 1) * part, len(sums)) - (WINDOW if k + 1 < WINDOWS else 0)),
                key=sums.__getitem__,
            )
            for k in range(WINDOWS)
        ]


def load(path: Path, start: float, count: int) -> tuple[list[Clip], motionveil.VideoInfo]:
    """So many frames, at a short side of at most 480."""
    info = motionveil.probe(path)
    size = min(480, info.width, info.height)
    frames: list[UInt8Array] = []
    with motionveil.open_source(path, start=start, size=size) as source:
        info = source.info
        for clip in source:
            frames += list(clip.frames)
            if len(frames) >= count:
                break
    frames = frames[:count]
    rate = info.frame_rate
    clips = [
        Clip(np.stack(frames[i : i + 8]), i, tuple(Fraction(t) / rate for t in range(i, min(i + 8, len(frames)))))
        for i in range(0, len(frames), 8)
    ]
    return clips, replace(info, num_frames=len(frames), start=Fraction(0), has_audio=False)


def subject(name: str, data: Path, count: int, method: Selective, detector: YuNet) -> Subject:
    file, start = TESTED[name]
    clips, info = load(data / "clips" / file, start, count)
    explained = list(method.explain(clips))
    moving = [replace(item.original, opacity=None) for item in explained]
    opacity = [frame for item in explained for frame in item.opacity]
    frames = np.concatenate([clip.frames for clip in clips])
    return Subject(name, moving, opacity, info, [[found.box for found in faces] for faces in detector(frames)])


def released(path: Path, info: motionveil.VideoInfo, clips: Iterable[Clip]) -> UInt8Array:
    """The frames as somebody gets them who is given the file."""
    with motionveil.VideoWriter(path, info) as writer:
        for clip in clips:
            writer.write(clip)
    with motionveil.open_source(path) as source:
        return np.concatenate([clip.frames for clip in source])


def core_of(opacity: Float32Array) -> Any:
    """Where a frame (H, W) is replaced completely, away from the edge."""
    kernel = np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8)
    return cv2.erode((opacity == 1).astype(np.uint8), kernel, borderValue=1) > 0


def windows_of(subject: Subject, output: UInt8Array, touched: Sequence[Float32Array]) -> list[Window]:
    frames, found = subject.frames, []
    for start in subject.starts():
        part = slice(start, start + WINDOW)
        found.append(
            Window(
                start,
                tuple(Fraction(t) / subject.info.frame_rate for t in range(start, start + WINDOW)),
                frames[part],
                output[part],
                np.stack([opacity > 0 for opacity in touched[part]]),
                np.stack([core_of(opacity) for opacity in subject.opacity[part]]),
            )
        )
    return found


Maker = Callable[[Subject | None, int], Selective]


def maker(method: str, weights: Path) -> Maker:
    """How a method is made: for a subject whose region is known, or (None) for any video."""
    secure = get_preset("secure")
    if method == "paper":
        # DINO's weights are not at hand everywhere: the published region and noise on the embedded encoder and RAFT.
        preset = get_preset("paper").with_features("parts").with_flow("raft", weights=str(weights / "raft-small.pth"))
        return lambda subject, seed: build_obfuscator(preset=preset, seed=seed)
    filler = "motion_noise" if method == "secure" else method
    preset = secure.with_filler(filler)

    def make(subject: Subject | None, seed: int) -> Selective:
        if subject is None:
            return build_obfuscator(preset=preset, seed=seed)
        return Selective(Replayed(subject.opacity), make_filler(filler, seed=seed), motionveil.DISFlow())

    return make

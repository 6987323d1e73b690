"""Actors that the computer draws: their actions are motion alone, their identity is texture alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import cos, pi, sin
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from motionveil._core.atomic_files import write_file
from motionveil._core.errors import InputError, OptionError
from motionveil._core.types import Clip, Float32Array, UInt8Array, VideoInfo
from motionveil.outputs.result_folders import new_folder
from motionveil.video import Encoding, VideoWriter

from ..records import Record, Split, Task
from .annotations import read_table
from .dataset import AnnotatedDataset, Origin, mirrored_names, rotated, split_by

LABELS = "labels.csv"
_COLUMNS = ("video", "subject", "action", "number")


class Pose(NamedTuple):
    """Where an actor is: offset from its centre and size in units of the actor's radius, angle in radians."""

    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0
    size: float = 1.0


MOTIONS: dict[str, Callable[[float], Pose]] = {
    "horizontal": lambda phase: Pose(x=sin(phase)),
    "vertical": lambda phase: Pose(y=sin(phase)),
    "clockwise": lambda phase: Pose(x=cos(phase), y=sin(phase)),
    "anticlockwise": lambda phase: Pose(x=cos(phase), y=-sin(phase)),
    "spin": lambda phase: Pose(angle=phase),
    "pulse": lambda phase: Pose(size=1 + 0.3 * sin(phase)),
}
"""Actions: the pose at a phase in radians. A clip begins at any phase and place, so that single frames tell little."""


class Procedural(AnnotatedDataset):
    """Discs with a texture that move before a textured wall, as `make` draws them; needs no download.

    Task `action`: six motions. Three folds, over which each subject is tested once; no subject is in two parts.
    Task `identity`: whose texture it is. Three folds, over which each clip of a subject and an action is tested once.
    """

    name = "procedural"
    origin = Origin(
        title="Procedural actors",
        url="motionveil itself: motionveil_bench.datasets.procedural.make(ROOT)",
        licence="free of rights",
        size="about 9 MB for 108 clips of 64x64",
        layout="""\
            ROOT/
              labels.csv           (columns video,subject,action,number)
              videos/subject00_spin_00.mkv …""",
    )
    key_file = LABELS
    folds = (3, 3)

    def _make_tasks(self) -> Mapping[str, Task]:
        self._entries = read_table(self.annotations / LABELS, _COLUMNS)
        subjects = tuple(sorted({entry["subject"] for entry in self._entries}))
        action = Task("action", tuple(MOTIONS), mirrored=mirrored_names(tuple(MOTIONS)))
        return {"action": action, "identity": Task("identity", subjects)}

    def _read(self) -> Iterable[Record]:
        self._numbers: dict[str, int] = {}
        for entry in self._entries:
            name = Path(entry["video"]).stem
            self._numbers[name] = entry.integer("number")
            labels = {"action": entry.choice("action", tuple(MOTIONS)), "identity": entry["subject"]}
            yield Record(name, entry["video"], labels, entry["subject"])

    def _split(self, task: str, fold: int) -> Split:
        records = self.records(task)
        if task == "action":
            of_subject = rotated(self.tasks["identity"].classes, fold)
            return split_by(records, lambda record: of_subject[record.subject])
        of_number = rotated(sorted(set(self._numbers.values())), fold)
        return split_by(records, lambda record: of_number[self._numbers[record.name]])


def make(
    root: str | Path,
    *,
    num_subjects: int = 6,
    num_clips: int = 3,
    seed: int = 0,
    size: int = 64,
    num_frames: int = 24,
    overwrite: bool = False,
) -> Procedural:
    """Write the videos and labels.csv, num_clips (>= 3) per subject (>= 3) and action, into a new folder.

    size: of the square frames in pixels, even, at least 32. The same arguments make the same frames, and the folder
    appears whole or not at all. Raises OptionError for settings, OutputError where it cannot be written.
    """
    if min(num_subjects, num_clips) < 3 or size < 32 or size % 2 or num_frames < 2:
        raise OptionError("three subjects, three clips, an even size of 32 pixels and two frames are the least")
    root = Path(root)
    if root.is_dir() and any(root.iterdir()) and not (overwrite and (root / LABELS).is_file()):
        raise InputError(
            f"{root} holds something already; choose another folder, or an older one of its kind to replace"
        )
    rows = [",".join(_COLUMNS)]
    with new_folder(root, overwrite=overwrite) as folder:
        (folder / "videos").mkdir()
        for subject in range(num_subjects):
            for index, action in enumerate(MOTIONS):
                for number in range(num_clips):
                    rng = np.random.default_rng([seed, subject, index, number])
                    texture = subject_texture(subject, num_subjects, seed)
                    frames = draw(texture, MOTIONS[action], num_frames, size, rng)
                    video = f"videos/subject{subject:02}_{action}_{number:02}.mkv"
                    _write(folder / video, frames)
                    rows.append(f"{video},subject{subject:02},{action},{number}")
        write_file(folder / LABELS, ("\n".join(rows) + "\n").encode())
    return Procedural(root)


def subject_texture(subject: int, num_subjects: int, seed: int) -> UInt8Array:
    """A subject's texture (64, 64, 3): blotches of two colours of its own."""
    rng = np.random.default_rng([seed, subject])
    hues = np.array([subject, subject + num_subjects / 3]) / num_subjects * 180 % 180
    light = np.array([[hues[0], 200, 245], [hues[1], 220, 130]], np.uint8)[None]
    colours = cv2.cvtColor(light, cv2.COLOR_HSV2RGB)[0].astype(np.float32)
    share = _blotches(64, 4.0, rng)[..., None]
    return (share * colours[0] + (1 - share) * colours[1]).astype(np.uint8)


def draw(
    texture: UInt8Array, motion: Callable[[float], Pose], num_frames: int, size: int, rng: np.random.Generator
) -> UInt8Array:
    """Frames (num_frames, size, size, 3) of one clip. Place, size, pace, phase and wall come from `rng`."""
    wall = 96 + 64 * _blotches(size, size / 24, rng)[..., None] * rng.uniform(0.6, 1.0, 3).astype(np.float32)
    radius = size * rng.uniform(0.16, 0.22)
    centre = size * rng.uniform(0.36, 0.64, 2)
    begin, turned = rng.uniform(0, 2 * pi, 2)
    pace = 2 * pi / rng.uniform(12, 18)
    distance = np.hypot(*np.indices(texture.shape[:2]) - 31.5)
    edge = np.clip(31 - distance, 0, 1).astype(np.float32)
    actor = np.dstack([texture.astype(np.float32), edge])
    frames = []
    for step in range(num_frames):
        pose = motion(begin + pace * step)
        scale, angle = radius * pose.size / 32, turned + pose.angle
        across, down = centre + 0.7 * radius * np.array([pose.x, pose.y])
        turn = scale * np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
        place = np.array([across, down]) - turn @ [31.5, 31.5]
        drawn = cv2.warpAffine(actor, np.column_stack([turn, place]), (size, size), flags=cv2.INTER_LINEAR)
        frames.append(wall + drawn[..., 3:] * (drawn[..., :3] - wall))
    return np.clip(np.rint(frames), 0, 255).astype(np.uint8)


def _blotches(size: int, grain: float, rng: np.random.Generator) -> Float32Array:
    """Smooth noise (size, size) float32 in [0, 1]."""
    smooth = cv2.GaussianBlur(rng.normal(size=(size, size)).astype(np.float32), (0, 0), grain)
    return ((smooth - smooth.min()) / max(float(np.ptp(smooth)), 1e-6)).astype(np.float32)


def _write(path: Path, frames: UInt8Array, rate: Fraction = Fraction(15)) -> None:
    count, height, width, _ = frames.shape
    info = VideoInfo(width, height, rate, count, count / rate, "ffv1", "bgr0")
    # Without loss, so that the same frames make the same file: x264 on several threads does not always.
    with VideoWriter(path, info, encoding=Encoding(codec="ffv1")) as writer:
        writer.write(Clip(frames, 0, tuple(index / rate for index in range(count))))

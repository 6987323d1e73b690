"""Faces in clips that two of three detectors agree on, found once and kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hiding_tools import ROOT, frames_at, key_of
from benchmarks.people_measures import Box, agreed_faces
from motionveil import drawing, find_weights
from motionveil._core.atomic_files import remove
from motionveil._core.errors import MotionveilError


@dataclass(frozen=True)
class Faces:
    """Faces by frame, of the frames that were looked at; step_s: seconds between these."""

    frames: dict[int, list[Box]]
    step_s: float


def find_faces(
    clips: Path,
    clip: str,
    indices: Sequence[int],
    step_s: float,
    work: Path,
    *,
    python: str | None = None,
    yunet: Path | None = None,
) -> Faces:
    """The faces in these frames of a clip: those in work/faces.json, and where there are none, found by `python`.

    Without both there are no frames. Raises MotionveilError where the detectors fail, WeightsError without YuNet.
    """
    kept = work / "faces.json"
    names = {index: f"{key_of(clip)}/{index:06d}" for index in indices}
    found = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    missing = [index for index, name in names.items() if name not in found]
    if missing and python is not None:
        print(f"faces: {clip}", file=sys.stderr, flush=True)
        pictures = work / "pictures"
        (pictures / key_of(clip)).mkdir(parents=True, exist_ok=True)
        for index, frame in frames_at(clips / clip, missing):
            drawing.write_image(pictures / f"{names[index]}.png", frame)
        script = str(ROOT / "benchmarks" / "face_witnesses.py")
        weights = ["--yunet", str(find_weights("yunet", yunet))]
        done = subprocess.run(
            [python, script, "--pictures", str(pictures), *weights, "--json", str(kept)],
            env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        remove(pictures)
        if done.returncode:
            told = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise MotionveilError(f"{python} found no faces ({told[0]}); install what face_witnesses.py names into it")
        found = json.loads(kept.read_text("utf-8"))
    return Faces({index: agreed_faces(found[name]) for index, name in names.items() if name in found}, step_s)

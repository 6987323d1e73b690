"""Re-detection: whether detectors still find in the output what they found in the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .._core.types import UInt8Array
from .coverage import SMALLEST
from .detectors import Box, Detection
from .footage import BoolArray, Pair

SAME = 0.3
"""Minimum intersection over union of boxes of the same object."""
MARKED = 0.5
"""Minimum fraction of a part's area that is marked again."""
_PICTURES = 3


@dataclass(frozen=True)
class Rate:
    """How often something is redetected.

    frames: examined frames in which it is found in the original. rate: fraction of these in which at least one is found
    at the same place in the output; None without any. invented: number of detections in the output without a
    counterpart in the original, over all frames.
    """

    frames: int
    rate: float | None
    invented: int = 0


@dataclass(frozen=True)
class Redetected:
    """A redetected face. original, output: (h, w, 3) uint8 crops around it. score: in the output."""

    index: int
    at_s: float
    score: float
    original: UInt8Array
    output: UInt8Array


@dataclass(frozen=True)
class RedetectionResult:
    """What is redetected.

    Attributes:
        face_rate: See `Rate`; of all face detectors together.
        face_frames: See `Rate`.
        faces_invented: See `Rate`.
        faces_redetected: Number of frames in which a face is redetected.
        face_reason: Why there is no rate.
        person_rate: Fraction of frames with people in which the embedded encoder still marks at least `MARKED` of
            their area as people.
        parts: The same for each part, as the same part.
        kinds: Results of detectors of other kinds.
        looked_at: Number of examined frames, every `stride`-th.
        pictures: Up to three redetected faces, by descending score.
    """

    face_rate: float | None
    face_frames: int
    faces_redetected: int
    faces_invented: int
    face_reason: str | None
    person_rate: float | None
    person_frames: int
    parts: dict[str, Rate]
    kinds: dict[str, Rate]
    looked_at: int
    stride: int
    pictures: tuple[Redetected, ...]


@dataclass
class _Count:
    frames: int = 0
    again: int = 0
    invented: int = 0

    def result(self) -> Rate:
        return Rate(self.frames, self.again / self.frames if self.frames else None, self.invented)


@dataclass
class Redetection:
    """Accumulates re-detections while footage is read.

    names: of the parts. kinds: of the detectors. stride: frames between examined frames.
    """

    names: Sequence[str]
    kinds: Sequence[str] = ()
    stride: int = 1
    _looked_at: int = 0
    _parts: dict[str, _Count] = field(default_factory=dict)
    _kinds: dict[str, _Count] = field(default_factory=dict)
    _person: _Count = field(default_factory=_Count)
    _pictures: list[Redetected] = field(default_factory=list)

    def add(
        self,
        pair: Pair,
        parts: tuple[BoolArray, BoolArray],
        detections: tuple[Sequence[Detection], Sequence[Detection]] = ((), ()),
    ) -> None:
        """Add a frame. parts: (K, r, c), as found by `PartFinder` in original and output. detections: in both."""
        self._looked_at += 1
        for name, before, after in zip(self.names, *parts, strict=True):
            _mark(self._parts.setdefault(name, _Count()), before, after)
        _mark(self._person, *(np.any(part, axis=0) for part in parts))
        for kind in dict.fromkeys(self.kinds):
            self._match(pair, kind, *([found for found in both if found.kind == kind] for both in detections))

    def _match(self, pair: Pair, kind: str, before: list[Detection], after: list[Detection]) -> None:
        count = self._kinds.setdefault(kind, _Count())
        same = [found for found in after if any(overlap(found.box, known.box) >= SAME for known in before)]
        count.frames += bool(before)
        count.again += bool(same)
        count.invented += len(after) - len(same)
        if kind == "face" and same:
            best = max(same, key=lambda found: found.score)
            self._pictures.append(_cut_out(pair, best))
            self._pictures = sorted(self._pictures, key=lambda picture: -picture.score)[:_PICTURES]

    def result(self) -> RedetectionResult:
        """The accumulated result."""
        kinds = {kind: self._kinds.get(kind, _Count()).result() for kind in dict.fromkeys(self.kinds)}
        faces, person = kinds.get("face", Rate(0, None)), self._person.result()
        reason = None
        if faces.rate is None:
            given = "face" in self.kinds
            reason = "no face was found in the original" if given else "no face detector was given"
        return RedetectionResult(
            face_rate=faces.rate,
            face_frames=faces.frames,
            faces_redetected=self._kinds.get("face", _Count()).again,
            faces_invented=faces.invented,
            face_reason=reason,
            person_rate=person.rate,
            person_frames=person.frames,
            parts={name: self._parts.get(name, _Count()).result() for name in self.names},
            kinds={kind: rate for kind, rate in kinds.items() if kind != "face"},
            looked_at=self._looked_at,
            stride=self.stride,
            pictures=tuple(self._pictures),
        )


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, in [0, 1]."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(0.0, width) * max(0.0, height)
    total = first[2] * first[3] + second[2] * second[3] - shared
    return shared / total if total > 0 else 0.0


def _mark(count: _Count, before: BoolArray, after: BoolArray) -> None:
    area = np.count_nonzero(before)
    if area >= SMALLEST * before.size:
        count.frames += 1
        count.again += int(np.count_nonzero(before & after) >= MARKED * area)


def _cut_out(pair: Pair, found: Detection) -> Redetected:
    """A crop of a face with a margin of half its size."""
    height, width = pair.output.shape[:2]
    x, y, w, h = found.box
    left, right = max(0, int(x - w / 2)), min(width, int(x + 1.5 * w) + 1)
    top, bottom = max(0, int(y - h / 2)), min(height, int(y + 1.5 * h) + 1)
    part = (slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1)))
    return Redetected(pair.index, float(pair.pts), found.score, pair.original[part].copy(), pair.output[part].copy())

"""Figures of a dataset's pictures: the colours that noise may be drawn from, and how far saliency maps overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import numpy.typing as npt

from motionveil._core.errors import InputError
from motionveil.noise import NoiseStatistics, measure_statistics
from motionveil.pipeline.runner import Window, first_frames
from motionveil.video import read_picture

_FRAMES_OF_EACH = 8
Map = npt.NDArray[np.float32]


def dataset_statistics(videos: Iterable[Path]) -> NoiseStatistics:
    """Mean and standard deviation per channel (Eq. 3 of Ilic et al.), every video counting alike.

    A few frames from all over each video are looked at. Raises InputError where one cannot be read, or there is none.
    """
    found = [
        measure_statistics(frames)
        for video in videos
        if (frames := first_frames(video, Window(), seconds=float("inf"), count=_FRAMES_OF_EACH)) is not None
    ]
    if not found:
        raise InputError("no video to measure; check the dataset with: motionveil bench data check")
    means = np.array([each.mean for each in found])
    squares = np.array([each.std for each in found]) ** 2 + means**2
    mean = means.mean(0)
    std = np.sqrt(np.maximum(squares.mean(0) - mean**2, 0))
    return NoiseStatistics((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), measured=True)


@dataclass(frozen=True)
class Overlap:
    """How alike the maps of two attributes are, over all frames that both have: shared saliency (the sum of the smaller
    values by that of the greater ones, 1 for equal maps) and correlation over pixels, as means over frames."""

    one: str
    other: str
    shared: float
    correlation: float
    num_frames: int


def overlaps(folder: Path, other: Path | None = None) -> list[Overlap]:
    """Of maps that `motionveil saliency` wrote: each attribute with each other one in a folder, or each with itself in
    two folders, as made of other templates. Raises InputError where there is nothing to compare."""
    there, elsewhere = _attributes(folder), _attributes(other or folder)
    if other is None:
        pairs = list(combinations_with_replacement(sorted(there), 2))
    else:
        pairs = [(name, name) for name in sorted(there.keys() & elsewhere.keys())]
    found = [_compared(one, there[one], two, elsewhere[two]) for one, two in pairs]
    known = [each for each in found if each.num_frames]
    if not known:
        raise InputError(
            f"no maps to compare in {folder}{f' and {other}' if other else ''}; make them with: motionveil saliency"
        )
    return known


def _attributes(folder: Path) -> dict[str, dict[str, Path]]:
    """The maps by attribute, and by the place of the video and the name of the frame."""
    found: dict[str, dict[str, Path]] = {}
    for settings in sorted(folder.rglob("settings.json")):
        for path in settings.parent.glob("*/*.png"):
            place = f"{settings.parent.relative_to(folder).as_posix()}/{path.stem}"
            found.setdefault(path.parent.name, {})[place] = path
    return found


def _compared(one: str, there: dict[str, Path], other: str, elsewhere: dict[str, Path]) -> Overlap:
    shared, correlations = [], []
    for first, second in _pairs(there, elsewhere):
        greater = float(np.maximum(first, second).sum())
        shared.append(float(np.minimum(first, second).sum()) / greater if greater else 1.0)
        if first.std() and second.std():
            correlations.append(float(np.corrcoef(first.ravel(), second.ravel())[0, 1]))
    mean = float(np.mean(correlations)) if correlations else float("nan")
    return Overlap(one, other, float(np.mean(shared)) if shared else 0.0, mean, len(shared))


def _pairs(there: dict[str, Path], elsewhere: dict[str, Path]) -> Iterator[tuple[Map, Map]]:
    for place in sorted(there.keys() & elsewhere.keys()):
        first, second = (_read(path) for path in (there[place], elsewhere[place]))
        if first.shape != second.shape:
            raise InputError(f"{there[place]} and {elsewhere[place]} differ in size; make both from the same video")
        yield first, second


def _read(path: Path) -> Map:
    return np.asarray(read_picture(path)[..., 0], np.float32)

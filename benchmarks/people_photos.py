"""How well motionveil finds people in labelled photos; `people.py --photos`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import motionveil
from benchmarks.hidden_pixels import AS_IT_WAS, HIDDEN, states_of
from benchmarks.opacity_alone import settings_of
from benchmarks.people_measures import BARE, COVERED
from benchmarks.people_report import table
from motionveil._core.atomic_files import write_file
from motionveil._core.errors import InputError, OptionError
from motionveil._core.types import Clip, Float32Array, UInt8Array
from motionveil.detection.saliency import saliency_maps
from motionveil.obfuscation.factory import choose_region
from motionveil.regions import Region, TemplateSaliency, everything_in

FOLDERS = ("camvid", "nyu_rooms")
SETTINGS = ("still", "film")
PERSON, NOBODY = 1, 0
HEIGHTS = ((0, 20), (20, 40), (40, 80), (80, 160), (160, 10_000))
"""Heights in pixels of what hangs together as person, from, to below."""
_SPECK = 12
"""Pixels: smaller pieces of a person are crumbs of the labels."""
_FAR = 0.03
"""Share of the short side: background that is farther away from people is touched for no reason."""
_LEVELS = 4096


def photos_in(folder: Path) -> Iterator[tuple[str, UInt8Array, UInt8Array]]:
    """Name, photo and labels (H, W): 1 person, 0 nobody, 255 not to be judged. Raises InputError without photos."""
    paths = sorted((folder / "images").glob("*.jpg"))
    if not paths:
        raise InputError(f"{folder} holds no images/*.jpg; give a folder with judge/ to --data")
    for path in paths:
        labels = cv2.imread(str(folder / "labels" / f"{path.stem}.png"), cv2.IMREAD_UNCHANGED)
        if labels is None:
            raise InputError(f"{folder} holds no labels of {path.name}; give each image a labels/NAME.png")
        yield path.stem, motionveil.read_picture(path), np.asarray(labels, np.uint8)


def seen(region: Region, photo: UInt8Array) -> tuple[UInt8Array, Float32Array]:
    """States and saliency (H, W), the greatest over the templates, of a photo as the only frame of a film."""
    clip = Clip(photo[None], 0, (Fraction(0),), (None,))
    opacity = next(iter(region.stream([clip])))[0]
    maps = [
        saliency_maps(photo, part.templates, part.extractor).max(0)
        for part in everything_in(region)
        if isinstance(part, TemplateSaliency)
    ]
    return states_of(opacity), np.max(maps, 0) if maps else np.zeros(photo.shape[:2], np.float32)


def average_precision(scores: Float32Array, truth: Any) -> float | None:
    """Area under precision over recall, of pixels with scores in [0, 1]; None where nothing is true.

    The sum over thresholds of precision times the recall that each adds, at 4096 of them.
    """
    return _precision(*_levels(scores, truth))


def _levels(scores: Float32Array, truth: Any) -> tuple[Any, Any]:
    level = np.clip((scores * (_LEVELS - 1)).astype(int), 0, _LEVELS - 1)
    return np.bincount(level[truth], minlength=_LEVELS), np.bincount(level[~truth], minlength=_LEVELS)


def _precision(right: Any, wrong: Any) -> float | None:
    if not right.sum():
        return None
    hits, misses = right[::-1].cumsum(), wrong[::-1].cumsum()
    precision = hits / np.maximum(1, hits + misses)
    return float((precision * right[::-1]).sum() / right.sum())


@dataclass
class Tally:
    """What is known of one folder under one setting."""

    person: int = 0
    hidden: int = 0
    nobody: int = 0
    touched: int = 0
    far: int = 0
    far_touched: int = 0
    right: Any = field(default_factory=lambda: np.zeros(_LEVELS, np.int64))
    wrong: Any = field(default_factory=lambda: np.zeros(_LEVELS, np.int64))
    pieces: list[dict[str, float]] = field(default_factory=list)

    def add(self, states: UInt8Array, saliency: Float32Array, labels: UInt8Array) -> None:
        """Take a photo."""
        person, nobody = labels == PERSON, labels == NOBODY
        self.person += int(person.sum())
        self.hidden += int((states[person] == HIDDEN).sum())
        self.nobody += int(nobody.sum())
        self.touched += int((states[nobody] != AS_IT_WAS).sum())
        reach = 2 * round(_FAR * min(labels.shape)) + 1
        near = cv2.dilate((~nobody).astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
        self.far += int((~near).sum())
        self.far_touched += int((states[~near] != AS_IT_WAS).sum())
        judged = person | nobody
        right, wrong = _levels(saliency[judged], person[judged])
        self.right, self.wrong = self.right + right, self.wrong + wrong
        _, numbers, boxes, _ = cv2.connectedComponentsWithStats(person.astype(np.uint8))
        for number, (_x, _y, _w, height, area) in enumerate(boxes.tolist()):
            if number and area >= _SPECK:
                inside = numbers == number
                share = float((states[inside] == HIDDEN).mean())
                self.pieces.append({"height": height, "pixels": area, "hidden": share})

    def figures(self) -> dict[str, float | None]:
        """Shares; None where there is nothing to judge."""
        found: dict[str, float | None] = {
            "person pixels hidden": _share(self.hidden, self.person),
            "background touched": _share(self.touched, self.nobody),
            f"background touched, {100 * _FAR:.0f} % of the short side away": _share(self.far_touched, self.far),
            "average precision of the saliency": _precision(self.right, self.wrong),
        }
        for low, high in HEIGHTS:
            mine = [piece for piece in self.pieces if low <= piece["height"] < high]
            name = f"{low}–{high} px" if high < HEIGHTS[-1][1] else f"from {low} px"
            pixels = sum(piece["pixels"] for piece in mine)
            hidden = sum(piece["pixels"] * piece["hidden"] for piece in mine)
            found[f"people {name} ({len(mine)}): pixels hidden"] = _share(hidden, pixels)
            found[f"people {name} ({len(mine)}): covered"] = _share(
                sum(p["hidden"] >= COVERED for p in mine), len(mine)
            )
            found[f"people {name} ({len(mine)}): bare"] = _share(sum(p["hidden"] < BARE for p in mine), len(mine))
        return found


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def judge_photos(runs: Sequence[tuple[str, str]], options: argparse.Namespace) -> str:
    """Judge every setting of every run on every folder; writes photos.json and photos.md, and returns the tables."""
    if not runs:
        raise OptionError("photos are judged of motionveil; give --run NAME=OPTIONS")
    results: dict[str, dict[str, dict[str, float | None]]] = {folder: {} for folder in FOLDERS}
    pieces: dict[str, Any] = {}
    for name, text in runs:
        where, networks = settings_of(text)
        for setting in SETTINGS:
            extractor = partial(networks.extractor, still=setting == "still")
            region, _ = choose_region(where, networks.preset, extractor)
            for folder in FOLDERS:
                print(f"{name}, {setting}: {folder}", file=sys.stderr, flush=True)
                tally = Tally()
                for index, (_, photo, labels) in enumerate(photos_in(options.data / "judge" / folder)):
                    if options.limit is not None and index >= options.limit:
                        break
                    tally.add(*seen(region, photo), labels)
                results[folder][f"{name}, {setting}"] = tally.figures()
                pieces[f"{folder}: {name}, {setting}"] = tally.pieces
    text = "\n".join(_table(folder, columns) for folder, columns in results.items())
    record = {"options": dict(runs), "figures": results, "people": pieces}
    for path, content in (("photos.md", text), ("photos.json", json.dumps(record, indent=1, ensure_ascii=False))):
        write_file(options.output / path, f"{content.rstrip()}\n".encode())
    return text


def _table(folder: str, columns: dict[str, dict[str, float | None]]) -> str:
    titles = list(next(iter(columns.values())))
    rows = [
        (title, ["–" if one[title] is None else f"{100 * one[title]:.1f} %" for one in columns.values()])  # type: ignore[operator]
        for title in titles
    ]
    return f"{folder}\n\n{table(rows, list(columns))}"

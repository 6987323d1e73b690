"""The images of a report. They show the original."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from .. import drawing
from .._core.types import UInt8Array
from ..pipeline.runner import Window, first_frames
from ..regions import Doubt
from .footage import Excerpt
from .measures import Measures
from .reconstruction import Recovery
from .report import Picture, Pictures

_HEIGHT = 240
_WORST = 6
_UNCOVERED = 0.9


def pictures_of(measures: Measures, recoveries: Mapping[str, Recovery]) -> Pictures:
    """Images of the result, of the least covered parts, of redetected faces, and of the recoveries of all attacks."""
    return {
        "overview": [_overview(excerpt) for excerpt in measures.excerpts],
        "coverage": [
            Picture(
                f"{worst.part}: {worst.replaced:.0%} covered at {worst.at_s:.2f} s; the visible rest in red",
                drawing.side_by_side([worst.original, worst.uncovered]),
            )
            for worst in measures.coverage.worst[:_WORST]
            if worst.replaced < _UNCOVERED
        ],
        "redetection": [
            Picture(
                f"redetected at {found.at_s:.2f} s with a score of {found.score:.0%}",
                drawing.side_by_side([drawing.thumbnail(part, 160) for part in (found.original, found.output)]),
            )
            for found in measures.redetection.pictures
        ],
        "reconstruction": [
            picture for recovery in recoveries.values() if recovery.moments for picture in [_attack(recovery)]
        ],
    }


def doubts_of(doubts: Sequence[Doubt], original: str | Path, output: str | Path, window: Window) -> list[Picture]:
    """Original and output at the first moments of doubt, with a box around the area."""
    shown = []
    for doubt in doubts[:_WORST]:
        at = float(doubt.time)
        before = first_frames(original, replace(window, start=at, end=at + 0.5), count=1)
        after = first_frames(output, Window(start=max(0.0, at - (window.start or 0.0)), end=None), count=1)
        if before is None or after is None:
            continue
        row = [before[0].copy(), after[0].copy()]
        for picture in row:
            drawing.outline(picture, doubt.box)
        shown.append(Picture(f"{at:.2f} s", _row(row)))
    return shown


def _overview(excerpt: Excerpt) -> Picture:
    middle = len(excerpt.original) // 2
    replaced = drawing.overlay(excerpt.original[middle], excerpt.touched[middle].astype(np.float32))
    row = (excerpt.original[middle], replaced, excerpt.output[middle])
    return Picture(f"{float(excerpt.pts[middle]):.2f} s", _row(row))


def _attack(recovery: Recovery) -> Picture:
    """The moment with the largest judged area: original, output, recovery, and recovery from a single colour."""
    moments, index = max(
        ((moments, index) for moments in recovery.moments for index in range(len(moments.core))),
        key=lambda place: int(np.count_nonzero(place[0].core[place[1]])),
    )
    box = moments.box
    row = [
        drawing.labelled(drawing.thumbnail(np.ascontiguousarray(frames[index][box]), _HEIGHT), text)
        for text, frames in (
            ("original", moments.original),
            ("output", moments.output),
            ("recovered", moments.recovered),
            ("floor: single colour", moments.floor_recovered),
        )
    ]
    text = f"{recovery.name.replace('_', ' ')}: {recovery.psnr:.1f} dB, floor {recovery.floor_psnr:.1f} dB"
    return Picture(text, _row(row))


def _row(pictures: Sequence[UInt8Array]) -> UInt8Array:
    return drawing.side_by_side(
        [drawing.thumbnail(picture, max(_HEIGHT, pictures[0].shape[0] // 2)) for picture in pictures]
    )

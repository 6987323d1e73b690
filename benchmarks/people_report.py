"""The tables and pictures of `people.py`, from its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.faces import Faces
from benchmarks.hidden_pixels import AS_IT_WAS, HIDDEN
from benchmarks.hiding_tools import Shown, key_of
from benchmarks.people_measures import BARE, COVERED, Annotated, Box, Summary
from motionveil import drawing
from motionveil._core.types import UInt8Array

_COVERED, _PART, _BARE, _PERSON, _IGNORED = (60, 220, 90), (255, 190, 0), (255, 40, 40), (80, 160, 255), (150, 150, 150)
_WIDE = 640
"""Pixels: narrower frames are shown enlarged by a whole number, up to this."""
_HIDDEN_COLOUR, _TOUCHED_COLOUR = (255, 0, 200), (255, 220, 0)


def table(rows: Sequence[tuple[str, Sequence[str]]], names: Sequence[str]) -> str:
    """Markdown: a column per name."""
    lines = [f"| | {' | '.join(names)} |", f"| --- |{' ---: |' * len(names)}"]
    return "\n".join([*lines, *(f"| {title} | {' | '.join(cells)} |" for title, cells in rows)]) + "\n"


def report(
    results: dict[str, Any],
    figures: str,
    annotations: Sequence[Annotated],
    faces: dict[str, Faces],
) -> str:
    looked = sum(len(one.frames) for one in faces.values())
    lines = [
        f"{sum(len(f.heads) for f in annotations)} heads and {sum(len(f.persons) for f in annotations)} persons "
        f"on {len(annotations)} frames of {len({f.clip for f in annotations})} films, "
        f"{sum(not (f.heads or f.persons) for f in annotations)} of these frames without anybody.",
        f"Faces on {looked} frames of {sum(bool(one.frames) for one in faces.values())} clips."
        if looked
        else "No faces: nothing is known of them; give --detectors PYTHON (see face_witnesses.py).",
        "What is hidden is known by: " + "; ".join(f"{name}: {one['truth']}" for name, one in results.items()) + ".",
        *(
            f"{name} has no output of {', '.join(one['missing'])}: judged on fewer frames."
            for name, one in results.items()
            if one["missing"]
        ),
        *(
            f"{name}: outputs of {len(one['stale'])} films were made by other code than is there now (see --again)."
            for name, one in results.items()
            if one["stale"]
        ),
        "",
        figures,
    ]
    both = {name: one["agreement"] for name, one in results.items() if one["agreement"]}
    if both:
        titles = list(next(iter(both.values())))
        rows = [(title, [f"{100 * one[title]:.2f} %" for one in both.values()]) for title in titles]
        lines += ["Pixels against opacity:", "", table(rows, list(both))]
    return "\n".join(lines)


def summary_table(summaries: Mapping[str, Summary], costs: Mapping[str, dict[str, float]]) -> str:
    """All figures, a column per tool; figures that no tool has are left out."""
    titles: dict[str, None] = {}
    for one in summaries.values():
        titles |= dict.fromkeys([*one.counts, *one.values])
    rows = [(title, [_cell(one, title) for one in summaries.values()]) for title in titles]
    rows = [(title, cells) for title, cells in rows if any(cell != "–" for cell in cells)]
    for title, key, digits in (
        ("frames per second (wall)", "frames_per_s", 1),
        ("wall, s", "wall_s", 0),
        ("processor, s", "processor_s", 0),
        ("processor, ms per frame", "processor_ms_per_frame", 0),
    ):
        cells = [f"{costs[name][key]:.{digits}f}" if name in costs else "–" for name in summaries]
        if any(cell != "–" for cell in cells):
            rows.append((title, cells))
    return table(rows, list(summaries))


def _cell(one: Summary, title: str) -> str:
    if title in one.counts:
        part, whole = one.counts[title]
        return f"{part}/{whole} ({100 * part / whole:.0f} %)" if whole else "–"
    value = one.values.get(title)
    if value is None:
        return "–"
    return f"{value:.1f}" if title.endswith(", s") else f"{100 * value:.1f} %"


def sheet(
    shown: Shown, title: str, heads: Sequence[tuple[Box, float]], persons: Sequence[Box], ignore: Sequence[Box]
) -> UInt8Array:
    """A frame with its boxes, with its states painted over it, and as the output has it; at full size at least.

    heads: boxes and how much of each is hidden: green where covered, red where bare, orange between.
    """
    marked, painted = _marked(shown.original, heads, persons, ignore), paint(shown.original, shown.states)
    painted = _marked(painted, heads, (), ())
    note = "; ".join(f"{100 * share:.0f} % of {box[3]:.0f} px" for box, share in heads)
    tiles = [
        (title, marked),
        (f"pink: hidden, yellow: partly. Heads hidden: {note}", painted),
    ]
    if shown.output is not shown.original:
        tiles.append(("output", shown.output))
    times = max(1, _WIDE // shown.original.shape[1])
    columns = [drawing.labelled(picture.repeat(times, 0).repeat(times, 1), text) for text, picture in tiles]
    # Wide frames below each other, so that nothing is made smaller.
    return np.hstack(columns) if shown.original.shape[1] <= _WIDE else np.vstack(columns)


def paint(frame: UInt8Array, states: UInt8Array) -> UInt8Array:
    """The frame with what is hidden in pink and what is mixed in yellow."""
    painted = frame.astype(np.float32)
    for state, colour in ((HIDDEN, _HIDDEN_COLOUR), (None, _TOUCHED_COLOUR)):
        where = states == HIDDEN if state else (states != HIDDEN) & (states != AS_IT_WAS)
        painted[where] = 0.45 * painted[where] + 0.55 * np.array(colour, np.float32)
    return painted.astype(np.uint8)


def _marked(
    frame: UInt8Array, heads: Sequence[tuple[Box, float]], persons: Sequence[Box], ignore: Sequence[Box]
) -> UInt8Array:
    marked = frame.copy()
    for boxes, colour in ((persons, _PERSON), (ignore, _IGNORED)):
        for box in boxes:
            _rectangle(marked, box, colour)
    for box, share in heads:
        colour = _COVERED if share >= COVERED else _BARE if share < BARE else _PART
        _rectangle(marked, box, colour)
        x, y, width, height = box
        centre, axes = (x + (width - 1) / 2, y + (height - 1) / 2), (width, height)
        cv2.ellipse(marked, (centre, axes, 0.0), colour, 1, cv2.LINE_AA)
    return marked


def _rectangle(picture: UInt8Array, box: Box, colour: tuple[int, int, int]) -> None:
    x, y, width, height = (round(value) for value in box)
    cv2.rectangle(picture, (x, y), (x + width - 1, y + height - 1), colour, 1)


def write_sheet(folder: Path, clip: str, frame: int, picture: UInt8Array) -> Path:
    """Write a sheet under the name of its clip and frame."""
    path = folder / f"{key_of(clip)}-{frame:06d}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.write_image(path, picture)
    return path


def overview(pictures: Sequence[tuple[str, UInt8Array]], *, columns: int = 4, height: int = 240) -> UInt8Array:
    """Small pictures in rows: a contact sheet."""
    rows = [("", pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    return drawing.contact_sheet(rows, height=height)


def plain_summary(one: Summary) -> dict[str, Any]:
    """A summary as JSON holds it."""
    return {"counts": {name: list(pair) for name, pair in one.counts.items()}, "values": one.values}

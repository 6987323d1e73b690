"""What is judged of a tool that hides people, on arrays: heads, persons, faces, background. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hidden_pixels import AS_IT_WAS, HIDDEN
from motionveil._core.errors import InputError
from motionveil._core.types import UInt8Array

Box = tuple[float, float, float, float]
"""x, y, width and height in pixels."""

COVERED, BARE = 0.98, 0.5
"""Of the ellipse in a head's box at least this share is hidden where it is covered, and less than that where bare."""
SEEN = 20
"""Pixels: heads that are at least so high count for frames with an uncovered head."""
SIZES = ((0, 12), (12, 20), (20, 40), (40, 80), (80, 10_000))
"""Heights of heads in pixels, from, to below."""
_AROUND = 0.05
"""Share of a person's height that is no background around their box."""
_TRUNK = (0.5, 0.9)
"""Shares of the width and height of a person's box that the ellipse in its middle has."""
SAME = 0.3
"""Boxes of two detectors that overlap by this share (intersection over union) show one face."""
TOUCHED = 0.001
"""A frame without people counts as touched from this share of its pixels."""


@dataclass(frozen=True)
class Head:
    """A head. kind: frontal, profile, back or small."""

    box: Box
    kind: str


@dataclass(frozen=True)
class Annotated:
    """A frame of a clip, by hand. ignore: boxes that are not judged."""

    clip: str
    frame: int
    heads: tuple[Head, ...]
    persons: tuple[Box, ...]
    ignore: tuple[Box, ...]


def read_annotations(path: Path) -> list[Annotated]:
    """The frames of a file like tests/golden/heads.json. Raises InputError where it is none."""
    try:
        frames = json.loads(path.read_text("utf-8"))["frames"]
        return [
            Annotated(
                frame["clip"],
                int(frame["frame"]),
                tuple(Head(_box(head["box"]), str(head["kind"])) for head in frame["heads"]),
                tuple(_box(box) for box in frame["persons"]),
                tuple(_box(box) for box in frame.get("ignore", [])),
            )
            for frame in frames
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} holds no heads ({error!r}); give a file like tests/golden/heads.json") from error


def _box(values: Sequence[float]) -> Box:
    x, y, width, height = (float(value) for value in values)
    if width <= 0 or height <= 0:
        raise ValueError(f"the box {values} is empty")
    return x, y, width, height


def within_ellipse(box: Box, size: tuple[int, int]) -> Any:
    """(H, W) bool: pixels whose centres lie in the ellipse inscribed in a box."""
    x, y, width, height = box
    rows, columns = np.ogrid[: size[0], : size[1]]
    across = (columns - (x + (width - 1) / 2)) / (width / 2)
    down = (rows - (y + (height - 1) / 2)) / (height / 2)
    return across**2 + down**2 <= 1


def within_box(box: Box, size: tuple[int, int], around: float = 0.0) -> Any:
    """(H, W) bool: pixels in a box that is grown by `around` pixels on every side."""
    x, y, width, height = box
    rows, columns = np.ogrid[: size[0], : size[1]]
    return ((columns >= x - around) & (columns < x + width + around)) & (
        (rows >= y - around) & (rows < y + height + around)
    )


def trunk(box: Box) -> Box:
    """The box of the ellipse in the middle of a person's box: half as wide, nine tenths as high."""
    x, y, width, height = box
    across, down = _TRUNK
    return x + width * (1 - across) / 2, y + height * (1 - down) / 2, width * across, height * down


def judged_ellipse(states: UInt8Array, box: Box) -> dict[str, Any]:
    """How much of the ellipse in a box is hidden, and how much touched. Raises InputError where it is out of frame."""
    inside = within_ellipse(box, (states.shape[0], states.shape[1]))
    if not inside.any():
        raise InputError(f"the box {box} lies outside the frame; correct it, or give the clip that it was drawn on")
    part = states[inside]
    return {"hidden": float((part == HIDDEN).mean()), "touched": float((part != AS_IT_WAS).mean())}


def background_touched(states: UInt8Array, frame: Annotated) -> float | None:
    """Share of the background that is not as it was; None where there is no background."""
    size = (states.shape[0], states.shape[1])
    somebody = np.zeros(size, bool)
    for box in frame.persons:
        somebody |= within_box(box, size, _AROUND * box[3])
    for box in (*(head.box for head in frame.heads), *frame.ignore):
        somebody |= within_box(box, size)
    return None if somebody.all() else float((states[~somebody] != AS_IT_WAS).mean())


def judged_frame(states: UInt8Array, frame: Annotated) -> dict[str, Any]:
    """One annotated frame of one tool: the share of every head and person, and of the background."""
    heads = [
        {"box": list(head.box), "kind": head.kind, "height": head.box[3], **judged_ellipse(states, head.box)}
        for head in frame.heads
    ]
    persons = [{"box": list(box), **judged_ellipse(states, trunk(box))} for box in frame.persons]
    return {
        "clip": frame.clip,
        "frame": frame.frame,
        "heads": heads,
        "persons": persons,
        "background": background_touched(states, frame),
    }


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(0.0, width) * max(0.0, height)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def agreed_faces(found: Mapping[str, Sequence[Sequence[float]]], least: int = 2) -> list[Box]:
    """Faces that at least so many detectors have found, each the mean of their boxes.

    found: detector → boxes x, y, width, height, perhaps with more behind. A detector gives one box to a face at most.
    """
    left = {name: [_box(box[:4]) for box in boxes] for name, boxes in found.items()}
    agreed = []
    for name, boxes in left.items():
        others = [other for other in left if other != name]
        for box in boxes:
            group = {name: box}
            for other in others:
                best = max(left[other], key=lambda candidate, box=box: overlap(box, candidate), default=None)  # type: ignore[misc]
                if best is not None and overlap(box, best) >= SAME:
                    group[other] = best
            if len(group) >= least:
                agreed.append(tuple(float(np.mean(values)) for values in zip(*group.values(), strict=True)))
                for other in others:
                    left[other] = [candidate for candidate in left[other] if candidate is not group.get(other)]
    return agreed  # type: ignore[return-value]


@dataclass
class Summary:
    """Figures of one tool: name → (part, of how many), and name → value; None where there is nothing to judge."""

    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    values: dict[str, float | None] = field(default_factory=dict)


def summary(frames: Sequence[dict[str, Any]], faces: Sequence[dict[str, Any]] = ()) -> Summary:
    """All figures of what `judged_frame` and `judged_faces` gave."""
    made = Summary()
    heads = [head for frame in frames for head in frame["heads"]]
    _heads(made, "heads", heads)
    for low, high in SIZES:
        name = f"{low}–{high} px" if high < SIZES[-1][1] else f"from {low} px"
        _heads(made, f"heads, {name}", [head for head in heads if low <= head["height"] < high])
    for kind in sorted({head["kind"] for head in heads}):
        _heads(made, f"heads, {kind}", [head for head in heads if head["kind"] == kind])
    large = [[head["hidden"] for head in frame["heads"] if head["height"] >= SEEN] for frame in frames]
    large = [shares for shares in large if shares]
    made.counts[f"frames with an uncovered head of {SEEN} px or more"] = _of(large, lambda s: min(s) < COVERED)
    made.counts[f"frames with a bare head of {SEEN} px or more"] = _of(large, lambda s: min(s) < BARE)
    persons = [p["hidden"] for f in frames for p in f["persons"]]
    made.values["middle of persons hidden"] = _mean(persons)
    with_people = [f["background"] for f in frames if f["persons"] or f["heads"]]
    empty = [f["background"] for f in frames if not (f["persons"] or f["heads"])]
    without = [share for share in empty if share is not None]
    made.values["background touched"] = _mean(with_people)
    made.values["touched in frames without people"] = _mean(without)
    made.counts["frames without people that are touched"] = _of(without, lambda share: share >= TOUCHED)
    if faces:
        _faces(made, faces)
    return made


def _heads(made: Summary, name: str, heads: Sequence[dict[str, Any]]) -> None:
    made.counts[f"{name}: covered"] = _of(heads, lambda head: head["hidden"] >= COVERED)
    made.counts[f"{name}: bare"] = _of(heads, lambda head: head["hidden"] < BARE)
    if name == "heads":
        made.counts[f"{name}: untouched"] = _of(heads, lambda head: head["touched"] < BARE)


def _of(items: Sequence[Any], is_it: Callable[[Any], bool]) -> tuple[int, int]:
    return sum(map(is_it, items)), len(items)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def judged_faces(states: UInt8Array, clip: str, frame: int, faces: Sequence[Box], step_s: float) -> dict[str, Any]:
    """One frame with the faces that detectors agree on. step_s: seconds to the next frame that is judged."""
    found = [{"box": list(box), **judged_ellipse(states, box)} for box in faces]
    return {"clip": clip, "frame": frame, "step_s": step_s, "faces": found}


def _faces(made: Summary, frames: Sequence[dict[str, Any]]) -> None:
    shares = [face["hidden"] for frame in frames for face in frame["faces"]]
    made.counts["faces: covered"] = _of(shares, lambda share: share >= COVERED)
    made.counts["faces: bare"] = _of(shares, lambda share: share < BARE)
    touched = [face["touched"] for frame in frames for face in frame["faces"]]
    made.counts["faces: untouched"] = _of(touched, lambda share: share < BARE)
    shown = [frame for frame in frames if frame["faces"]]
    made.counts["frames with a bare face"] = _of(shown, _is_bare)
    made.values["longest run with a bare face, s"] = longest_run(frames)


def _is_bare(frame: dict[str, Any]) -> bool:
    return any(face["hidden"] < BARE for face in frame["faces"])


def longest_run(frames: Sequence[dict[str, Any]]) -> float:
    """Seconds of the longest run of consecutive judged frames of one clip in each of which a face is bare."""
    longest, run, clip = 0.0, 0.0, None
    for frame in frames:
        before = run if frame["clip"] == clip else 0.0
        run, clip = (before + frame["step_s"] if _is_bare(frame) else 0.0), frame["clip"]
        longest = max(longest, run)
    return longest

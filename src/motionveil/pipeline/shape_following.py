"""Follows what lies under a shape through a film, on and back in time."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .. import ops
from .._core.errors import InputError, OptionError
from .._core.types import Float32Array, UInt8Array
from ..detection.shape_tracking import ShapeTracker
from ..ops import Mask
from ..regions import MovingShape, Polygon, Rectangle, Step, Stroke
from ..video import open_source

_SHORT_SIDE = 360
"""Pixels of the frames in which a shape is followed."""
_PATIENCE = 0.4
"""Seconds for which a tracker may be unsure before it is taken to be lost."""
_EDGE = 0.5
"""Seconds for which what has left the frame stays covered at its edge."""
_CLOSE = 0.004
"""How far the steps that are kept may be from the ones that were found, as a share of the frame's short side."""
_RATE = 16.0
"""Frames in a second that are looked at; what lies between them is taken to move straight on."""
_CHUNK = 1.0
"""Seconds that are read at once on the way back."""


@dataclass(frozen=True)
class _Way:
    """In one direction: steps, where it ends for certain (None: with the film, or nowhere), and where it was lost."""

    steps: list[Step]
    end: float | None = None
    lost: float | None = None


def follow_shape(
    source: str | Path,
    shape: Rectangle | Polygon | Stroke,
    time: float,
    *,
    mask: Float32Array | None = None,
    seconds: float = 120.0,
    work: float = 60.0,
    stop: Callable[[], bool] = lambda: False,
) -> MovingShape:
    """Follow what a shape lies on at a time, in both directions, until it leaves the frame or the scene changes.

    Where it is lost, it stays where it was last to the end (or the beginning) of the film, and the time is one of the
    result's doubts. The times of the shape are replaced.

    Args:
        source: A file.
        shape: In pixels.
        time: Seconds on the source's clock.
        mask: (H, W), above 0.5 on what is followed; None for the inside of the shape.
        seconds: How far it is followed in each direction.
        work: How long that may take in each direction.
        stop: Asked now and then whether to give up; what was found until then is returned.

    Raises:
        InputError: There is no frame at this time.
        OptionError: The shape is outside the frame.
    """
    with open_source(source) as opened:
        info = opened.info
    scale = min(1.0, _SHORT_SIDE / min(info.width, info.height))
    short = round(scale * min(info.width, info.height))
    step = 1 / float(info.frame_rate)
    first, begin = _frame_at(source, time, step, short)
    height, width = first.shape[:2]
    inside = shape.drawn(info.height, info.width) if mask is None else mask
    small = ops.resize_map(inside, (height, width)) > 0.5
    if mask is None and inside.any():
        small = _inner(small)
    if not small.any():
        raise OptionError("there is nothing to follow: the area is too small, or outside the frame")
    factor = info.width / width

    def run(frames: Iterator[tuple[float, UInt8Array]], sign: int) -> _Way:
        return _followed(ShapeTracker(first, small), frames, begin, factor, step, sign, seconds, work, stop)

    later = run(_thin(_after(source, begin, step, short, begin + seconds)), 1)
    # Where a film begins for certain, nothing comes before.
    earlier = run(_thin(_before(source, begin, step, short, max(0.0, begin - seconds))), -1)
    way = [*reversed(earlier.steps), Step(begin, 0.0, 0.0, 1.0), *later.steps]
    size = max(shape.box()[2] - shape.box()[0], shape.box()[3] - shape.box()[1])
    doubts = tuple(lost for lost in (earlier.lost, later.lost) if lost is not None)
    return MovingShape(
        replace(shape, start=earlier.end, end=later.end),
        tuple(_thinned(way, _CLOSE * min(info.width, info.height), size)),
        doubts,
    )


def _inner(mask: Mask) -> Mask:
    """The inside of a mask, without what may belong to the ground around something; all of it where that is nothing."""
    depth = ops.depth(np.pad(mask, 1))[1:-1, 1:-1]
    inner: Mask = depth > 0.3 * depth.max()
    return inner if inner.any() else mask


def _followed(
    tracker: ShapeTracker,
    frames: Iterator[tuple[float, UInt8Array]],
    begin: float,
    factor: float,
    step: float,
    sign: int,
    seconds: float,
    work: float,
    stop: Callable[[], bool],
) -> _Way:
    steps: list[Step] = []
    deadline = clock.monotonic() + work
    sure = begin
    time = begin
    for time, frame in frames:
        state = tracker.advance(frame)
        if state == "cut":
            # A frame of the other scene is not covered any more.
            return _Way(_until(steps, sure), end=max(0.0, time if sign > 0 else time + step / 2))
        if state == "left":
            gone = time + sign * _EDGE
            return _Way(steps, end=gone if gone > 0 else None)
        steps.append(Step(time, tracker.x * factor, tracker.y * factor, tracker.scale))
        if state == "sure":
            sure = time
        if abs(time - sure) > _PATIENCE or clock.monotonic() > deadline or stop():
            return _Way(_until(steps, sure), lost=sure)
    # It goes on in the rest of the film, or nobody was sure at its end.
    unknown = abs(time - sure) > step or abs(time - begin) > seconds - 2 * step
    return _Way(_until(steps, sure), lost=sure if unknown else None)


def _thin(frames: Iterator[tuple[float, UInt8Array]]) -> Iterator[tuple[float, UInt8Array]]:
    """No more frames than are needed, and the last one."""
    before: float | None = None
    left_out: tuple[float, UInt8Array] | None = None
    for time, frame in frames:
        if before is None or abs(time - before) > 0.999 / _RATE:
            before, left_out = time, None
            yield time, frame
        else:
            left_out = time, frame
    if left_out is not None:
        yield left_out


def _until(steps: list[Step], time: float) -> list[Step]:
    """Steps on the way, without those after the tracker was sure last."""
    if not steps:
        return steps
    last = next((index for index, step in enumerate(steps) if step.time == time), -1)
    return steps[: last + 1]


def _frame_at(source: str | Path, time: float, step: float, short: int) -> tuple[UInt8Array, float]:
    """The frame that is on the screen at a time, and its time."""
    last: tuple[UInt8Array, float] | None = None
    for start in (max(0.0, time - 2.5 * step), 0.0):
        try:
            with open_source(source, start=start or None, end=time + step / 2, clip_length=1, size=short) as opened:
                for clip in opened:
                    last = clip.frames[-1], float(clip.pts[-1])
        except InputError:
            continue
        if last is not None:
            return last
    raise InputError(f"there is no frame at {time:g} s; choose another one")


def _after(source: str | Path, begin: float, step: float, short: int, end: float) -> Iterator[tuple[float, UInt8Array]]:
    """Frames after a time, up to another one."""
    try:
        with open_source(source, start=begin + step / 2, end=end, clip_length=1, size=short) as opened:
            for clip in opened:
                yield float(clip.pts[-1]), clip.frames[-1]
    except InputError:  # there is none
        return


def _before(
    source: str | Path, begin: float, step: float, short: int, end: float
) -> Iterator[tuple[float, UInt8Array]]:
    """Frames before a time, the last one first, back to another one."""
    later = begin - step / 2
    while later > end:
        earlier = max(end, later - _CHUNK)
        frames: list[tuple[float, UInt8Array]] = []
        try:
            with open_source(source, start=earlier or None, end=later, clip_length=1, size=short) as opened:
                frames.extend((float(clip.pts[-1]), clip.frames[-1]) for clip in opened)
        except InputError:
            pass
        yield from reversed(frames)
        later = earlier


def _thinned(way: list[Step], close: float, size: float) -> list[Step]:
    """The steps that are needed so that straight lines between them stay close to all (Douglas and Peucker, 1973)."""
    values = np.array([(step.x, step.y, step.scale * size) for step in way], np.float64)
    times = np.array([step.time for step in way])
    kept = {0, len(way) - 1}
    spans = [(0, len(way) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        share = ((times[first + 1 : last] - times[first]) / (times[last] - times[first]))[:, None]
        off = np.abs(values[first] + share * (values[last] - values[first]) - values[first + 1 : last]).max(axis=1)
        worst = int(off.argmax())
        if off[worst] > close:
            middle = first + 1 + worst
            kept.add(middle)
            spans += [(first, middle), (middle, last)]
    return [
        Step(round(way[i].time, 4), round(way[i].x, 2), round(way[i].y, 2), round(way[i].scale, 4))
        for i in sorted(kept)
    ]

"""Short pieces of clips around annotated frames, stored without loss: to judge heads in a fraction of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

import motionveil
from benchmarks.hiding_tools import key_of
from benchmarks.people_measures import Annotated


def windows(frames: Sequence[int], before: int, after: int, length: int) -> list[tuple[int, int]]:
    """First frame, and frame behind the last, of what surrounds each of these frames; joined where they meet."""
    found: list[tuple[int, int]] = []
    for frame in sorted(set(frames)):
        start, end = max(0, frame - before), min(length, frame + after + 1)
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found


def excerpts(clips: Path, annotations: Sequence[Annotated], target: Path, *, seconds: float) -> list[Annotated]:
    """Write them to target/NAME.mkv, if they are not there, and return the annotations that belong to them.

    Each begins `seconds` before a frame, so that what a tool remembers has begun, and ends half as long behind it.
    """
    made = []
    for clip in sorted({frame.clip for frame in annotations}):
        mine = [frame for frame in annotations if frame.clip == clip]
        info = motionveil.probe(clips / clip)
        reach = round(float(info.frame_rate) * seconds)
        last = max(frame.frame for frame in mine)
        length = info.num_frames or last + 1
        for start, end in windows([frame.frame for frame in mine], reach, reach // 2, max(length, last + 1)):
            path = target / f"{key_of(clip)}-{start:06d}-{end:06d}.mkv"
            if not path.exists():
                _write(clips / clip, path, start, end, info)
            inside = [frame for frame in mine if start <= frame.frame < end]
            made += [replace(frame, clip=path.name, frame=frame.frame - start) for frame in inside]
    return made


def _write(source: Path, path: Path, start: int, end: int, info: motionveil.VideoInfo) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = replace(info, num_frames=end - start, start=Fraction(0), has_audio=False, duration=None)
    encoding = motionveil.Encoding(codec="ffv1", overwrite=True)
    with motionveil.VideoWriter(path, plain, encoding=encoding) as writer, motionveil.open_source(source) as reader:
        for clip in reader:
            first, last = max(start - clip.start, 0), min(end - clip.start, len(clip))
            if first < last:
                begin = clip.start + first - start
                pts = tuple(Fraction(begin + t) / info.frame_rate for t in range(last - first))
                writer.write(motionveil.Clip(np.ascontiguousarray(clip.frames[first:last]), begin, pts))
            if clip.start + len(clip) >= end:
                break

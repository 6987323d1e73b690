"""Streaks: share of the visible noise that is drawn out or crushed.

    python benchmarks/noise_stretch.py --data DIR -o DIR

Measured on what is seen: the noise picture, in the hidden region (`--hide person`), before it is encoded. Around every
place the slopes of all channels give a structure tensor; the root of the ratio of its eigenvalues says how much finer
the noise is across than along, and their product how fine it is, each in terms of the same noise at its beginning,
where nothing has moved yet. Noise is counted as stretched where either is off by more than a factor, 1.5 by default.
Noise is random, so that a share is found where nothing is stretched too: that of the first frame, over all of it, is
the floor.

Results go to noise_stretch.json one by one, and are not made again; noise_stretch.md shows them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks import motion_kept
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.noise import default_grain

CLIPS = ["people_entering_768x432.mp4", "bedroom.mp4", "pexels_gym.mp4", "exercise.avi"]
METHODS: dict[str, motion_kept.Method] = {
    "particles": motion_kept.noise,
    "particles, rainbow": partial(motion_kept.noise, palette="rainbow"),
    "picture (before)": partial(motion_kept.noise, transport="accumulated"),
}


@dataclass(frozen=True)
class Shape:
    """How much finer noise is across than along, and how fine it is, at every place (h, w), in pixels."""

    ratio: Float32Array
    fineness: Float32Array


def shape_of(noise: UInt8Array, grain: float) -> Shape:
    """By the structure tensor around every place, within about a grain and a half."""
    scale = max(1, int(grain / 6))
    small = cv2.resize(noise, None, fx=1 / scale, fy=1 / scale, interpolation=cv2.INTER_AREA).astype(np.float32)
    x, y = (cv2.Sobel(small, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    around = (0, 0), 1.5 * grain / scale
    xx, yy, xy = (cv2.GaussianBlur((a * b).sum(2), *around) for a, b in ((x, x), (y, y), (x, y)))
    half, root = (xx + yy) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    great, little = np.maximum(half + root, 1e-6), np.maximum(half - root, 1e-6)
    return Shape(np.sqrt(great / little), (great * little) ** 0.25)


def stretched(shape: Shape, fresh: Shape, factor: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where noise is drawn out or crushed by more than a factor, beside what is usual for the fresh one."""
    usual, fine = float(np.median(fresh.ratio)), float(np.median(fresh.fineness))
    off = shape.fineness / fine
    return np.asarray((shape.ratio > factor * usual) | (off > factor) | (off < 1 / factor))


def measure(excerpt: motion_kept.Excerpt, method: motion_kept.Method, factor: float, step: int) -> tuple[float, float]:
    """Share of the visible noise that is stretched, and that of the first frame."""
    height, width = excerpt.frames.shape[1:3]
    grain = default_grain(height, width)
    (first,) = method(excerpt.frames[:1], [None], None)
    fresh = shape_of(first, grain)
    shares = []
    for index, noise in enumerate(method(excerpt.frames, excerpt.flows, excerpt.person)):
        if index and index % step == 0:
            shape = shape_of(noise, grain)
            size = (shape.ratio.shape[1], shape.ratio.shape[0])
            seen = cv2.resize(excerpt.person[index], size, interpolation=cv2.INTER_AREA) >= 0.5
            if seen.mean() > 0.002:
                shares.append(float(stretched(shape, fresh, factor)[seen].mean()))
    return float(np.mean(shares)) if shares else float("nan"), float(stretched(fresh, fresh, factor).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the clips")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--frames", type=int, default=100, help="of every clip")
    parser.add_argument("--step", type=int, default=5, help="looks at one frame of so many")
    parser.add_argument("--factor", type=float, default=1.5)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    stored = options.output / "noise_stretch.json"
    results: dict[str, list[float]] = json.loads(stored.read_text()) if stored.exists() else {}
    for clip in options.clips:
        missing = [method for method in options.methods if f"{clip}|{method}" not in results]
        if missing:
            excerpt = motion_kept.read(options.data / clip, options.frames, 6)
            for method in missing:
                results[f"{clip}|{method}"] = list(measure(excerpt, METHODS[method], options.factor, options.step))
                stored.write_text(json.dumps(results, indent=1) + "\n")
    lines = ["| stretched | " + " | ".join(Path(c).stem for c in options.clips) + " |"]
    lines += ["|---|" + "---:|" * len(options.clips)]
    for method in options.methods:
        for index, name in enumerate((method, f"{method}, floor")):
            cells = [f"{100 * results[f'{clip}|{method}'][index]:.1f} %" for clip in options.clips]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    (options.output / "noise_stretch.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

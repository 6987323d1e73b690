"""How much of the motion the noise keeps, beside what blur, pixelation and one colour keep.

    python benchmarks/motion_kept.py --data DIR --weights raft-small.pth -o DIR [--clips a.mp4 b.mkv] [--methods …]

Motion kept in a frame = 1 - (end-point error / mean motion): flow of the output against flow of the original, both by
the same estimator, over the hidden pixels that move by more than 1 pixel in the original. 1 keeps all; what stands
still keeps 0; below 0 it shows motion that is not there. Of a clip it is the mean over those judged frames in which at
least 1 % of the hidden pixels move. Outputs are judged as they are released: encoded with the tool's defaults, and
decoded again. Frames with a short side above 480 are shrunk to that before they are judged.

Results go to motion_kept.json one by one, and are not made again; motion_kept.md and motion_kept.png show them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import cast

import cv2
import numpy as np

import motionveil
from motionveil import Clip, VideoInfo, ops
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.drawing import encode_image
from motionveil.flow import DISFlow, FarnebackFlow, FlowEstimator, RAFTFlow, with_motion
from motionveil.noise import NoiseField, NoiseStatistics, draw_noise, hidden_motion
from motionveil.noise.picture import Drawn

CLIPS = [
    "asl/help.mkv", "asl/walk.mkv", "bedroom.mp4", "arm_wrestling.mp4", "pexels_pose.mp4", "skateboarding.mp4",
    "people_entering_768x432.mp4", "clean_and_jerk.mp4",
]  # fmt: skip
SIDE = 480
Flows = list[Float32Array | None]
Hidden = list[Float32Array] | None
"""Opacity of every frame; None: everything is hidden."""
Method = Callable[[UInt8Array, Flows, Hidden], list[UInt8Array]]


def noise(
    frames: UInt8Array, flows: Flows, hidden: Hidden = None, *, octaves: tuple[float, ...] = (), **settings: object
) -> list[UInt8Array]:
    """Motion noise; grains are given at a short side of 480."""
    height, width = frames.shape[1:3]
    scale = min(height, width) / 480
    if "grain" in settings:
        settings["grain"] = max(1.0, cast(float, settings["grain"]) * scale)
    field = NoiseField(height, width, generator=np.random.default_rng(1), **settings)  # type: ignore[arg-type]
    if octaves:
        drawn = cast(Drawn, field.source)
        grains = [max(1.0, grain * scale / drawn.factor) for grain in octaves]
        pictures = [
            draw_noise(*drawn.size, grain=grain, generator=np.random.default_rng(i)) for i, grain in enumerate(grains)
        ]
        # Independent pictures add up by their variances, so that the mixture has the contrast of one.
        mixed = sum((p - drawn.mean) / np.sqrt(len(pictures)) for p in pictures) + drawn.mean
        drawn.picture = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    if hidden is None:
        return [field.advance(flow) for flow in flows]
    if settings.get("transport", "particles") == "particles":
        flows = [None if flow is None else hidden_motion(flow, seen) for flow, seen in zip(flows, hidden, strict=True)]
    return [field.advance(flow, seen) for flow, seen in zip(flows, hidden, strict=True)]


def independent(frames: UInt8Array, flows: Flows, hidden: Hidden = None) -> list[UInt8Array]:
    """New noise in every frame."""
    generator = np.random.default_rng(1)
    return [draw_noise(*frames.shape[1:3], generator=generator) for _ in frames]


def blurred(frames: UInt8Array, flows: Flows, hidden: Hidden = None, *, kernel: int, sigma: float) -> list[UInt8Array]:
    """Gaussian blur, given at a short side of 224."""
    scale = min(frames.shape[1:3]) / 224
    side = round(kernel * scale) // 2 * 2 + 1
    return [cast(UInt8Array, cv2.GaussianBlur(frame, (side, side), sigma * scale)) for frame in frames]


def pixelated(frames: UInt8Array, flows: Flows, hidden: Hidden = None, *, tile: int) -> list[UInt8Array]:
    """Tiles of their average, given at a short side of 224."""
    height, width = frames.shape[1:3]
    count = 224 / tile / min(height, width)
    small = (max(1, round(width * count)), max(1, round(height * count)))
    tiles = (cv2.resize(frame, small, interpolation=cv2.INTER_AREA) for frame in frames)
    return [cast(UInt8Array, cv2.resize(t, (width, height), interpolation=cv2.INTER_NEAREST)) for t in tiles]


def coloured(frames: UInt8Array, flows: Flows, hidden: Hidden = None) -> list[UInt8Array]:
    """One colour."""
    return [np.full_like(frame, 115) for frame in frames]


def contrast(std: float) -> NoiseStatistics:
    return NoiseStatistics((0.45 if std < 0.45 else 0.5,) * 3, (std,) * 3)


METHODS: dict[str, Method] = {
    "motion noise (default)": noise,
    **{f"grain {grain}": partial(noise, grain=float(grain)) for grain in (1, 4, 8, 12, 16, 24)},
    "grey": partial(noise, palette="grey"),
    "rainbow": partial(noise, palette="rainbow"),
    "picture": partial(noise, transport="accumulated"),
    "octaves 4-32": partial(noise, transport="accumulated", octaves=(4.0, 8.0, 16.0, 32.0)),
    "octaves 8, 24": partial(noise, transport="accumulated", octaves=(8.0, 24.0)),
    **{f"contrast {std}": partial(noise, statistics=contrast(std)) for std in (0.1, 0.225, 0.5)},
    "first frame, grain 1": partial(noise, transport="first_frame", grain=1.0),
    "first frame, grain 16": partial(noise, transport="first_frame", grain=16.0),
    "independent noise": independent,
    "blur 13/10": partial(blurred, kernel=13, sigma=10.0),
    "blur 21/10": partial(blurred, kernel=21, sigma=10.0),
    "pixelation 16": partial(pixelated, tile=16),
    "one colour": coloured,
}


@dataclass
class Excerpt:
    """The beginning of a clip, its motion, and which frames are judged."""

    frames: UInt8Array
    flows: Flows
    judged: list[int]
    person: list[Float32Array]
    """Opacity of every frame with hide='person'."""


def beginning(path: Path, count: int) -> Clip:
    """The first frames of a video as one clip, at 25 per second."""
    frames: list[UInt8Array] = []
    with motionveil.open_source(path) as source:
        for clip in source:
            frames += list(clip.frames)
            if len(frames) >= count:
                break
    return Clip(np.stack(frames[:count]), 0, tuple(Fraction(i, 25) for i in range(len(frames[:count]))))


def read(path: Path, count: int, pairs: int) -> Excerpt:
    clip = beginning(path, count)
    method = motionveil.build_obfuscator(hide=["person"])
    (moving,) = with_motion([clip], method.flow)
    flows = list(moving.flow_to_previous or ())
    person = list(next(iter(method.region.stream([moving]))))
    return Excerpt(clip.frames, flows, _choose(clip.frames, flows, pairs), person)


def _choose(frames: UInt8Array, flows: Flows, pairs: int) -> list[int]:
    """Frames with motion, in runs of three, spread over the clip."""
    height = min(SIDE, *frames.shape[1:3])

    def moves(flow: Float32Array | None) -> bool:
        return flow is not None and (np.hypot(*np.moveaxis(flow, -1, 0)) * height / flow.shape[0] > 1).mean() > 0.02

    found = [t for t in range(8, len(flows)) if moves(flows[t])]
    if len(found) <= pairs:
        return found
    starts = np.linspace(0, len(found) - 3, max(1, pairs // 3)).astype(int)
    return sorted({found[start + i] for start in starts for i in range(3)})


def released(frames: list[UInt8Array]) -> list[UInt8Array]:
    """The frames as they come out of the file that the tool writes."""
    height, width = frames[0].shape[:2]
    info = VideoInfo(
        width=width, height=height, frame_rate=Fraction(25), num_frames=len(frames),
        duration=Fraction(len(frames), 25), codec="h264", pixel_format="yuv420p",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "released.mp4"
        with motionveil.VideoWriter(path, info) as writer:
            for start in range(0, len(frames), 8):
                part = np.stack(frames[start : start + 8])
                writer.write(Clip(part, start, tuple(Fraction(start + i, 25) for i in range(len(part)))))
        with motionveil.open_source(path) as source:
            return [frame for clip in source for frame in clip.frames]


def motion(estimator: FlowEstimator, frames: UInt8Array | list[UInt8Array], judged: list[int]) -> list[Float32Array]:
    """Flow to the previous frame at the judged frames, in pixels of the judged size."""
    height, width = frames[0].shape[:2]
    scale = min(1.0, SIDE / min(height, width))
    size = (round(height * scale), round(width * scale))

    def flows() -> Iterator[Float32Array]:
        known: dict[int, object] = {}
        for t in judged:
            for k in (t - 1, t):
                if k not in known:
                    known[k] = estimator.prepare(ops.resize_image(frames[k], size))
            yield ops.resize_flow(ops.to_host(estimator.between(known[t], known[t - 1])), size)
            known = {t: known[t]}

    return list(flows())


def kept(truth: list[Float32Array], found: list[Float32Array], hidden: list[UInt8Array] | None) -> float | None:
    """Mean over frames of 1 - (end-point error / mean motion); None where nothing moves."""
    values = []
    for index, (true, seen) in enumerate(zip(truth, found, strict=True)):
        length = np.hypot(true[..., 0], true[..., 1])
        inside = np.ones(length.shape, bool) if hidden is None else hidden[index] > 0
        moving = inside & (length > 1)
        if moving.sum() >= 0.01 * inside.sum() and moving.any():
            error = np.hypot(*np.moveaxis(true - seen, -1, 0))
            values.append(1 - float(error[moving].mean() / length[moving].mean()))
    return float(np.mean(values)) if values else None


def measure(
    path: Path,
    name: str,
    options: argparse.Namespace,
    judges: dict[str, FlowEstimator],
    results: dict[str, float | None],
    save: Callable[[], None],
) -> None:
    """Fill in what `results` does not have yet of one clip: 'clip|region|method|judge' → motion kept."""
    keys = [(region, method) for method in options.methods for region in options.regions]
    missing = [(r, m) for r, m in keys if any(f"{name}|{r}|{m}|{judge}" not in results for judge in judges)]
    if not missing:
        return
    excerpt = read(path, options.frames, options.pairs)
    truth = {judge: motion(estimator, excerpt.frames, excerpt.judged) for judge, estimator in judges.items()}
    sizes = {judge: (flows[0].shape[0], flows[0].shape[1]) for judge, flows in truth.items() if flows}
    for region, method in missing:
        filling = METHODS[method](excerpt.frames, excerpt.flows, excerpt.person if region == "person" else None)
        if region == "person":
            zipped = zip(excerpt.frames, filling, excerpt.person, strict=True)
            filling = [ops.blend(frame, fill, opacity) for frame, fill, opacity in zipped]
        output = released(filling)
        for judge, estimator in judges.items():
            hidden = None
            if region == "person" and sizes:
                full = [(excerpt.person[t] >= 1).astype(np.uint8) for t in excerpt.judged]
                hidden = [cv2.resize(m, sizes[judge][::-1], interpolation=cv2.INTER_NEAREST) for m in full]
            found = motion(estimator, output, excerpt.judged)
            results[f"{name}|{region}|{method}|{judge}"] = kept(truth[judge], found, cast(list[UInt8Array], hidden))
        save()
        print(name, region, method, {j: results[f"{name}|{region}|{method}|{j}"] for j in judges}, flush=True)


def table(results: dict[str, float | None], clips: list[str], region: str, judge: str) -> str:
    """Markdown: a row per method, a column per clip, and their mean."""
    short = [Path(clip).stem for clip in clips]
    lines = [f"| {region}, {judge} | " + " | ".join([*short, "mean"]) + " |", "|---|" + "---:|" * (len(clips) + 1)]
    for method in METHODS:
        row = [results.get(f"{clip}|{region}|{method}|{judge}") for clip in clips]
        known = [value for value in row if value is not None]
        if known:
            cells = ["" if value is None else f"{value:.2f}" for value in [*row, float(np.mean(known))]]
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


COLOURS = [
    (31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189), (140, 86, 75), (227, 119, 194),
    (100, 100, 100), (188, 189, 34), (23, 190, 207),
]  # fmt: skip


def figure(results: dict[str, float | None], clips: list[str], region: str, judge: str) -> UInt8Array:
    """A row per method: a dot per clip, a bar for the mean."""
    rows = [m for m in METHODS if any(results.get(f"{c}|{region}|{m}|{judge}") is not None for c in clips)]
    left, top, step, right, low, width = 250, 70, 34, 40, -0.5, 1100
    picture = np.full((top + step * len(rows) + 90, width, 3), 255, np.uint8)

    def across(value: float) -> int:
        return round(left + (max(low, value) - low) / (1 - low) * (width - left - right))

    def text(content: str, x: int, y: int, size: float = 0.5, colour: tuple[int, int, int] = (40, 40, 40)) -> None:
        cv2.putText(picture, content, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)

    text(f"Motion kept, hidden: {region}, judged by {judge}, after H.264", 20, 30, 0.65)
    bottom = top + step * len(rows)
    for value in np.arange(low, 1.01, 0.25):
        x = across(float(value))
        cv2.line(picture, (x, top - 8), (x, bottom), (205, 205, 205) if value else (90, 90, 90), 1)
        text(f"{value:g}" if value > low else f"<{low:g}", x - 14, bottom + 20)
    for index, method in enumerate(rows):
        y = top + step * index + step // 2
        values = [results.get(f"{clip}|{region}|{method}|{judge}") for clip in clips]
        mean = float(np.mean([value for value in values if value is not None]))
        start, end = sorted((across(0), across(mean)))
        cv2.rectangle(picture, (start, y - 9), (end, y + 9), (205, 225, 205) if mean > 0 else (240, 215, 210), -1)
        text(method, 16, y + 5)
        for value, colour in zip(values, COLOURS * 3, strict=False):
            if value is not None:
                cv2.circle(picture, (across(value), y), 5, colour, -1, cv2.LINE_AA)
    x = 20
    for clip, colour in zip(clips, COLOURS * 3, strict=False):
        cv2.circle(picture, (x, bottom + 52), 5, colour, -1, cv2.LINE_AA)
        text(Path(clip).stem[:16], x + 10, bottom + 56, 0.42)
        x += 30 + 8 * len(Path(clip).stem[:16])
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the clips")
    parser.add_argument("--weights", type=Path, required=True, help="checkpoint of the small RAFT")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--regions", nargs="+", default=["whole frame", "person"], choices=["whole frame", "person"])
    parser.add_argument("--frames", type=int, default=100, help="of every clip")
    parser.add_argument("--pairs", type=int, default=24, help="frames that are judged of every clip")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    stored = options.output / "motion_kept.json"
    results: dict[str, float | None] = json.loads(stored.read_text()) if stored.exists() else {}
    judges: dict[str, FlowEstimator] = {
        "RAFT-small": RAFTFlow(options.weights),
        "DIS": DISFlow(),
        "Farneback": FarnebackFlow(),
    }

    def save() -> None:
        stored.write_text(json.dumps(results, indent=1) + "\n")

    for clip in options.clips:
        measure(options.data / clip, clip, options, judges, results, save)
    tables = [table(results, options.clips, region, judge) for region in options.regions for judge in judges]
    (options.output / "motion_kept.md").write_text("\n".join(tables))
    picture = figure(results, options.clips, options.regions[0], "RAFT-small")
    (options.output / "motion_kept.png").write_bytes(encode_image(picture, ".png"))


if __name__ == "__main__":
    main()

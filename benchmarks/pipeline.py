"""How fast the main job runs, stage by stage, and how much memory it takes.

    python benchmarks/pipeline.py [--video FILE] [--frames 600] [--json FILE]

The frames of a video (default: the moving photograph of the demo) are played forwards and backwards until there are
enough, at 640x480. Each stage is timed by itself on frames in memory; then the command line runs as a user would run
it, in processes of their own, on that video several times and once on one ten times as long. Frames per second are
those of the whole process, its start included.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
from demo import moving_camera

import motionveil
from motionveil import ops
from motionveil._core.types import UInt8Array
from motionveil.flow import with_motion

SIZE = (640, 480)
RATE = 30


def load(video: Path | None) -> UInt8Array:
    """Up to 240 frames at 640x480."""
    if video is None:
        from skimage import data

        return moving_camera(np.asarray(data.astronaut(), np.uint8)).frames
    with motionveil.open_source(video, size=SIZE) as source:
        frames: list[UInt8Array] = []
        for clip in source:
            frames += list(clip.frames)
            if len(frames) >= 240:
                break
    return np.stack(frames[:240])


def clips(frames: UInt8Array, count: int, length: int = 8) -> Iterator[motionveil.Clip]:
    """`count` frames, forwards and backwards without a cut."""
    period = max(1, 2 * len(frames) - 2)
    order = [t % period if t % period < len(frames) else period - t % period for t in range(count)]
    for start in range(0, count, length):
        chosen = order[start : start + length]
        pts = tuple(Fraction(start + i, RATE) for i in range(len(chosen)))
        yield motionveil.Clip(frames[chosen], start, pts)


def write(path: Path, source: Iterable[motionveil.Clip], count: int) -> None:
    info = motionveil.VideoInfo(
        width=SIZE[0], height=SIZE[1], frame_rate=Fraction(RATE), num_frames=count, duration=Fraction(count, RATE),
        codec="h264", pixel_format="yuv420p",
    )  # fmt: skip
    with motionveil.VideoWriter(path, info) as writer:
        for clip in source:
            writer.write(clip)


def stages(frames: UInt8Array, folder: Path, count: int) -> dict[str, float]:
    """Processor milliseconds per frame of every stage on `count` frames in memory, all threads together.

    Every stage has run once before, so that imports and the network's compilation are not in the figures.
    """
    method = motionveil.build_obfuscator(hide=["attributes"])
    short, video, target = folder / "short.mp4", folder / "stages.mp4", folder / "written.mp4"
    originals = list(clips(frames, count))
    for path, length in ((short, 16), (video, count)):
        write(path, clips(frames, length), length)

    def read(path: Path) -> list[motionveil.Clip]:
        with motionveil.open_source(path) as source:
            return list(source)

    list(method.stream(read(short)))
    found: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begin = time.process_time()
        result = work()
        found[name] = (time.process_time() - begin) / count * 1000
        return result

    timed("decode", lambda: read(video))
    moving = timed("flow", lambda: list(with_motion(originals, method.flow)))
    opacity = timed("saliency", lambda: list(method.region.stream(moving)))
    filling = timed("noise", lambda: list(method.filler.stream(moving)))
    blended = timed(
        "blend",
        lambda: [
            replace(c, frames=ops.stack([ops.blend(i, f, o) for i, f, o in zip(c.frames, f3, o3, strict=True)]))
            for c, f3, o3 in zip(moving, filling, opacity, strict=True)
        ],
    )
    timed("encode", lambda: write(target, blended, count))
    return found


def end_to_end(video: Path, folder: Path, extra: list[str]) -> dict[str, float]:
    """One run of the command line in a process of its own: wall seconds, processor seconds, peak megabytes."""
    target = folder / f"{video.stem}_out.mp4"
    target.unlink(missing_ok=True)
    # A process in between, because the operating system keeps one peak for all children of a process.
    program = (
        "import resource, subprocess, sys, time; b = time.monotonic(); c = subprocess.call(sys.argv[1:]); "
        "u = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(c, time.monotonic() - b, u.ru_utime + u.ru_stime, u.ru_maxrss / 1024)"
    )
    command = [
        sys.executable,
        "-m",
        "motionveil",
        "obfuscate",
        str(video),
        "-o",
        str(target),
        "--hide",
        "attributes",
        "-q",
    ]
    done = subprocess.run(
        [sys.executable, "-c", program, *command, "--no-record", *extra], capture_output=True, text=True, check=True
    )
    code, wall, processor, memory = (float(part) for part in done.stdout.split()[-4:])
    if code:
        raise SystemExit(done.stderr)
    return {"seconds": wall, "processor_seconds": processor, "peak_mb": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path)
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--short", action="store_true", help="leave out the run that is ten times as long")
    options, extra = parser.parse_known_args()
    frames = load(options.video)
    result: dict[str, Any] = {"processors": os.cpu_count(), "frames": options.frames, "size": "640x480"}
    with tempfile.TemporaryDirectory() as name, ops.single_threaded():
        folder = Path(name)
        video, longer = folder / "once.mp4", folder / "ten.mp4"
        result["stages_ms"] = {k: round(v, 2) for k, v in stages(frames, folder, min(options.frames, 240)).items()}
        total = sum(result["stages_ms"].values())
        print(f"{'stage':<12}{'processor ms per frame':>24}{'share':>8}")
        for stage, value in result["stages_ms"].items():
            print(f"{stage:<12}{value:>24.2f}{value / total:>8.0%}")
        print(f"{'together':<12}{total:>24.2f}")
        write(video, clips(frames, options.frames), options.frames)
        runs = [end_to_end(video, folder, extra) for _ in range(options.runs)]
        speeds = sorted(options.frames / run["seconds"] for run in runs)
        result.update(runs=runs, frames_per_second=statistics.median(speeds), peak_mb=max(r["peak_mb"] for r in runs))
        each = statistics.median(run["processor_seconds"] for run in runs) / options.frames * 1000
        result["processor_ms_per_frame"] = each
        spread = f"median of {len(runs)} runs, {speeds[0]:.1f} to {speeds[-1]:.1f}"
        print(f"end to end    {result['frames_per_second']:.1f} frames per second ({spread})")
        print(f"              {each:.1f} processor ms per frame, start included; peak {result['peak_mb']:.0f} MB")
        if not options.short:
            write(longer, clips(frames, 10 * options.frames), 10 * options.frames)
            ten = end_to_end(longer, folder, extra)
            result["ten_times"] = ten
            speed = 10 * options.frames / ten["seconds"]
            print(f"ten times     {speed:.1f} frames per second, peak {ten['peak_mb']:.0f} MB")
            print(f"memory        {ten['peak_mb'] / result['peak_mb'] - 1:+.1%} for ten times the length")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

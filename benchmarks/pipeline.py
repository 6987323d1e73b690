"""How fast the main job runs, stage by stage, and how much memory it takes.

    python benchmarks/pipeline.py [--video FILE] [--frames 600] [--json FILE]

The frames of a video (default: the moving photograph of the demo) are played forwards and backwards until there are
enough, at 640x480. Each stage is timed by itself on frames in memory; then the command line runs as a user would run
it, in a process of its own, on that video and on one ten times as long. Frames per second are those of the whole
process, its start included; `steady` leaves the start out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "examples"))
from demo import moving_camera

import motionveil
from motionveil import ops
from motionveil.flow import with_motion
from motionveil.types import UInt8Array

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


def write(path: Path, frames: UInt8Array, count: int) -> None:
    info = motionveil.VideoInfo(
        width=SIZE[0], height=SIZE[1], frame_rate=Fraction(RATE), num_frames=count, duration=Fraction(count, RATE),
        codec="h264", pixel_format="yuv420p",
    )  # fmt: skip
    with motionveil.VideoWriter(path, info) as writer:
        for clip in clips(frames, count):
            writer.write(clip)


def stages(frames: UInt8Array, video: Path, count: int) -> dict[str, float]:
    """Processor milliseconds per frame of every stage, all threads together."""

    def timed(work: Callable[[], Any]) -> tuple[float, Any]:
        begin = time.process_time()
        result = work()
        return (time.process_time() - begin) / count * 1000, result

    def read() -> int:
        with motionveil.open_source(video) as source:
            return sum(len(clip) for clip in source)

    method = motionveil.build_obfuscator(hide=["attributes"])
    list(method.stream(clips(frames, 8)))  # the network is compiled at its first use
    found: dict[str, float] = {}
    found["decode"], _ = timed(read)
    found["flow"], moving = timed(lambda: list(with_motion(clips(frames, count), method.flow)))
    found["saliency"], opacity = timed(lambda: list(method.region.stream(moving)))
    found["noise"], filling = timed(lambda: list(method.filler.stream(moving)))
    found["blend"], _ = timed(
        lambda: [
            [ops.blend(i, f, o) for i, f, o in zip(c.frames, f3, o3, strict=True)]
            for c, f3, o3 in zip(moving, filling, opacity, strict=True)
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        found["encode"], _ = timed(lambda: write(Path(folder) / "x.mp4", np.concatenate(filling)[: len(frames)], count))
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
    parser.add_argument("--json", type=Path)
    parser.add_argument("--short", action="store_true", help="leave out the run that is ten times as long")
    options, extra = parser.parse_known_args()
    frames = load(options.video)
    result: dict[str, Any] = {"processors": os.cpu_count(), "frames": options.frames, "size": "640x480"}
    with tempfile.TemporaryDirectory() as name, ops.single_threaded():
        folder = Path(name)
        video, longer = folder / "once.mp4", folder / "ten.mp4"
        write(video, frames, options.frames)
        result["stages_ms"] = {k: round(v, 2) for k, v in stages(frames, video, min(options.frames, 240)).items()}
        total = sum(result["stages_ms"].values())
        print(f"{'stage':<12}{'processor ms per frame':>24}{'share':>8}")
        for stage, value in result["stages_ms"].items():
            print(f"{stage:<12}{value:>24.2f}{value / total:>8.0%}")
        print(f"{'together':<12}{total:>24.2f}")
        once = end_to_end(video, folder, extra)
        result["once"] = once
        result["frames_per_second"] = options.frames / once["seconds"]
        each = once["processor_seconds"] / options.frames * 1000
        print(f"end to end    {result['frames_per_second']:.1f} frames per second, peak {once['peak_mb']:.0f} MB")
        print(f"              {each:.1f} processor ms per frame, start included")
        if not options.short:
            write(longer, frames, 10 * options.frames)
            ten = end_to_end(longer, folder, extra)
            result["ten_times"] = ten
            result["steady_frames_per_second"] = 9 * options.frames / (ten["seconds"] - once["seconds"])
            speed = 10 * options.frames / ten["seconds"]
            print(f"ten times     {speed:.1f} frames per second, peak {ten['peak_mb']:.0f} MB")
            print(f"steady        {result['steady_frames_per_second']:.1f} frames per second")
            print(f"memory        {ten['peak_mb'] / once['peak_mb'] - 1:+.1%} for ten times the length")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

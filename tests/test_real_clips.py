"""The main job on real clips: counts, times, sizes and durations as an independent reader finds them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import pytest

import motionveil

from .conftest import ROOT

CLIPS = ROOT.parent / "shared" / "data" / "clips"
QUICK = (
    "kth_person01_boxing_d1_uncomp.avi",
    "flipping_a_pancake.mkv",
    "exercise.avi",
    "asl/help.mkv",
    "pool_cleaning.mp4",
)
EXTENSIONS = {".mp4", ".avi", ".mkv"}


class Facts(NamedTuple):
    width: int
    height: int
    times: list[Fraction]
    interval: float
    """Seconds from frame to frame, on average."""
    duration: float
    """Seconds, as the container states it; sound may last longer than the video."""


def facts_of(path: Path) -> Facts:
    """What FFmpeg says of a file, read plainly."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times, width, height = [], 0, 0
        for frame in container.decode(stream):
            assert frame.pts is not None
            assert frame.time_base is not None
            times.append(frame.pts * frame.time_base)
            width, height = frame.width, frame.height
        assert container.duration is not None
        assert stream.average_rate is not None
        if times != sorted(times):  # AVI holds times of decoding only: frames follow each other evenly
            times = [Fraction(index) / stream.average_rate for index in range(len(times))]
        return Facts(width, height, times, float(1 / stream.average_rate), container.duration / 1e6)


def check(source: Path, target: Path, end: float | None) -> None:
    result = motionveil.obfuscate_video(source, target, window=motionveil.Window(end=end))
    before, after = facts_of(source), facts_of(target)
    wanted = [t for t in before.times if end is None or t < end]
    assert (after.width, after.height) == (before.width, before.height)
    assert len(after.times) == len(wanted) == result.num_frames
    drift = max(abs(float(a - b)) for a, b in zip(wanted, after.times, strict=True))
    assert drift <= 1e-3
    if end is None:
        length = float(before.times[-1] - before.times[0]) + before.interval
        assert after.duration == pytest.approx(length, abs=before.interval + 2e-3)
        assert after.duration <= before.duration + 2e-3


@pytest.mark.data
@pytest.mark.parametrize("name", QUICK)
def test_half_a_second_of_real_clips(name: str, data_dir: Path, tmp_path: Path) -> None:
    check(data_dir / "clips" / name, tmp_path / "out.mp4", 0.5)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    sorted(p for p in CLIPS.rglob("*") if p.suffix in EXTENSIONS) if CLIPS.is_dir() else [],
    ids=lambda p: p.name,
)
def test_all_of_every_real_clip(path: Path, data_dir: Path, tmp_path: Path) -> None:
    check(path, tmp_path / "out.mp4", None)


@pytest.mark.data
@pytest.mark.parametrize("name", ["sequence_ipn", "sequence_apple"])
def test_sequences_of_images(name: str, data_dir: Path, tmp_path: Path) -> None:
    count = len([p for p in (data_dir / "clips" / name).iterdir() if p.suffix in (".jpg", ".png")])
    result = motionveil.obfuscate_video(
        data_dir / "clips" / name, tmp_path / "out.mp4", window=motionveil.Window(size=120)
    )
    assert result.num_frames == len(facts_of(tmp_path / "out.mp4").times) == count

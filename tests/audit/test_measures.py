"""One pass over original and output, with a network that is a stand-in and with real ones."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import motionveil
from motionveil._core.types import UInt8Array, VideoInfo
from motionveil.audit.detectors import Detection, Detector, YuNet
from motionveil.audit.difference import touched
from motionveil.audit.excerpts import ExcerptChooser
from motionveil.audit.footage import PairReader
from motionveil.audit.measures import measure, strides
from motionveil.audit.parts import PartFinder, people_in
from motionveil.detection.features import DescriptorGrid
from motionveil.obfuscation.factory import build_obfuscator
from motionveil.pipeline.runner import Window
from motionveil.video import Encoding, VideoWriter

from ..conftest import BRIGHT, BrightnessExtractor, clips_of


class Counting(Detector):
    """A stand-in: a face at a fixed place in every frame that is bright in its middle."""

    kinds = ("face",)

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frames: UInt8Array) -> list[list[Detection]]:
        self.calls += len(frames)
        face = Detection((40, 20, 20, 20), 0.9, "face")
        return [[face] if frame[40, 60, 0] > 128 else [] for frame in frames]


def written(path: Path, frames: UInt8Array) -> Path:
    info = VideoInfo(frames.shape[2], frames.shape[1], Fraction(10), len(frames), None, "", "")
    with VideoWriter(path, info, encoding=Encoding(codec="ffv1")) as writer:
        for clip in clips_of(frames, [4, len(frames) - 4], rate=10):
            writer.write(clip)
    return path


def test_one_pass_measures_all(tmp_path: Path) -> None:
    original = np.full((20, 80, 120, 3), 20, np.uint8)
    original[:, 20:60, 40:80] = 250  # what the stand-in finds
    output = original.copy()
    output[:, 20:60, 40:80] = 90
    output[6:9, 20:60, 60:80] = 250  # half of it, for three frames
    extractor, detector, seen = BrightnessExtractor(), Counting(), list[int]()
    with PairReader(written(tmp_path / "a.mkv", original), written(tmp_path / "b.mkv", output)) as footage:
        found = measure(footage, finder=PartFinder(extractor, [BRIGHT]), detectors=[detector], on_progress=seen.append)
    assert found.num_frames == 20
    assert seen == list(range(1, 21))
    assert extractor.calls == detector.calls == 40
    bright = found.coverage.parts["bright"]
    assert bright.frames == found.coverage.looked_at == 20
    assert bright.worst_frame == pytest.approx(0.5, abs=0.1)
    assert bright.worst_frame_index == 6
    assert bright.worst_frame_at_s == pytest.approx(0.6)
    assert bright.longest_gap_s == pytest.approx(0.3)
    assert found.redetection.face_frames == 20
    assert found.redetection.face_rate == pytest.approx(0.15)
    assert found.redetection.parts["bright"].rate == pytest.approx(0.15)
    assert found.touched == pytest.approx(40 * 40 / (80 * 120), rel=0.25)
    assert [window.start for window in found.excerpts] == [0]


def test_files_are_not_closed_under_a_thread_that_reads_them(tmp_path: Path) -> None:
    hanging, goes_on, closed = threading.Event(), threading.Event(), list[str]()

    class Hanging(BrightnessExtractor):
        def __call__(self, frames: UInt8Array) -> DescriptorGrid:
            if frames.mean() > 100:
                hanging.set()
                goes_on.wait(60)
            return super().__call__(frames)

    def interrupted(done: int) -> None:
        assert hanging.wait(30)
        raise KeyboardInterrupt

    frames = np.full((20, 80, 120, 3), 20, np.uint8)
    frames[3:] = 200
    film = written(tmp_path / "a.mkv", frames)
    footage = PairReader(film, film)
    footage._open.callback(lambda: closed.append("while it was read"))
    with pytest.raises(KeyboardInterrupt), footage:
        measure(footage, finder=PartFinder(Hanging(), [BRIGHT]), on_progress=interrupted)
    goes_on.set()
    with PairReader(film, film) as footage:
        footage._open.callback(lambda: closed.append("at the end"))
        measure(footage, finder=PartFinder(BrightnessExtractor(), [BRIGHT]))
    assert closed == ["at the end"]


@pytest.mark.parametrize(
    ("frames", "rate", "expected"),
    [
        (None, 25, (1, 1)), (1, 25, (1, 1)), (600, 25, (1, 1)), (1800, 30, (1, 3)), (4000, 30, (2, 8)),
        (100_000, 30, (6, 168)), (3000, 2, (1, 5)),
    ],
)  # fmt: skip
def test_long_videos_are_looked_at_less_often(frames: int | None, rate: float, expected: tuple[int, int]) -> None:
    assert strides(frames, rate) == expected


@pytest.mark.data
@pytest.mark.parametrize(
    ("encoding", "least"), [(Encoding(codec="ffv1"), 0.99), (Encoding(), 0.99), (Encoding(quality=35), 0.95)]
)
def test_touched_is_what_was_replaced(data_dir: Path, tmp_path: Path, encoding: Encoding, least: float) -> None:
    """The opacity itself says where a real clip was replaced, and by how much, blurred by coarse encoding."""
    source = data_dir / "clips" / "asl" / "help.mkv"
    window = Window(end=0.4)
    explained = list(build_obfuscator(seed=1).explain(window.open(source)))
    opacity = np.concatenate([item.opacity for item in explained])
    target = tmp_path / "out.mkv"
    with VideoWriter(target, window.open(source).info, encoding=encoding) as writer:
        for item in explained:
            writer.write(item.obfuscated)
    with PairReader(source, target, window) as footage:
        pairs = list(footage.pairs())
    found = np.stack([touched(pair.original, pair.output) for pair in pairs])
    assert found.shape == opacity.shape
    assert found[opacity == 1].mean() > least
    # The encoder smears a sharp border by a pixel or two.
    assert (opacity[found] > 0).mean() > 0.98
    chooser, finder = ExcerptChooser(expected=len(pairs)), PartFinder()
    for pair, region in zip(pairs, found, strict=True):
        chooser.add(pair, region, people_in(finder(pair.original), region.shape))
    (chosen,) = chooser.result()
    assert chosen.core.mean() > 0.1
    assert (opacity[: len(chosen.pts)][chosen.core] == 1).mean() > 0.999


@pytest.mark.data
@pytest.mark.weights
def test_a_real_clip(data_dir: Path, weights_dir: Path, tmp_path: Path) -> None:
    source = data_dir / "clips" / "asl" / "help.mkv"
    window = Window(end=0.5)
    faces = YuNet(weights_dir / "yunet_n_640_640.onnx")
    finder = PartFinder()
    found = {}
    for hide in ("person", "lips"):
        target = tmp_path / f"{hide}.mp4"
        motionveil.obfuscate_video(source, target, hide=hide, window=window)
        with PairReader(source, target, window) as footage:
            found[hide] = measure(footage, detectors=[faces], finder=finder)
    whole, lips = found["person"], found["lips"]
    for part in whole.coverage.parts.values():
        assert part.worst_frame is None or part.worst_frame > 0.97
        assert not part.longest_gap_s
    assert whole.redetection.face_frames == lips.redetection.face_frames == whole.num_frames
    assert whole.redetection.face_rate == 0
    assert lips.redetection.face_rate == 1
    assert lips.redetection.parts["hair"].rate == 1
    assert (whole.redetection.parts["eyes"].rate or 0) < 0.5
    assert lips.coverage.parts["lips"].mean == pytest.approx(1, abs=0.02)
    assert (lips.coverage.parts["eyes"].mean or 0) < 0.1
    assert (lips.coverage.parts["hair"].longest_gap_s or 0) > 0.4
    assert whole.touched > 10 * lips.touched

"""The main job through the Python interface."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import motionveil
from motionveil import drawing
from motionveil._core.errors import OptionError, OutputError, TemplateError
from motionveil._core.types import UInt8Array, VideoInfo
from motionveil.fillers import MotionNoise
from motionveil.flow import DISFlow
from motionveil.obfuscation.obfuscators import Selective
from motionveil.obfuscation.presets import PRESETS
from motionveil.outputs.output_paths import output_for, plan
from motionveil.regions import TemplateSaliency

from ..conftest import BRIGHT, BrightnessExtractor, ConstantFlow, clips_of, textured


def info_of(frames: UInt8Array, rate: int = 25) -> VideoInfo:
    count, height, width, _ = frames.shape
    return VideoInfo(width, height, Fraction(rate), count, Fraction(count, rate), "h264", "yuv420p")


def write(path: Path, frames: UInt8Array, *, codec: str | None = None) -> Path:
    with motionveil.VideoWriter(path, info_of(frames), encoding=motionveil.Encoding(codec=codec)) as writer:
        for clip in clips_of(frames):
            writer.write(clip)
    return path


def read(path: Path) -> tuple[UInt8Array, list[Fraction]]:
    with motionveil.open_source(path) as source:
        clips = list(source)
    return np.concatenate([c.frames for c in clips]), [p for c in clips for p in c.pts]


@pytest.fixture
def video(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Sixteen lossless frames of 128x96: dark on the left, bright on the right."""
    picture = textured(96, 128, rng)
    frames = np.stack([np.roll(picture, t, axis=0) // 8 for t in range(16)])
    frames[:, :, 72:] += 200
    return write(tmp_path / "in.mkv", frames)


@pytest.fixture
def method() -> Selective:
    region = TemplateSaliency(BrightnessExtractor(), [BRIGHT], coverage=PRESETS["secure"].coverage)
    # cosines of the stand-in: 0.97 for the bright half, below 0.1 for the dark one
    return Selective(region, MotionNoise(), ConstantFlow(0, 1))


def test_what_is_salient_is_replaced_and_the_rest_is_bit_exact(video: Path, method: Selective, tmp_path: Path) -> None:
    lossless = motionveil.Encoding(codec="ffv1")
    before, times = read(video)
    result = motionveil.obfuscate_video(video, tmp_path / "out.mkv", obfuscator=method, encoding=lossless)
    after, times_after = read(tmp_path / "out.mkv")
    assert times_after == pytest.approx(times, abs=1e-3)
    assert np.array_equal(after[:, :, :48], before[:, :, :48])
    changed = np.abs(after[:, :, 88:].astype(int) - before[:, :, 88:]).mean()
    assert changed > 40
    assert result.num_frames == 16


def test_progress_and_record_and_preview(video: Path, method: Selective, tmp_path: Path) -> None:
    seen: list[motionveil.Progress] = []
    result = motionveil.obfuscate_video(
        video, tmp_path / "out.mp4", obfuscator=method, preview=True, record=True, on_progress=seen.append
    )
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].done == 16
    assert result.preview is not None
    assert result.sheet is not None
    panels, _ = read(result.preview)
    assert panels.shape == (16, 96, 384, 3)
    record = json.loads((tmp_path / "out.mp4.json").read_text())
    assert record["templates"] == {"bright": "brightness"}
    assert record["settings"]["coverage"]["hold"] == PRESETS["secure"].coverage.hold
    assert len(record["source"]["sha256"]) == len(record["output"]["sha256"]) == 64
    assert str(tmp_path) not in json.dumps(record)


def test_no_seed_is_ever_recorded(video: Path, tmp_path: Path) -> None:
    motionveil.obfuscate_video(video, tmp_path / "out.mp4", hide=["torso"], seed=918273645, record=True)
    text = (tmp_path / "out.mp4.json").read_text()
    assert "918273645" not in text
    assert "not kept" in text


def test_the_default_never_repeats_itself(video: Path, method: Selective, tmp_path: Path) -> None:
    lossless = motionveil.Encoding(codec="ffv1")
    for name in ("a.mkv", "b.mkv"):
        motionveil.obfuscate_video(video, tmp_path / name, obfuscator=method, encoding=lossless)
    a, b = read(tmp_path / "a.mkv")[0], read(tmp_path / "b.mkv")[0]
    assert not np.array_equal(a[:, :, 100:], b[:, :, 100:])


def test_a_picture_in_a_picture_out(tmp_path: Path, rng: np.random.Generator) -> None:
    picture = textured(90, 120, rng)
    drawing.write_image(tmp_path / "in.png", picture)
    result = motionveil.obfuscate_video(tmp_path / "in.png", tmp_path / "out.png", hide=["all"])
    assert result.info.is_image
    assert read(tmp_path / "out.png")[0].shape == (1, 90, 120, 3)


def test_a_folder_in_a_folder_out(tmp_path: Path, method: Selective, rng: np.random.Generator) -> None:
    for t in range(5):
        drawing.write_image(tmp_path / "in" / f"{t:03d}.png", textured(64, 96, rng))
    motionveil.obfuscate_video(tmp_path / "in", tmp_path / "out", obfuscator=method)
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_an_error_in_the_middle_leaves_nothing(video: Path, tmp_path: Path) -> None:
    class Breaks(BrightnessExtractor):
        def __call__(self, frames: UInt8Array) -> motionveil.DescriptorGrid:
            if self.calls == 3:
                raise OptionError("enough")
            return super().__call__(frames)

    before = video.read_bytes()
    method = Selective(TemplateSaliency(Breaks(), [BRIGHT]), MotionNoise(), DISFlow())
    with pytest.raises(OptionError, match="enough"):
        motionveil.obfuscate_video(video, tmp_path / "out.mp4", obfuscator=method, preview=True, record=True)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mkv"]
    assert video.read_bytes() == before


def test_an_interrupt_in_the_middle_leaves_nothing(video: Path, method: Selective, tmp_path: Path) -> None:
    def interrupt(progress: motionveil.Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        motionveil.obfuscate_video(video, tmp_path / "out", obfuscator=method, on_progress=interrupt)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mkv"]


def test_outputs_appear_together_or_not_at_all(
    video: Path, method: Selective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record cannot be written: then there is no output and no preview either."""

    def refuse(self: object) -> None:
        raise OutputError("no")

    monkeypatch.setattr("motionveil._core.atomic_files.PendingFile.commit", refuse)
    with pytest.raises(OutputError, match="no"):
        motionveil.obfuscate_video(video, tmp_path / "o.mp4", obfuscator=method, preview=True, record=True)
    assert [p.name for p in tmp_path.iterdir()] == ["in.mkv"]


def test_numbered_pictures_with_record_and_preview_twice(video: Path, method: Selective, tmp_path: Path) -> None:
    for _ in range(2):
        motionveil.obfuscate_video(
            video, tmp_path / "out" / "%04d.png", obfuscator=method, preview=True, record=True,
            encoding=motionveil.Encoding(overwrite=True),
        )  # fmt: skip
    assert {p.name for p in tmp_path.iterdir()} == {"in.mkv", "out", "out.json", "out.preview.mp4", "out.sheet.png"}
    assert len(list((tmp_path / "out").iterdir())) == 16


def test_other_pictures_in_a_folder_are_never_removed(video: Path, method: Selective, tmp_path: Path) -> None:
    (tmp_path / "pics").mkdir()
    (tmp_path / "pics" / "holiday.jpg").write_bytes(b"mine")
    allow = motionveil.Encoding(overwrite=True)
    for target in (tmp_path / "pics", tmp_path / "pics" / "%06d.png"):
        with pytest.raises(OutputError, match="holiday"):
            motionveil.obfuscate_video(video, target, obfuscator=method, encoding=allow)
    assert (tmp_path / "pics" / "holiday.jpg").read_bytes() == b"mine"


def test_nothing_is_written_into_a_folder_that_is_read(method: Selective, tmp_path: Path) -> None:
    drawing.write_image(tmp_path / "in" / "0.png", np.zeros((64, 96, 3), np.uint8))
    with pytest.raises(OutputError, match="inside the input folder"):
        motionveil.obfuscate_video(tmp_path / "in", tmp_path / "in" / "out.mp4", obfuscator=method)


def test_results_never_share_a_place_or_replace_a_source(tmp_path: Path) -> None:
    for name in ("x/c.mkv", "y/c.mkv", "a.avi", "a.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(OptionError, match="would both be written"):
        plan([tmp_path / "x/c.mkv", tmp_path / "y/c.mkv"], tmp_path / "out")
    with pytest.raises(OptionError, match="would both be written"):
        plan([tmp_path / "a.avi", tmp_path / "a.mp4"], tmp_path)
    assert len(plan([tmp_path / "x/c.mkv", tmp_path / "a.avi"], tmp_path / "out")) == 2


def test_maps_never_replace_what_they_did_not_make(tmp_path: Path) -> None:
    drawing.write_image(tmp_path / "photos" / "0.png", np.zeros((64, 96, 3), np.uint8))
    (tmp_path / "photos" / "notes.txt").write_text("mine")
    drawing.write_image(tmp_path / "film.png", np.zeros((64, 96, 3), np.uint8))
    (tmp_path / "film").mkdir()
    (tmp_path / "film" / "thesis.doc").write_text("mine")
    with pytest.raises(OutputError, match="is the input"):
        motionveil.write_saliency(tmp_path / "photos", tmp_path, overwrite=True)
    with pytest.raises(OutputError, match=r"thesis\.doc"):
        motionveil.write_saliency(tmp_path / "film.png", tmp_path, overwrite=True)
    assert (tmp_path / "photos" / "notes.txt").exists()
    assert (tmp_path / "film" / "thesis.doc").exists()


def test_the_record_tells_of_a_seed_inside_an_obfuscator(video: Path, tmp_path: Path) -> None:
    region = TemplateSaliency(BrightnessExtractor(), [BRIGHT])
    seeded = Selective(region, MotionNoise(seed=5), ConstantFlow(0, 0))
    motionveil.obfuscate_video(video, tmp_path / "o.mp4", obfuscator=seeded, record=True)
    settings = json.loads((tmp_path / "o.mp4.json").read_text())["settings"]
    assert settings["seed"].startswith("given by the user")
    assert settings["preset"] is None


def test_a_live_source_ends_with_an_interrupt_and_is_kept(
    video: Path, method: Selective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def live(self: motionveil.Window, source: object, **options: object) -> motionveil.Source:
        reader = motionveil.open_source(video, clip_length=4)
        reader.info = replace(reader.info, is_live=True)
        return reader

    def interrupt(progress: motionveil.Progress) -> None:
        if progress.done == 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(motionveil.Window, "open", live)
    result = motionveil.obfuscate_video(0, tmp_path / "out.mp4", obfuscator=method, on_progress=interrupt)
    assert result.num_frames == len(read(tmp_path / "out.mp4")[0]) == 8


def test_the_input_is_never_the_output(video: Path, method: Selective, tmp_path: Path) -> None:
    allow = motionveil.Encoding(overwrite=True)
    (tmp_path / "link.mkv").symlink_to(video)
    for target in (video, tmp_path / "link.mkv"):
        with pytest.raises(OutputError):
            motionveil.obfuscate_video(video, target, obfuscator=method, encoding=allow)


def test_unknown_names_are_refused_before_anything_is_written(video: Path, tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="hiar"):
        motionveil.obfuscate_video(video, tmp_path / "out.mp4", hide=["hiar"])
    with pytest.raises(OptionError, match="paper"):
        motionveil.obfuscate_video(video, tmp_path / "out.mp4", preset="strong")
    assert not (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize(
    ("source", "target", "many", "expected"),
    [
        ("a/film.mov", None, False, "film_veiled.mov"),
        ("a/film.avi", None, False, "film_veiled.mp4"),
        ("a/film.avi", "x.mkv", False, "x.mkv"),
        ("a/film.avi", "out", True, "out/film.mp4"),
        ("photo.png", "out", True, "out/photo.png"),
        ("deep/frames/%06d.png", None, False, "frames_veiled.mp4"),
        (0, None, False, "camera0_veiled.mp4"),
        ("-", None, False, "stdin_veiled.mp4"),
        ("rtsp://me:secret@10.0.0.5/door.mp4?token=x", None, False, "door_veiled.mp4"),
        ("film.mxf", None, False, "film_veiled.mp4"),
        ("scan.pgm", None, False, "scan_veiled.png"),
        ("frames/??.png", None, False, "frames_veiled.mp4"),
    ],
)
def test_where_results_go(source: str | int, target: str | None, many: bool, expected: str) -> None:
    found = output_for(source, None if target is None else Path(target), many=many)
    assert str(found).endswith(expected)

"""Frames out: colours, times, tags, sizes, judged by PyAV and the formulas of the ITU."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from motionveil._core.errors import OptionError, OutputError
from motionveil._core.types import Clip, UInt8Array, VideoInfo
from motionveil.video import Encoding, VideoWriter, open_source

from .films import make_film, numbered, picture, to_yuv


def info_of(frames: UInt8Array, *, rate: Fraction = Fraction(25), **more: object) -> VideoInfo:
    height, width = frames.shape[1:3]
    values: dict[str, object] = {"num_frames": None, "duration": None, "codec": "h264", "pixel_format": "yuv420p"}
    return VideoInfo(width, height, rate, **{**values, **more})  # type: ignore[arg-type]


def write(
    target: Path,
    frames: UInt8Array,
    encoding: Encoding = Encoding(),  # noqa: B008
    *,
    times: list[Fraction] | None = None,
    info: VideoInfo | None = None,
    source: Path | None = None,
) -> str | None:
    times = times or [Fraction(i, 25) for i in range(len(frames))]
    with VideoWriter(target, info or info_of(frames), encoding=encoding, audio_from=source) as writer:
        for start in range(0, len(frames), 4):
            writer.write(Clip(frames[start : start + 4], start, tuple(times[start : start + 4])))
    return "; ".join(writer.notices) or None


def read(path: Path) -> tuple[UInt8Array, list[Fraction], VideoInfo]:
    with open_source(path) as source:
        clips = list(source)
        return np.concatenate([clip.frames for clip in clips]), [t for clip in clips for t in clip.pts], source.info


FILES = [
    ("a.mp4", None, "h264"),
    ("a.mov", None, "h264"),
    ("a.mkv", None, "h264"),
    ("a.avi", None, "h264"),
    ("a.webm", None, "vp9"),
    ("a.gif", None, "gif"),
    ("a.mp4", "hevc", "hevc"),
    ("a.mkv", "av1", "av1"),
    ("a.mkv", "ffv1", "ffv1"),
]


@pytest.mark.parametrize(("name", "codec", "expected"), FILES)
def test_every_codec(tmp_path: Path, name: str, codec: str | None, expected: str) -> None:
    frames = np.stack([np.roll(picture(96, 128), 4 * i, axis=1) for i in range(10)])
    write(tmp_path / name, frames, Encoding(codec=codec))
    back, times, info = read(tmp_path / name)
    assert expected in info.codec or info.codec == "libdav1d"
    assert times == [Fraction(i, 25) for i in range(10)]
    assert (info.width, info.height, info.duration) == (128, 96, Fraction(10, 25))
    assert np.abs(back.astype(int) - frames).mean() < (0 if expected == "ffv1" else 5) + 1e-9


@pytest.mark.parametrize(("name", "codec"), [(name, codec) for name, codec, _ in FILES])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_few_frames(tmp_path: Path, name: str, codec: str | None, count: int) -> None:
    frames = numbered(count, 96, 96)
    write(tmp_path / name, frames, Encoding(codec=codec))
    back, times, info = read(tmp_path / name)
    assert times == [Fraction(i, 25) for i in range(count)]
    assert info.duration == Fraction(count, 25)
    np.testing.assert_allclose(back.mean((1, 2, 3)), frames.mean((1, 2, 3)), atol=3)


@pytest.mark.parametrize(("name", "codec"), [(name, codec) for name, codec, _ in FILES])
@pytest.mark.parametrize("size", [(67, 65), (66, 65), (67, 66)])
def test_odd_sizes_are_kept(tmp_path: Path, name: str, codec: str | None, size: tuple[int, int]) -> None:
    frames = np.stack([cv2.resize(picture(96, 128), size)] * 3).astype(np.uint8)
    notice = write(tmp_path / name, frames, Encoding(codec=codec))
    back, _, info = read(tmp_path / name)
    assert (info.width, info.height) == size
    assert np.abs(back.astype(int) - frames).mean() < 6
    is_444 = info.pixel_format == "yuv444p"
    assert (notice is not None) == is_444
    assert not is_444 or f"{size[0]}x{size[1]} is odd" in str(notice)


@pytest.mark.parametrize(("height", "matrix", "tag"), [(96, 6, 6), (720, 1, 1)])
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "h264"), ("a.mp4", "hevc"), ("a.webm", "vp9"), ("a.mkv", "av1")])
def test_colours_and_their_tags(tmp_path: Path, name: str, codec: str, height: int, matrix: int, tag: int) -> None:
    for colour in [(200, 40, 30), (30, 50, 220)]:
        frames = np.full((2, height, 96, 3), colour, np.uint8)
        write(tmp_path / name, frames, Encoding(codec=codec, overwrite=True, quality=1))
        with av.open(str(tmp_path / name)) as container:
            frame = next(container.decode(video=0))
            assert (frame.colorspace, frame.color_range) == (tag, 1)
            assert (frame.color_primaries, frame.color_trc) == (tag, tag)
            values = [int(bytes(plane)[plane.line_size * 8 + 8]) for plane in frame.planes]
        np.testing.assert_allclose(values, to_yuv(colour, matrix), atol=1)


def test_repeated_writing_does_not_drift(tmp_path: Path) -> None:
    frames = np.stack([cv2.GaussianBlur(picture(64, 64), (0, 0), 6)] * 2).astype(np.uint8)
    current = frames
    for _ in range(4):
        write(tmp_path / "a.mp4", current, Encoding(quality=1, overwrite=True))
        current, _, _ = read(tmp_path / "a.mp4")
    difference = current.astype(float) - frames
    assert np.abs(difference.mean((0, 1, 2))).max() < 0.3
    assert np.abs(difference).mean() < 1


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm"])
def test_variable_times_and_the_last_duration(tmp_path: Path, name: str) -> None:
    times = [Fraction(ms, 1000) for ms in (0, 40, 45, 200, 233, 1000, 1010, 1500)]
    frames = numbered(8, 64, 64)
    write(tmp_path / name, frames, times=times, info=info_of(frames, duration=Fraction(9, 4)))
    back, got, info = read(tmp_path / name)
    assert got == times
    assert info.duration == Fraction(9, 4)
    np.testing.assert_allclose(back.mean((1, 2, 3)), frames.mean((1, 2, 3)), atol=3)


def test_fractional_rates_are_exact(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    times = [i / rate for i in range(12)]
    frames = numbered(12, 64, 64)
    write(tmp_path / "a.mp4", frames, times=times, info=info_of(frames, rate=rate, duration=12 / rate))
    _, got, info = read(tmp_path / "a.mp4")
    assert got == times
    assert info.duration == 12 / rate
    assert info.frame_rate == rate


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_late_start_stays_and_a_window_moves_to_zero(tmp_path: Path, name: str) -> None:
    frames = numbered(6, 64, 64)
    times = [Fraction(33, 1000) + Fraction(i, 25) for i in range(6)]
    write(tmp_path / name, frames, times=times)
    assert read(tmp_path / name)[1] == times
    later = [5 + time for time in times]
    write(tmp_path / name, frames, Encoding(overwrite=True), times=later, info=info_of(frames, start=Fraction(5)))
    assert read(tmp_path / name)[1] == times


def test_a_source_that_was_cut_does_not_stretch_the_last_frame(tmp_path: Path) -> None:
    frames = numbered(5, 64, 64)
    write(tmp_path / "a.mp4", frames, info=info_of(frames, duration=Fraction(600)))
    assert read(tmp_path / "a.mp4")[2].duration == Fraction(1, 5)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_pixel_shape_is_passed_on(tmp_path: Path, name: str) -> None:
    frames = numbered(3, 64, 64)
    write(tmp_path / name, frames, info=info_of(frames, sample_aspect_ratio=Fraction(4, 3)))
    assert read(tmp_path / name)[2].sample_aspect_ratio == Fraction(4, 3)


def test_a_container_that_loses_the_pixel_shape_says_so(tmp_path: Path) -> None:
    frames = numbered(3, 64, 64)
    notice = write(tmp_path / "a.webm", frames, info=info_of(frames, sample_aspect_ratio=Fraction(4, 3)))
    assert "4/3" in str(notice)


def test_quality_and_speed_reach_the_encoder(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)
    sizes = []
    for quality in (5, 20, 40):
        write(tmp_path / "a.mp4", frames, Encoding(quality=quality, speed="ultrafast", overwrite=True))
        sizes.append((tmp_path / "a.mp4").stat().st_size)
    assert sizes[0] > 1.5 * sizes[1] > 2 * sizes[2]
    with pytest.raises(OptionError, match="must be one of ultrafast"):
        write(tmp_path / "b.mp4", frames, Encoding(speed="warp"))
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("name", "encoding", "message"),
    [
        ("a.webm", Encoding(codec="h264"), r"\.webm files cannot hold h264: write to \.mp4 or"),
        ("a.mp4", Encoding(quality=90), "quality of h264 must be 0 to 51, not 90"),
        ("a.mkv", Encoding(codec="ffv1", quality=3), "quality of ffv1 cannot be set"),
        ("frames", Encoding(codec="h264"), "is an image output: choose png or jpg"),
        ("a.png", Encoding(audio="keep"), "images cannot hold audio"),
        ("a.mp4", Encoding(audio="keep"), "only if the source is a video file"),
    ],
)
def test_settings_that_do_not_fit(tmp_path: Path, name: str, encoding: Encoding, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        write(tmp_path / name, numbered(2, 64, 64), encoding)
    assert list(tmp_path.iterdir()) == []


def test_unknown_codecs_and_extensions(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown codec 'h265': choose one of h264, hevc"):
        Encoding(codec="h265")
    with pytest.raises(OutputError, match=r"a.xyz has an unsupported extension: use one of .mp4"):
        write(tmp_path / "a.xyz", numbered(2))


def test_frames_of_another_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="must be 48x32, not 32x48"):
        write(tmp_path / "a.mp4", numbered(2, 48, 32), info=info_of(numbered(1)))


def test_nothing_is_said_about_origin_or_tools(tmp_path: Path) -> None:
    source = make_film(
        tmp_path / "in.mp4", numbered(5, 64, 64), sound=True, metadata={"title": "Anna", "location": "+1+1/"}
    )
    for name, codec in [("a.mp4", "h264"), ("b.mp4", "hevc"), ("c.mkv", "h264"), ("d.webm", "vp9")]:
        write(tmp_path / name, numbered(5, 64, 64), Encoding(codec=codec), source=source)
        data = (tmp_path / name).read_bytes()
        for trace in (b"Anna", b"+1+1", b"x264", b"x265", b"Lavc", b"Lavf6", b"libvpx"):
            assert trace not in data, (name, trace)
        with av.open(str(tmp_path / name)) as container:
            assert len(container.streams) == 1


def test_players_can_start_before_the_end_and_know_hevc(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", numbered(5, 64, 64), Encoding(codec="hevc"))
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"hvc1" in data


def test_still_image(tmp_path: Path) -> None:
    frames = picture()[None]
    write(tmp_path / "a.png", frames)
    np.testing.assert_array_equal(read(tmp_path / "a.png")[0], frames)
    write(tmp_path / "a.jpg", frames)
    assert np.abs(read(tmp_path / "a.jpg")[0].astype(int) - frames).mean() < 12
    with pytest.raises(OutputError, match="a still image holds one frame"):
        write(tmp_path / "b.png", numbered(2))
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize(
    ("target", "encoding", "names"),
    [
        ("out", Encoding(), ["000000.png", "000001.png", "000002.png"]),
        ("out", Encoding(codec="jpg"), ["000000.jpg", "000001.jpg", "000002.jpg"]),
        ("out/f%02d.png", Encoding(), ["f00.png", "f01.png", "f02.png"]),
    ],
)
def test_image_sequences(tmp_path: Path, target: str, encoding: Encoding, names: list[str]) -> None:
    frames = numbered(3)
    write(tmp_path / target, frames, encoding)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == names
    np.testing.assert_allclose(read(tmp_path / "out")[0].astype(int), frames, atol=0 if "png" in names[0] else 1)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.data
@pytest.mark.parametrize("name", ["asl/eat.mkv", "carphone_pristine.mp4", "v_Bowling_g01_c01.avi", "pexels_pose.mp4"])
@pytest.mark.parametrize("extension", [".mp4", ".mkv"])
def test_real_clips_keep_their_times(data_dir: Path, tmp_path: Path, name: str, extension: str) -> None:
    target = tmp_path / f"a{extension}"
    with open_source(data_dir / "clips" / name, end=1.5) as source, VideoWriter(target, source.info) as writer:
        times: list[Fraction] = []
        for clip in source:
            writer.write(clip)
            times += clip.pts
    _, got, info = read(target)
    assert len(got) == len(times)
    assert max(abs(a - b) for a, b in zip(times, got, strict=True)) <= Fraction(1, 1000)
    assert info.duration is not None
    assert source.info.duration is not None
    assert abs(info.duration - source.info.duration) <= Fraction(1, 1000)


@pytest.mark.skipif(not hasattr(os, "sched_getscheduler"), reason="only Linux tells how threads are scheduled")
def test_no_encoder_takes_over_the_machine(tmp_path: Path) -> None:
    """SVT-AV1 does, where it may: its threads, and the one that opens it, get real-time priority."""

    def policies() -> set[int]:
        return {os.sched_getscheduler(int(task.name)) for task in Path("/proc/self/task").iterdir()}

    before = policies()
    frames = numbered(4)
    with VideoWriter(tmp_path / "a.mkv", info_of(frames), encoding=Encoding(codec="av1")) as writer:
        writer.write(Clip(frames, 0, tuple(Fraction(i, 25) for i in range(4))))
        assert policies() == before
    assert policies() == before

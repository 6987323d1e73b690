"""Files in, upright RGB clips with exact times out."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil._core.types import UInt8Array
from motionveil.video import open_source, probe

from .films import make_film, numbered, picture


def read(source: str | Path, **options: object) -> tuple[UInt8Array, list[Fraction]]:
    with open_source(source, **options) as opened:  # type: ignore[arg-type]
        clips = list(opened)
    return np.concatenate([clip.frames for clip in clips]), [time for clip in clips for time in clip.pts]


def test_clips_are_cut_to_length_and_counted(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", numbered(10))
    with open_source(film, clip_length=4) as source:
        clips = list(source)
    assert [(clip.start, len(clip)) for clip in clips] == [(0, 4), (4, 4), (8, 2)]
    frames = np.concatenate([clip.frames for clip in clips])
    np.testing.assert_allclose(frames.mean((1, 2, 3)), 20 + 10 * np.arange(10), atol=1.5)
    for length in (1, 3, 10, 64):
        np.testing.assert_array_equal(read(film, clip_length=length)[0], frames)


def test_a_file_can_be_read_twice(tmp_path: Path) -> None:
    with open_source(make_film(tmp_path / "a.mp4", numbered(5))) as source:
        first, second = list(source), list(source)
    np.testing.assert_array_equal(first[0].frames, second[0].frames)


def test_info_says_what_the_container_says(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", numbered(12), rate=Fraction(30000, 1001), sound=True)
    info = probe(film)
    assert (info.width, info.height, info.num_frames, info.codec) == (48, 32, 12, "h264")
    assert info.frame_rate == Fraction(30000, 1001)
    assert info.duration is not None
    assert abs(info.duration - Fraction(12 * 1001, 30000)) < Fraction(1, 1000)
    assert info.has_audio
    assert not info.is_live
    assert not info.is_image


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mov"])
def test_variable_frame_times_pass_through(tmp_path: Path, extension: str) -> None:
    milliseconds = [0, 40, 45, 200, 233, 1000, 1010]
    times = [Fraction(ms, 1000) for ms in milliseconds]
    film = make_film(tmp_path / f"a{extension}", numbered(7), times=times)
    assert read(film)[1] == times


def test_a_late_first_frame_keeps_its_time(tmp_path: Path) -> None:
    times = [Fraction(ms, 1000) for ms in (33, 66, 100)]
    assert read(make_film(tmp_path / "a.mkv", numbered(3), times=times))[1] == times


def test_a_transport_stream_starts_at_zero(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.ts", numbered(6))  # FFmpeg begins these at 1.4 s
    frames, times = read(film)
    assert times == [Fraction(i, 25) for i in range(6)]
    np.testing.assert_allclose(frames.mean((1, 2, 3)), 20 + 10 * np.arange(6), atol=1.5)


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".ts", ".avi"])
@pytest.mark.parametrize("start", [0.04, 0.5, 1.0, 1.97, 2.36])
def test_a_window_is_exact(tmp_path: Path, extension: str, start: float) -> None:
    codec, options = ("mpeg4", {"b": "2M"}) if extension == ".avi" else ("libx264", {"qp": "4", "g": "20", "bf": "2"})
    frames = np.stack([np.full((32, 48, 3), 20 + 3 * i, np.uint8) for i in range(60)])
    film = make_film(tmp_path / f"a{extension}", frames, codec=codec, options=options)
    whole, times = read(film)
    part, part_times = read(film, start=start, end=start + 0.4)
    wanted = [i for i, time in enumerate(times) if start - 1e-9 <= time < start + 0.4 - 1e-9]
    assert part_times == [times[i] for i in wanted]
    np.testing.assert_array_equal(part, whole[wanted])


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg2video"])
def test_a_window_into_open_groups_is_exact(tmp_path: Path, codec: str) -> None:
    options = {
        "libx264": {"x264-params": "open-gop=1:keyint=12:min-keyint=6:bframes=3:b-adapt=0:scenecut=0"},
        "libx265": {"x265-params": "open-gop=1:keyint=12:min-keyint=6:bframes=3:b-adapt=0:scenecut=0:log-level=error"},
        "mpeg2video": {"bf": "2", "g": "12"},
    }[codec]
    frames = np.stack([np.roll(picture(96, 96), 2 * i, axis=1) for i in range(50)])
    film = make_film(tmp_path / "a.mkv", frames, codec=codec, options=options)
    whole, times = read(film)
    assert len(whole) == 50
    for index in (5, 12, 13, 23, 24, 25, 36, 40, 49):
        part, part_times = read(film, start=float(times[index]))
        assert part_times == times[index:]
        np.testing.assert_array_equal(part, whole[index:])


@pytest.mark.data
@pytest.mark.parametrize("name", ["asl/eat.mkv", "carphone_pristine.mp4", "v_Bowling_g01_c01.avi", "pexels_pose.mp4"])
def test_windows_of_real_clips_are_exact(data_dir: Path, name: str) -> None:
    film = data_dir / "clips" / name
    whole, times = read(film, size=64)
    for index in (1, len(times) // 3, len(times) - 2):
        part, part_times = read(film, size=64, start=float(times[index]), end=float(times[index]) + 0.3)
        assert part_times == [time for time in times[index:] if time < times[index] + Fraction(3, 10)]
        np.testing.assert_array_equal(part, whole[index : index + len(part)])


def test_a_window_is_told(tmp_path: Path) -> None:
    info = open_source(make_film(tmp_path / "a.mp4", numbered(50)), start=0.4, end=1.2).info
    assert (info.start, info.duration, info.num_frames) == (Fraction(2, 5), Fraction(6, 5), None)


def test_a_start_beyond_the_end_is_refused(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", numbered(5))
    with pytest.raises(InputError, match=r"no frame after 9 s in .*a.mp4, which ends at 0.200 s"):
        open_source(film, start=9)
    with pytest.raises(InputError, match=r"no frame between 0.165 s and 0.19 s"):
        list(open_source(film, start=0.165, end=0.19))


@pytest.mark.parametrize(
    "options", [{"clip_length": 0}, {"start": -1}, {"start": 2, "end": 2}, {"size": 0}, {"size": (4, 0)}]
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, options: dict[str, int]) -> None:
    film = make_film(tmp_path / "a.mp4", numbered(2))
    with pytest.raises(OptionError):
        open_source(film, **options)  # type: ignore[arg-type]


def test_size_means_the_short_side(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", np.stack([picture(64, 96)] * 3))
    frames, _ = read(film, size=32)
    assert frames.shape == (3, 32, 48, 3)
    expected = cv2.resize(read(film)[0][0], (48, 32), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(frames[0], expected)
    assert read(film, size=(20, 40))[0].shape == (3, 40, 20, 3)
    info = probe(film)
    assert (info.width, info.height) == (96, 64)


@pytest.mark.parametrize("size", [(47, 31), (48, 31), (33, 48), (2, 2)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    frames = np.stack([picture(size[1], size[0])] * 2)
    film = make_film(tmp_path / "a.mkv", frames, codec="ffv1", pixel_format="bgr0")
    np.testing.assert_array_equal(read(film)[0], frames)


def test_sample_aspect_ratio_is_told_and_pixels_stay(tmp_path: Path) -> None:
    tags = {"sample_aspect_ratio": Fraction(4, 3)}
    film = make_film(tmp_path / "a.mp4", numbered(2), tags=tags)  # type: ignore[arg-type]
    info = probe(film)
    assert (info.width, info.height, info.sample_aspect_ratio) == (48, 32, Fraction(4, 3))
    turned = make_film(tmp_path / "b.mp4", numbered(2), tags=tags, rotation=(90, False))  # type: ignore[arg-type]
    assert probe(turned).sample_aspect_ratio == Fraction(3, 4)


def test_standard_input(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mkv", numbered(5))
    program = (
        "import numpy as np; from motionveil.video import open_source; s = open_source('-')\n"
        "print([round(float(f.mean())) for c in s for f in c.frames])\n"
        "try: list(s)\n"
        "except Exception as error: print(error)"
    )
    with film.open("rb") as file:
        out = subprocess.run([sys.executable, "-c", program], stdin=file, capture_output=True, text=True, check=True)
    levels, complaint = out.stdout.splitlines()
    np.testing.assert_allclose([int(x) for x in levels.strip("[]").split(",")], [20, 30, 40, 50, 60], atol=2)
    assert complaint == "standard input can be read only once: record it to a file and pass that"


@pytest.mark.parametrize("extension", [".webm", ".gif"])
def test_other_containers(tmp_path: Path, extension: str) -> None:
    codec, pixel_format = ("libvpx-vp9", "yuv420p") if extension == ".webm" else ("gif", "rgb8")
    film = make_film(tmp_path / f"a{extension}", numbered(6), codec=codec, pixel_format=pixel_format)
    frames, times = read(film)
    assert times == [Fraction(i, 25) for i in range(6)]
    # GIF's fixed palette has few greys
    np.testing.assert_allclose(frames.mean((1, 2, 3)), 20 + 10 * np.arange(6), atol=2 if extension == ".webm" else 25)

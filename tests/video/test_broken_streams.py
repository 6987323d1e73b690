"""Recordings as they are found: further tracks, joined, jumping, damaged, of several sizes; all frames, or a notice."""

from __future__ import annotations

import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from motionveil._core.errors import OptionError, SourceWarning, TruncatedError, TruncationWarning
from motionveil._core.types import UInt8Array
from motionveil.video import open_source, probe

from .films import make_film, numbered, picture

INTERVAL = Fraction(1, 25)


def read(path: Path, **options: Any) -> tuple[UInt8Array, list[Fraction], list[str]]:
    """Frames, times and what was said; every notice is a warning too."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with open_source(path, **options) as source:
            before = list(source.notices)
            clips = list(source)
            notices = list(source.notices)
    assert before + [str(w.message) for w in caught if issubclass(w.category, SourceWarning)] == notices
    frames = np.concatenate([clip.frames for clip in clips])
    return frames, [time for clip in clips for time in clip.pts], notices


def is_even(times: list[Fraction], interval: Fraction = INTERVAL) -> bool:
    return all(abs(time - times[0] - index * interval) < Fraction(1, 1000) for index, time in enumerate(times))


def film_beside(path: Path, count: int, *others: str) -> Path:
    """A film with B frames behind other tracks, which all are stored before it."""
    with av.open(str(path), "w") as container:
        audio = container.add_stream("aac", rate=16000) if "sound" in others else None
        data = container.add_data_stream() if "data" in others else None
        if "chapters" in others:
            second = {"time_base": Fraction(1), "metadata": {"title": "one"}}
            container.set_chapters([{"id": 1, "start": 0, "end": 1, **second}])  # type: ignore[typeddict-item]
        if "font" in others:
            container.add_attachment("a.ttf", "application/x-truetype-font", b"font")
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.codec_context.options = {"bf": "3", "qp": "4"}
        if "timecode" in others:
            stream.metadata["timecode"] = "10:11:12:00"
        if audio is not None:
            sound = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            for index in range(max(1, count * 16000 // 25 // 1024)):
                sound.sample_rate, sound.pts, sound.time_base = 16000, 1024 * index, Fraction(1, 16000)
                container.mux(audio.encode(sound))
            container.mux(audio.encode(None))
        for index, frame in enumerate(numbered(count)):
            ready = av.VideoFrame.from_ndarray(frame, "rgb24")
            ready.pts, ready.time_base = index, INTERVAL
            container.mux(stream.encode(ready))
            if data is not None:
                packet: Any = av.Packet(b"12.34N 5.67E")
                packet.stream, packet.pts, packet.dts, packet.time_base = data, index, index, INTERVAL
                container.mux(packet)
        container.mux(stream.encode(None))
    return path


BESIDE: dict[str, list[tuple[str, ...]]] = {
    ".mp4": [(), ("sound",), ("timecode",), ("sound", "timecode"), ("chapters",)],
    ".mov": [("sound",), ("timecode",), ("chapters",)],
    ".mkv": [("sound",), ("font",), ("sound", "font", "chapters")],
    ".ts": [("sound",), ("data",), ("sound", "data")],
}


@pytest.mark.parametrize("count", [3, 75])
@pytest.mark.parametrize(("extension", "others"), [(key, others) for key, sets in BESIDE.items() for others in sets])
def test_every_frame_beside_other_tracks(tmp_path: Path, extension: str, others: tuple[str, ...], count: int) -> None:
    frames, times, notices = read(film_beside(tmp_path / f"a{extension}", count, *others))
    np.testing.assert_allclose(frames.mean((1, 2, 3)), 20 + 10 * (np.arange(count) % 23), atol=2)
    assert is_even(times)
    assert not notices


def transport_stream(path: Path, frames: UInt8Array, start: float = 0, **options: str) -> Path:
    """A film in a transport stream whose clock begins at some second."""
    times = [Fraction(start).limit_denominator(1000) + index * INTERVAL for index in range(len(frames))]
    settings = {"qp": "4", "g": "10", "bf": "2", **options}
    return make_film(path, frames, times=times, options=settings)


@pytest.mark.parametrize("start", [0.0, 0.5, 36_000.0, 60.0])
def test_joined_recordings_go_on(tmp_path: Path, start: float) -> None:
    first = transport_stream(tmp_path / "1.ts", numbered(23))
    second = transport_stream(tmp_path / "2.ts", numbered(23), start)
    film = tmp_path / "a.ts"
    film.write_bytes(first.read_bytes() + second.read_bytes())
    frames, times, notices = read(film)
    np.testing.assert_allclose(frames.mean((1, 2, 3)), 20 + 10 * (np.arange(46) % 23), atol=2)
    assert is_even(times)
    [notice] = notices
    assert "gaps are closed" in notice


def test_a_window_behind_a_seam(tmp_path: Path) -> None:
    film = tmp_path / "a.ts"
    one = transport_stream(tmp_path / "1.ts", numbered(50)).read_bytes()
    film.write_bytes(one + one + one)
    whole, times, _ = read(film)
    assert len(whole) == 150
    for start, end in ((1.0, 2.5), (2.2, 4.0), (5.0, None)):
        part, part_times, _ = read(film, start=start, end=end)
        inside = [index for index, time in enumerate(times) if start - 1e-6 <= time < (end or 9) - 1e-6]
        np.testing.assert_array_equal(part, whole[inside])
        assert part_times == [times[index] for index in inside]


@pytest.mark.parametrize("extension", [".ts", ".mp4", ".mkv"])
def test_reading_goes_on_after_damage(tmp_path: Path, extension: str) -> None:
    frames = np.random.default_rng(3).integers(0, 256, (50, 48, 64, 3), np.uint8)
    film = make_film(tmp_path / f"a{extension}", frames, options={"g": "10", "bf": "0", "sc_threshold": "0"})
    whole, _, _ = read(film)
    data = bytearray(film.read_bytes())
    if extension == ".ts":
        at = len(data) // 188 // 2 * 188
        del data[at : at + 5 * 188]
    else:
        with av.open(str(film)) as container:
            packet = [p for p in container.demux(video=0) if p.size][25]
        assert packet.pos is not None
        data[packet.pos + 4 : packet.pos + packet.size] = bytes(packet.size - 4)
    film.write_bytes(data)
    found, times, notices = read(film)
    assert is_even(times)
    assert len(found) == 50
    [first] = [index for index in range(1, 50) if (found[index] == found[index - 1]).all()][:1]
    np.testing.assert_array_equal(found[:first], whole[:first])
    np.testing.assert_array_equal(found[first:30], whole[first - 1][None].repeat(30 - first, 0))
    np.testing.assert_array_equal(found[30:], whole[30:])
    span = f"from {(first - 1) / 25:.2f} s to 1.20 s"
    assert notices == [f"{film} is damaged: the last intact frame is repeated {span}; the readable part is used"]
    with pytest.raises(TruncatedError, match=span):
        read(film, strict=True)


def test_damage_outside_the_window_is_not_told(tmp_path: Path) -> None:
    frames = np.random.default_rng(3).integers(0, 256, (50, 48, 64, 3), np.uint8)
    film = make_film(tmp_path / "a.ts", frames, options={"g": "10", "bf": "0", "sc_threshold": "0"})
    data = bytearray(film.read_bytes())
    at = len(data) // 188 // 2 * 188
    del data[at : at + 5 * 188]
    film.write_bytes(data)
    for window in ({"end": 0.8}, {"start": 1.4}):
        with warnings.catch_warnings():
            warnings.simplefilter("error", TruncationWarning)
            read(film, strict=True, **window)


def joined(tmp_path: Path, *parts: UInt8Array) -> Path:
    films = [transport_stream(tmp_path / f"{i}.ts", part, i) for i, part in enumerate(parts)]
    film = tmp_path / "a.ts"
    film.write_bytes(b"".join(each.read_bytes() for each in films))
    return film


def test_pictures_of_another_size_are_laid_into_the_first(tmp_path: Path) -> None:
    sideways = np.full((25, 96, 64, 3), 200, np.uint8)
    wide = picture(64, 96)[None].repeat(25, 0)
    frames, _, notices = read(joined(tmp_path, wide, sideways, wide))
    assert frames.shape == (75, 64, 96, 3)
    middle = frames[25:50]
    assert middle[:, :, 28:68].min() > 190  # 64x96 becomes 43x64
    assert middle[:, :, :24].max() < 10
    assert middle[:, :, 72:].max() < 10
    np.testing.assert_allclose(frames[:25].astype(int), frames[50:], atol=6)
    assert any("64x96 from 1.00 s" in text for text in notices)


def test_no_frame_of_mpeg2_is_lost_where_the_size_changes(tmp_path: Path) -> None:
    films = [
        make_film(tmp_path / f"{width}.ts", numbered(12, 64, width), codec="mpeg2video", options={"qmax": "2"})
        for width in (96, 64)
    ]
    film = tmp_path / "a.ts"
    film.write_bytes(b"".join(each.read_bytes() for each in films))
    frames, _, notices = read(film)
    levels = frames[:, 32, 48].mean(-1)
    np.testing.assert_allclose(levels, 20 + 10 * (np.arange(24) % 12), atol=3)
    assert any("64x64" in text for text in notices)


def test_interlaced_pictures_may_change_their_size(tmp_path: Path) -> None:
    options = {"flags": "+ilme+ildct", "x264-params": "tff=1"}
    films = [
        transport_stream(tmp_path / f"{i}.ts", np.full((25, height, 96, 3), level, np.uint8), i, **options)
        for i, (height, level) in enumerate(((64, 100), (128, 200)))
    ]
    film = tmp_path / "a.ts"
    film.write_bytes(b"".join(each.read_bytes() for each in films))
    frames, _, notices = read(film)
    assert frames.shape == (50, 64, 96, 3)
    assert abs(int(frames[10, 32, 48, 0]) - 100) < 6
    assert abs(int(frames[40, 32, 48, 0]) - 200) < 6
    assert any("96x128" in text for text in notices)


def test_a_second_film_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=25) for _ in range(2)]
        for stream, size in zip(streams, (64, 32), strict=True):
            stream.width, stream.height, stream.pix_fmt = size, size, "yuv420p"
        for stream in streams:
            for index in range(5):
                frame = av.VideoFrame.from_ndarray(np.zeros((stream.height, stream.width, 3), np.uint8), "rgb24")
                frame.pts, frame.time_base = index, INTERVAL
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    with open_source(path) as source:
        assert source.notices == [f"{path} contains 2 videos: only that of track 0, 64x64, is processed"]


def raw(path: Path, rate: int | Fraction) -> Path:
    codec = {".h264": "libx264", ".hevc": "libx265", ".m4v": "mpeg4", ".mjpeg": "mjpeg"}[path.suffix]
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    options = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    return make_film(path, numbered(30, 64, 64), codec=codec, pixel_format=pixel_format, rate=rate, options=options)


@pytest.mark.parametrize("rate", [Fraction(60000, 1001), Fraction(15)])
@pytest.mark.parametrize("extension", [".h264", ".hevc"])
def test_raw_streams_play_as_fast_as_they_say(tmp_path: Path, extension: str, rate: Fraction) -> None:
    frames, times, notices = read(raw(tmp_path / f"a{extension}", rate))
    assert len(frames) == 30
    assert is_even(times, 1 / rate)
    assert not notices


def test_a_raw_stream_that_does_not_say(tmp_path: Path) -> None:
    film = raw(tmp_path / "a.mjpeg", 50)
    assert probe(film).frame_rate == 25
    with open_source(film) as source:
        [notice] = source.notices
    assert "`frame_rate`" in notice
    _, times, notices = read(film, frame_rate=Fraction(50))
    assert is_even(times, Fraction(1, 50))
    assert not notices
    assert len(read(film, frame_rate=Fraction(50), start=0.2)[0]) == 20


def test_a_frame_rate_is_for_raw_streams(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mp4", numbered(3))
    with pytest.raises(OptionError, match="omit `frame_rate`"):
        open_source(film, frame_rate=Fraction(50))


@pytest.mark.parametrize(
    ("size", "aspect"), [(None, "64/45"), (144, "64/45"), ((256, 144), "1"), ((180, 144), "64/45")]
)
def test_anamorphic_pictures_keep_their_shape(tmp_path: Path, size: Any, aspect: str) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((576, 720, 3), np.uint8), "rgb24")))
        container.mux(stream.encode(None))
    with open_source(path, size=size) as source:
        assert source.info.sample_aspect_ratio == Fraction(aspect)


@pytest.mark.parametrize("start", [Fraction(1, 2), Fraction(7200)])
@pytest.mark.parametrize("extension", [".ts", ".vob", ".mpg"])
def test_a_clock_that_starts_anywhere_ends_where_it_should(tmp_path: Path, extension: str, start: Fraction) -> None:
    codec = "libx264" if extension == ".ts" else "mpeg2video"
    times = [start + index * INTERVAL for index in range(50)]
    film = make_film(tmp_path / f"a{extension}", numbered(50), codec=codec, times=times, options={})
    frames, times, _ = read(film)
    assert len(frames) == 50
    assert is_even(times)
    duration = probe(film).duration
    assert duration is not None
    assert duration - times[-1] <= INTERVAL

"""Sound and tags: dropped unless asked for, in step with the pictures when kept."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from motionveil._core.errors import OptionError, SourceWarning
from motionveil.video import Encoding, VideoWriter, open_source

from .films import make_film, numbered

KEEP = Encoding(audio="keep", metadata="keep", overwrite=True)


def copy(
    source: Path, target: Path, encoding: Encoding = KEEP, *, notices: list[str] | None = None, **window: float
) -> Path:
    with (
        open_source(source, **window) as opened,  # type: ignore[arg-type]
        VideoWriter(target, opened.info, encoding=encoding, audio_from=source) as writer,
    ):
        for clip in opened:
            writer.write(clip)
        if notices is not None:
            notices[:] = writer.notices
    return target


def with_sound(path: Path, codec: str, rate: int) -> Path:
    """Two seconds with a tone from 1 s on, in a codec."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        audio = cast("av.AudioStream", container.add_stream(codec, rate=rate))
        audio.codec_context.layout = "mono"
        for index, picture in enumerate(numbered(50, 64, 64)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        time = np.arange(2 * rate) / rate
        tone = np.where(time < 1, 0, np.sin(2 * np.pi * 440 * time) / 2) * 32767
        for start in range(0, len(tone), 1000):
            sound = av.AudioFrame.from_ndarray(tone[None, start : start + 1000].astype(np.int16), "s16", "mono")
            sound.sample_rate, sound.pts, sound.time_base = rate, start, Fraction(1, rate)
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
    return path


def tone_begins(path: Path) -> tuple[float, float]:
    """When the tone begins, and when the sound ends, in seconds."""
    with av.open(str(path)) as container:
        start, end = None, 0.0
        for frame in container.decode(audio=0):
            samples = np.abs(frame.to_ndarray()).max(axis=0)
            assert frame.time is not None
            if start is None and (samples > 0.1).any():
                start = frame.time + float(np.argmax(samples > 0.1)) / frame.sample_rate
            end = frame.time + frame.samples / frame.sample_rate
    assert start is not None
    return start, end


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two seconds; the tone begins at 1 s."""
    tags = {"title": "a walk", "comment": "filmed by Anna"}
    return make_film(tmp_path / "in.mp4", numbered(50, 64, 64), sound=True, metadata=tags)


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mov"])
def test_sound_is_kept_in_step(tmp_path: Path, film: Path, extension: str) -> None:
    start, end = tone_begins(copy(film, tmp_path / f"out{extension}"))
    assert start == pytest.approx(tone_begins(film)[0], abs=0.002)
    assert end == pytest.approx(2, abs=0.07)


@pytest.mark.parametrize("extension", [".mp4", ".mkv"])
def test_sound_is_cut_with_the_pictures(tmp_path: Path, film: Path, extension: str) -> None:
    start, end = tone_begins(copy(film, tmp_path / f"out{extension}", start=0.8, end=1.6))
    assert start == pytest.approx(tone_begins(film)[0] - 0.8, abs=0.07)
    assert end == pytest.approx(0.8, abs=0.07)


def test_sound_of_a_transport_stream(tmp_path: Path) -> None:
    film = make_film(tmp_path / "in.ts", numbered(50, 64, 64), sound=True)
    with av.open(str(film)) as container:
        beginning = container.start_time / 1_000_000
    start, _ = tone_begins(copy(film, tmp_path / "out.mkv"))
    assert start == pytest.approx(tone_begins(film)[0] - beginning, abs=0.002)


def test_packets_are_copied_bit_by_bit(tmp_path: Path, film: Path) -> None:
    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(audio=0) if packet.size]

    copied = packets(copy(film, tmp_path / "out.mp4"))
    assert copied == [packet for packet in packets(film) if packet in set(copied)]
    assert len(copied) >= len(packets(film)) - 2  # what leads in before time 0 is left out


def test_tags_are_kept_when_asked_for(tmp_path: Path, film: Path) -> None:
    with av.open(str(copy(film, tmp_path / "out.mp4"))) as container:
        assert container.metadata["title"] == "a walk"
        assert container.metadata["comment"] == "filmed by Anna"
        assert "encoder" not in container.metadata


def test_nothing_is_kept_by_default(tmp_path: Path, film: Path) -> None:
    with av.open(str(copy(film, tmp_path / "out.mp4", Encoding()))) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert not {"title", "comment"} & set(container.metadata)


def test_a_silent_source_may_be_asked_for_its_sound(tmp_path: Path) -> None:
    film = make_film(tmp_path / "in.mp4", numbered(4, 64, 64))
    with av.open(str(copy(film, tmp_path / "out.mp4"))) as container:
        assert len(container.streams) == 1


@pytest.mark.parametrize(
    ("codec", "rate", "extension", "becomes"),
    [
        ("pcm_mulaw", 8000, ".mp4", "aac"),
        ("pcm_s16le", 44100, ".webm", "opus"),
        ("aac", 16000, ".webm", "opus"),
    ],
)
def test_sound_is_encoded_where_it_cannot_be_copied(
    tmp_path: Path, codec: str, rate: int, extension: str, becomes: str
) -> None:
    film = with_sound(tmp_path / "in.mov", codec, rate)
    notices: list[str] = []
    for window, begins, ends in (({}, 1.0, 2.0), ({"start": 0.4, "end": 1.6}, 0.6, 1.2)):
        made = copy(
            film, tmp_path / f"out{extension}", Encoding(audio="keep", overwrite=True), notices=notices, **window
        )
        assert any(becomes in text for text in notices)
        with av.open(str(made)) as container:
            assert container.streams.audio[0].codec_context.name.removeprefix("lib") == becomes
        assert not any(trace in made.read_bytes() for trace in (b"Lavc", b"Lavf6", b"libopus"))
        start, end = tone_begins(made)
        assert start == pytest.approx(begins, abs=0.02)
        assert end == pytest.approx(ends, abs=0.1)


def test_a_container_without_sound(tmp_path: Path, film: Path) -> None:
    with pytest.raises(OptionError, match=r"\.gif files cannot hold aac audio of .*in.mp4: write to \.mkv"):
        copy(film, tmp_path / "out.gif")
    assert [p.name for p in tmp_path.iterdir()] == ["in.mp4"]


def test_sound_of_joined_recordings_stays_in_step(tmp_path: Path) -> None:
    film = make_film(tmp_path / "in.ts", numbered(50, 64, 64), sound=True)
    joined = tmp_path / "joined.ts"
    joined.write_bytes(film.read_bytes() * 2)
    with pytest.warns(SourceWarning):
        made = copy(joined, tmp_path / "out.mp4", Encoding(audio="keep"))
    with av.open(str(made)) as container:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
        assert container.duration is not None
        assert container.duration / 1e6 == pytest.approx(4, abs=0.3)
    loud = np.abs(samples).reshape(-1, 64).max(1) > 0.1
    edges = np.flatnonzero(np.diff(loud.astype(int))) * 64 / 16000
    assert len(edges) >= 3
    assert edges[0] == pytest.approx(1, abs=0.15)
    assert edges[2] == pytest.approx(3, abs=0.3)


def test_pictures_are_the_same_with_sound(tmp_path: Path, film: Path) -> None:
    def pictures(path: Path) -> list[Fraction]:
        with open_source(path) as source:
            return [time for clip in source for time in clip.pts]

    assert pictures(copy(film, tmp_path / "out.mkv")) == [Fraction(i, 25) for i in range(50)]

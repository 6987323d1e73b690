"""What is damaged is used up to the damage, and said once; what is complete raises no alarm."""

from __future__ import annotations

import warnings
from pathlib import Path

import av
import numpy as np
import pytest

from motionveil._core.errors import InputError, TruncatedError, TruncationWarning
from motionveil._core.types import UInt8Array
from motionveil.video import open_source

from .films import make_film


@pytest.fixture(scope="module")
def frames() -> UInt8Array:
    """Two seconds of noise, so that all frames weigh alike."""
    return np.random.default_rng(3).integers(0, 256, (50, 48, 64, 3), np.uint8)


def read(path: Path, *, strict: bool = False) -> tuple[int, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with open_source(path, strict=strict) as source:
            count = sum(len(clip) for clip in source)
    return count, [str(w.message) for w in caught if issubclass(w.category, TruncationWarning)]


FORMATS = {
    ".mp4": ("libx264", {"movflags": "faststart"}),
    ".mkv": ("libx264", {}),
    ".avi": ("mpeg4", {}),
    ".flv": ("flv", {}),
}


@pytest.mark.parametrize("extension", FORMATS)
def test_cut_at_every_tenth(tmp_path: Path, frames: UInt8Array, extension: str) -> None:
    codec, container_options = FORMATS[extension]
    film = make_film(
        tmp_path / f"a{extension}", frames, codec=codec, rate=10, options={}, container_options=container_options
    )
    whole = film.read_bytes()
    assert read(film) == (50, [])
    before = 0
    for tenth in range(1, 10):
        film.write_bytes(whole[: len(whole) * tenth // 10])
        try:
            count, messages = read(film)
        except InputError:
            assert tenth == 1  # nothing but the header is there
            continue
        assert before <= count <= 5 * tenth + 2
        assert count >= 5 * tenth - 12  # the first frame is the largest, and some wait for the next key frame
        before = count
        if extension == ".mkv" and tenth == 9:
            continue  # within what headers may be off by
        assert len(messages) == 1, tenth
        assert f"a{extension} " in messages[0]
        assert f" {count}" in messages[0]
        with pytest.raises(TruncatedError, match=f"a{extension}"):
            read(film, strict=True)


def test_an_index_at_the_end_is_missed(tmp_path: Path, frames: UInt8Array) -> None:
    film = make_film(tmp_path / "a.mp4", frames)
    film.write_bytes(film.read_bytes()[:-2000])
    with pytest.raises(InputError, match=r"a.mp4 is not a video, or it is damaged or truncated"):
        read(film)


def test_a_window_before_the_damage_is_complete(tmp_path: Path, frames: UInt8Array) -> None:
    film = make_film(tmp_path / "a.mkv", frames)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with open_source(film, end=0.4) as source:
            assert sum(len(clip) for clip in source) == 10


def test_a_window_over_the_damage_is_not(tmp_path: Path, frames: UInt8Array) -> None:
    film = make_film(tmp_path / "a.mkv", frames, options={"g": "10"})
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    with pytest.warns(TruncationWarning, match="ends early"), open_source(film, start=0.4) as source:
        assert sum(len(clip) for clip in source) > 5


@pytest.mark.data
def test_complete_clips_raise_no_alarm(data_dir: Path) -> None:
    films = [p for p in sorted((data_dir / "clips").rglob("*")) if p.suffix in (".mp4", ".mkv", ".avi", ".webm")]
    films += sorted((data_dir / "ut_interaction").rglob("*.avi"))[::20]
    small = sorted(films, key=lambda film: film.stat().st_size)[:16]
    for film in small:
        with av.open(str(film)) as container:
            frames = sum(1 for _ in container.decode(video=0))
        assert read(film) == (frames, []), film

"""Photographs, and folders, patterns and globs of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionveil._core.types import UInt8Array
from motionveil.video import open_source
from motionveil.video.images import images_in, natural_order

from .films import picture


def store(path: Path, rgb: UInt8Array) -> Path:
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
    return path


@pytest.mark.parametrize("extension", ["png", "bmp", "tiff", "webp", "jpg", "PNG", "ppm"])
def test_still_image(tmp_path: Path, extension: str) -> None:
    image = np.full((21, 33, 3), (200, 90, 30), np.uint8)
    with open_source(store(tmp_path / f"a.{extension}", image)) as source:
        (clip,) = list(source)
    assert (clip.start, clip.pts) == (0, (Fraction(0),))
    assert source.info.is_image
    assert (source.info.width, source.info.height, source.info.num_frames) == (33, 21, 1)
    np.testing.assert_allclose(clip.frames[0].astype(int), image, atol=4)


def first(path: Path) -> UInt8Array:
    with open_source(path) as source:
        frames = next(iter(source)).frames
    assert len(frames) == 1
    return np.asarray(frames[0], np.uint8)


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65407, 65535]], np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), np.stack([values] * 3, -1))
    np.testing.assert_array_equal(first(tmp_path / "a.png")[0, :, 0], np.rint(values[0] / 257))


def test_grey_and_transparent_images(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((4, 5), 77, np.uint8))
    np.testing.assert_array_equal(first(tmp_path / "grey.png"), np.full((4, 5, 3), 77))
    bgra = np.full((4, 5, 4), (50, 100, 200, 128), np.uint8)
    cv2.imwrite(str(tmp_path / "clear.png"), bgra)
    np.testing.assert_array_equal(first(tmp_path / "clear.png")[0, 0], [100, 50, 25])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (1, 2, 3, 9, 10, 11):
        store(tmp_path / f"frame{number}.png", np.full((6, 8, 3), number, np.uint8))
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".hidden.png").touch()
    return tmp_path


@pytest.mark.parametrize("tail", ["", "frame%d.png", "frame*.png"])
def test_sequences_are_in_natural_order(folder: Path, tail: str) -> None:
    with open_source(str(folder / tail), image_rate=Fraction(10), clip_length=4) as source:
        clips = list(source)
    frames = np.concatenate([clip.frames for clip in clips])
    assert frames[:, 0, 0, 0].tolist() == [1, 2, 3, 9, 10, 11]
    assert [time for clip in clips for time in clip.pts] == [Fraction(i, 10) for i in range(6)]
    assert not source.info.is_image
    assert (source.info.num_frames, source.info.duration) == (6, Fraction(6, 10))


def test_a_pattern_takes_only_its_own(folder: Path) -> None:
    store(folder / "other7.png", np.zeros((2, 2, 3), np.uint8))
    with open_source(str(folder / "frame%02d.png")) as source:
        assert source.info.num_frames == 6


def test_a_window_of_a_folder(folder: Path) -> None:
    with open_source(folder, image_rate=Fraction(10), start=0.1, end=0.4, size=3) as source:
        (clip,) = list(source)
    assert clip.frames[:, 0, 0, 0].tolist() == [2, 3, 9]
    assert clip.frames.shape[1:3] == (3, 4)
    assert clip.pts == (Fraction(1, 10), Fraction(2, 10), Fraction(3, 10))


def test_a_file_with_a_percent_sign_is_a_file(tmp_path: Path) -> None:
    path = store(tmp_path / "100%d.png", picture())
    np.testing.assert_array_equal(first(path), picture())


def test_natural_order() -> None:
    names = ["a10b2", "a2b10", "a2b9", "b1", "a2"]
    assert sorted(names, key=lambda name: natural_order(Path(name))) == ["a2", "a2b9", "a2b10", "a10b2", "b1"]


@pytest.mark.data
def test_real_frames(data_dir: Path) -> None:
    images = images_in(data_dir / "clips" / "sequence_ipn")
    assert [path.stem for path in images] == [f"{i:06d}" for i in range(100, 201)]

"""Colours of a dataset, and overlaps of saliency maps."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil.noise import NoiseStatistics, statistics_of
from motionveil_bench.copies.measuring import dataset_statistics, overlaps


def _write(path: Path, picture: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.asarray(picture, np.uint8))


def test_colours_of_all_videos_together(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (2, 3, 16, 24, 3), np.uint8)
    for video, frames in enumerate(pictures):
        for number, frame in enumerate(frames):
            _write(tmp_path / str(video) / f"{number}.png", frame[..., ::-1])
    found = dataset_statistics([tmp_path / "0", tmp_path / "1"])
    values = pictures.reshape(-1, 3) / 255
    assert found.mean == pytest.approx(values.mean(0), abs=1e-6)
    assert found.std == pytest.approx(values.std(0), abs=1e-6)
    assert statistics_of(found.as_text()).mean == pytest.approx(found.mean, abs=1e-4)
    with pytest.raises(InputError, match="no video to measure"):
        dataset_statistics([])


def test_statistics_as_text() -> None:
    assert statistics_of("0.1 0.2 0.3 / 0.4 0.5 0.6") == NoiseStatistics((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    for odd in ("0.1 0.2 / 0.4 0.5 0.6", "0.1 0.2 0.3 / 0.4 0.5 6", "kinetic", "nan 0 0 / 0 0 0", ""):
        with pytest.raises(OptionError, match="unknown statistics"):
            statistics_of(odd)


def test_maps_overlap(tmp_path: Path) -> None:
    half = np.zeros((8, 8))
    half[:, :4] = 200
    both = np.zeros((8, 8))
    both[:, 2:6] = 200
    for name, map_ in (("hair", half), ("eyes", both)):
        _write(tmp_path / "a" / "s01/film" / name / "000000.png", map_)
    _write(tmp_path / "b" / "s01/film" / "hair" / "000000.png", half / 2)
    for folder in ("a", "b"):
        (tmp_path / folder / "s01/film/settings.json").write_text("{}")
    found = {(each.one, each.other): each for each in overlaps(tmp_path / "a")}
    assert set(found) == {("eyes", "eyes"), ("eyes", "hair"), ("hair", "hair")}
    assert (found["hair", "hair"].shared, found["hair", "hair"].correlation) == pytest.approx((1, 1))
    assert found["eyes", "hair"].shared == pytest.approx(1 / 3)
    assert found["eyes", "hair"].correlation == pytest.approx(0)
    (other,) = overlaps(tmp_path / "a", tmp_path / "b")
    assert (other.one, other.num_frames) == ("hair", 1)
    assert (other.shared, other.correlation) == pytest.approx((0.5, 1))
    with pytest.raises(InputError, match="no maps to compare"):
        overlaps(tmp_path / "none")

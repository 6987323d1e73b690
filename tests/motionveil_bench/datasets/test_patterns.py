"""Colour frames that lie beside others are read, and known again, by a pattern of their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motionveil import drawing
from motionveil._core.errors import InputError
from motionveil_bench.clips.frames import FrameStore, Look
from motionveil_bench.copies.preparation import Preparation
from motionveil_bench.records import Record


def test_only_the_frames_of_the_pattern_are_read(tmp_path: Path) -> None:
    for number in range(12):
        drawing.write_image(tmp_path / "take" / f"rgb_{number:06}.png", np.full((32, 40, 3), 10 * number, np.uint8))
        drawing.write_image(tmp_path / "take" / f"depth_{number:06}.png", np.full((32, 40, 3), 255, np.uint8))
    preparation = Preparation(tmp_path, tmp_path / "cache")
    record = Record("take", "take/rgb*.png", {}, start=2, stop=10)
    frames = FrameStore(preparation).frames(record, "original", Look(32))
    assert [int(frame.mean()) for frame in frames] == [10 * number for number in range(2, 10)]
    place = preparation.place(record.source, "blur_strong")
    assert place.name.startswith("take-")
    assert place.suffix == ".mp4"
    drawing.write_image(tmp_path / "take" / "depth_000000.png", np.zeros((32, 40, 3), np.uint8))
    assert Preparation(tmp_path, tmp_path / "cache").place(record.source, "blur_strong") == place
    drawing.write_image(tmp_path / "take" / "rgb_000000.png", np.full((32, 40, 3), 99, np.uint8))
    assert Preparation(tmp_path, tmp_path / "cache").place(record.source, "blur_strong") != place


def test_a_pattern_without_files_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rgb\*\.png is missing"):
        Preparation(tmp_path, tmp_path).place("take/rgb*.png", "original")

"""Names that mean something to FFmpeg, to printf or to nobody: files are called as people call them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionveil.outputs.output_paths import output_for
from motionveil.outputs.run_manifest import make_record
from motionveil.video import VideoWriter, open_source
from motionveil.video.images import is_numbered
from motionveil.video.picture_writer import numbered_name
from motionveil.video.target import Target

from .films import make_film, numbered, picture

NAMES = [
    "2024-01-01T10:00:00.mp4",
    "patient:12.mp4",
    "http:x.mp4",
    "a b#c?d.mp4",
    "[1].mp4",
    "-o.mp4",
    "%06d.mp4",
    "100%.mp4",
    "\U0001f600.mp4",
    "caf\udce9.mp4",
]


@pytest.mark.parametrize("name", NAMES)
def test_films_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    if "\udce9" in name and sys.platform != "linux":
        pytest.skip("only Linux has names that are no Unicode")
    monkeypatch.chdir(tmp_path)
    make_film(tmp_path / "film.mp4", numbered(3)).rename(name)
    target = output_for(name, None, many=False)
    with open_source(name) as source, VideoWriter(target, source.info) as writer:
        for clip in source:
            writer.write(clip)
    stem = Path(name).stem
    assert sorted(path.name for path in Path().iterdir()) == sorted([name, f"{stem}_veiled.mp4"])
    with open_source(target) as source:
        assert sum(len(clip) for clip in source) == 3
    record = make_record(source=name, digest=None, target=target, output=target, templates=[], settings={})
    assert json.loads(record)["source"]["name"] == name


@pytest.mark.parametrize("name", ["50%discount.png", "50%d.png", "%s.png", "100%.png", "a%%b.png", "%0004x.png"])
def test_pictures_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(cv2.imencode(".png", picture())[1].tobytes())
    target = output_for(name, None, many=False)
    with open_source(name) as source, VideoWriter(target, source.info) as writer:
        for clip in source:
            writer.write(clip)
            np.testing.assert_array_equal(clip.frames[0], picture()[..., ::-1])
    stem = Path(name).stem.replace("%d", "_d") if "%d." in name else Path(name).stem
    assert sorted(path.name for path in Path().iterdir()) == sorted([name, f"{stem}_veiled.png"])


def test_what_stands_for_many() -> None:
    assert all(is_numbered(name) for name in ("%06d.png", "a%d.png", "a%4d_b.png"))
    assert not any(is_numbered(name) for name in ("50%discount.jpg", "100%.png", "%s.png", "%06f.png"))
    assert Target.parse("x/50%discount.jpg").is_still


def test_a_numbered_sequence_of_a_strange_name(tmp_path: Path) -> None:
    pattern = tmp_path / "50%discount_%06d.png"
    for index in range(3):
        (tmp_path / numbered_name(pattern.name, index)).write_bytes(cv2.imencode(".png", picture())[1].tobytes())
    (tmp_path / "500001iscount_000001.png").write_bytes(b"")
    with open_source(pattern) as source:
        assert sum(len(clip) for clip in source) == 3


def test_numbers_stand_only_where_a_pattern_has_them() -> None:
    assert numbered_name("50%discount_%06d.png", 7) == "50%discount_000007.png"
    assert [numbered_name(f"a%{width}d.png", 12) for width in ("", "0", "4", "04")] == [
        "a12.png", "a12.png", "a  12.png", "a0012.png",
    ]  # fmt: skip

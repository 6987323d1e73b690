"""An input that changes while it is read: the record is about what was read, or says nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from motionveil import obfuscate_video
from motionveil._core.errors import InputError
from motionveil.fillers import SolidColour
from motionveil.flow import DISFlow
from motionveil.obfuscation.obfuscators import Selective
from motionveil.outputs.run_manifest import HeldSource
from motionveil.pipeline.runner import Progress, Window
from motionveil.regions import Rectangle

from ..conftest import textured
from ..pipeline.test_obfuscation import write

CORNER = Selective(Rectangle(0, 0, 8, 8), SolidColour(), DISFlow())


def films(folder: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(3)
    made = [write(folder / name, np.stack([textured(64, 96, rng)] * 40)) for name in ("in.mp4", "other.mp4")]
    return made[0], made[1]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_replaced_while_it_is_read(tmp_path: Path) -> None:
    film, other = films(tmp_path)
    read = sha256(film)

    def replace(progress: Progress) -> None:
        if other.exists():
            other.replace(film)

    with pytest.warns(UserWarning, match="was replaced while it was read"):
        result = obfuscate_video(film, tmp_path / "o.mp4", obfuscator=CORNER, record=True, on_progress=replace)
    record = json.loads((tmp_path / "o.mp4.json").read_text())
    assert record["source"]["sha256"] == read != sha256(film)
    assert any("replaced" in notice for notice in result.notices)


def test_written_to_while_it_is_read(tmp_path: Path) -> None:
    film, other = films(tmp_path)

    def change(progress: Progress) -> None:
        shutil.copyfile(other, film)

    with pytest.warns(UserWarning, match="was modified while it was read"):
        obfuscate_video(film, tmp_path / "o.mp4", obfuscator=CORNER, record=True, on_progress=change)
    assert json.loads((tmp_path / "o.mp4.json").read_text())["source"]["sha256"] is None


def test_replaced_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film, other = films(tmp_path)
    opened = Window.open

    def replaced(self: Window, source: str | Path | int, *, full_depth: bool = False) -> object:
        other.replace(film)
        return opened(self, source, full_depth=full_depth)

    monkeypatch.setattr(Window, "open", replaced)
    with pytest.raises(InputError, match="replaced while it was being opened"):
        obfuscate_video(film, tmp_path / "o.mp4", obfuscator=CORNER, record=True)
    assert not (tmp_path / "o.mp4").exists()


def test_usually_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    film, _ = films(tmp_path)
    obfuscate_video(film, tmp_path / "o.mp4", obfuscator=CORNER, record=True)
    assert json.loads((tmp_path / "o.mp4.json").read_text())["source"]["sha256"] == sha256(film)
    for source in (0, tmp_path, "-", "rtsp://camera/1", tmp_path / "none"):
        with HeldSource(source) as held:
            held.check()
            assert held.digest() == (None, None)

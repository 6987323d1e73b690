"""Obfuscated copies are made once, by content, and by the tool itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

import motionveil
from motionveil._core.errors import InputError
from motionveil.video import open_source
from motionveil_bench.copies.obfuscations import OBFUSCATIONS
from motionveil_bench.copies.preparation import VERSION, Digests, Preparation
from motionveil_bench.datasets.procedural import Procedural, make

MADE_WITH = {"parts_encoder.onnx": "57421fcf1261", "templates.safetensors": "4556ca38071f"}
ASSETS = Path(motionveil.__file__).parent / "assets"


@pytest.fixture(scope="module")
def actors(tmp_path_factory: pytest.TempPathFactory) -> Procedural:
    return make(tmp_path_factory.mktemp("actors") / "set", num_subjects=3, num_clips=3, num_frames=4, size=32)


def test_version_stands_for_encoder_and_templates() -> None:
    """Where this fails, copies that are kept somewhere were made with other ones: raise VERSION."""
    made_with = {
        name: hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:12]
        for name in ("parts_encoder.onnx", "templates.safetensors")
    }
    assert (VERSION, made_with) == (6, MADE_WITH)


def test_a_copy_is_made_once(actors: Procedural, tmp_path: Path) -> None:
    preparation = Preparation(actors.root, tmp_path)
    source = actors.records("action")[0].source
    assert not preparation.is_ready(source, "pixelate_16")
    copy = preparation.prepare(source, "pixelate_16")
    assert copy.is_relative_to(tmp_path)
    made = copy.stat().st_mtime_ns
    assert Preparation(actors.root, tmp_path).prepare(source, "pixelate_16") == copy
    assert copy.stat().st_mtime_ns == made
    with open_source(copy) as reader, open_source(actors.root / source) as original:
        shown, before = (np.concatenate([clip.frames for clip in video]) for video in (reader, original))
    assert shown.shape == before.shape
    assert np.abs(shown.astype(int) - before).mean() > 3


def test_originals_are_used_where_they_are(actors: Procedural, tmp_path: Path) -> None:
    source = actors.records("action")[0].source
    preparation = Preparation(actors.root, tmp_path)
    assert preparation.is_ready(source, "original")
    assert preparation.prepare(source, "original") == actors.root / source
    assert not list(tmp_path.iterdir())


def test_other_contents_are_another_copy(actors: Procedural, tmp_path: Path) -> None:
    first, second = (record.source for record in actors.records("action")[:2])
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a.mkv").write_bytes((actors.root / first).read_bytes())
    one = Preparation(folder, tmp_path).place("a.mkv", "blur_weak")
    (folder / "a.mkv").write_bytes((actors.root / second).read_bytes())
    two = Preparation(folder, tmp_path).place("a.mkv", "blur_weak")
    (folder / "a.mkv").write_bytes((actors.root / first).read_bytes())
    assert one != two
    assert Preparation(folder, tmp_path).place("a.mkv", "blur_weak") == one


def test_names_are_copies_of_their_own(actors: Procedural, tmp_path: Path) -> None:
    preparation = Preparation(actors.root, tmp_path, substitutes={"dino_vits8": "parts", "raft": "dis"})
    source = actors.records("action")[0].source
    assert len({preparation.place(source, name) for name in OBFUSCATIONS}) == len(OBFUSCATIONS)


def test_stand_ins_are_told_where_they_stand_in(actors: Procedural, tmp_path: Path) -> None:
    preparation = Preparation(actors.root, tmp_path, substitutes={"dino_vits8": "parts", "raft": "dis"})
    assert preparation.substitutes_of("paper") == {"dino_vits8": "parts", "raft": "dis"}
    assert preparation.substitutes_of("secure") == preparation.substitutes_of("original") == {}


def test_a_missing_source_is_named(actors: Procedural, tmp_path: Path) -> None:
    for obfuscator in ("original", "blur_weak"):
        with pytest.raises(InputError, match=r"videos/none\.mkv is missing"):
            Preparation(actors.root, tmp_path).prepare("videos/none.mkv", obfuscator)


def test_digests_are_remembered_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"one")
    digests = Digests(tmp_path / "digests.json")
    first = digests([file])
    digests.save()
    monkeypatch.setattr("motionveil_bench.copies.preparation.file_digest", lambda path: pytest.fail("read again"))
    assert Digests(tmp_path / "digests.json")([file]) == first
    monkeypatch.undo()
    file.write_bytes(b"three")
    assert Digests(tmp_path / "digests.json")([file]) != first
    (tmp_path / "digests.json").write_text("{ damaged")
    file.write_bytes(b"one")
    assert Digests(tmp_path / "digests.json")([file]) == first

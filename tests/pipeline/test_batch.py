"""Folders of videos: the tree is kept, what is complete is not done again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from motionveil import OptionError
from motionveil.outputs.output_paths import plan

from ..cli.test_commands import Run, complaint, run
from ..conftest import textured
from .test_obfuscation import read, write

__all__ = ["run"]
HOW = ("--hide", "nothing", "--area", "rect:0,0,16,16", "--filler", "solid")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two videos in one folder, one in another below it, and what is to be passed over."""
    picture = textured(48, 64, np.random.default_rng(1))
    for name in ("a.mkv", "b.mkv", "day 2/ward/a.mkv"):
        path = tmp_path / "films" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, np.stack([np.roll(picture, t, axis=1) for t in range(5)]))
    (tmp_path / "films" / ".hidden.mkv").write_bytes(b"no video")
    (tmp_path / "films" / "notes.txt").write_text("none of ours")
    return tmp_path / "films"


def times(folder: Path) -> dict[str, int]:
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in folder.rglob("*.mkv")}


def test_the_tree_is_kept(run: Run, folder: Path, tmp_path: Path) -> None:
    run("obfuscate", str(folder), "-o", str(tmp_path / "out"), *HOW)
    assert sorted(times(tmp_path / "out")) == ["a.mkv", "b.mkv", "day 2/ward/a.mkv"]
    frames, _ = read(tmp_path / "out" / "day 2" / "ward" / "a.mkv")
    assert len(frames) == 5
    assert sorted(times(folder)) == [".hidden.mkv", "a.mkv", "b.mkv", "day 2/ward/a.mkv"]


def test_the_default_is_a_folder_beside_it_and_results_are_no_input(run: Run, folder: Path, tmp_path: Path) -> None:
    run("obfuscate", str(folder), *HOW)
    assert sorted(times(tmp_path / "films_veiled")) == ["a.mkv", "b.mkv", "day 2/ward/a.mkv"]
    inside = folder / "results"
    run("obfuscate", str(folder), "-o", str(inside), *HOW)
    run("obfuscate", str(folder), "-o", str(inside), "--overwrite", *HOW)
    assert sorted(times(inside)) == ["a.mkv", "b.mkv", "day 2/ward/a.mkv"]


def test_resuming_does_what_is_missing_and_nothing_else(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("obfuscate", str(folder), "-o", str(out), *HOW, "--resume")
    run(*command)
    before = times(out)
    (out / "b.mkv").unlink()
    said = run(*command)
    after = times(out)
    assert {name for name in after if after[name] != before[name]} == {"b.mkv"}
    assert said[1].count("already complete") == 2


def test_what_changed_is_not_taken_for_complete(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("obfuscate", str(folder), "-o", str(out), *HOW)
    # Another setting, another input, a damaged output: each is noticed, and nothing is replaced unasked.
    code, _, said = run("obfuscate", str(folder), "-o", str(out), *HOW, "--margin", "0.2", "--resume")
    assert code == 1
    assert "3 of 3 failed" in said
    picture = textured(48, 64, np.random.default_rng(2))
    (folder / "a.mkv").unlink()
    write(folder / "a.mkv", np.stack([picture] * 4))
    with (out / "b.mkv").open("ab") as file:
        file.write(b"x")
    record = out / "day 2/ward/a.mkv.json"
    kept = json.loads(record.read_text("utf-8"))
    kept["settings"]["window"]["end"] = 3
    record.write_text(json.dumps(kept), "utf-8")
    _, out_text, _ = run("obfuscate", str(folder), "-o", str(out), *HOW, "--resume", "--overwrite")
    assert "already complete" not in out_text
    assert len(read(out / "a.mkv")[0]) == 4


def test_one_bad_file_does_not_stop_the_others(run: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "a.mkv").write_bytes(b"no video at all")
    code, _, said = run("obfuscate", str(folder), "-o", str(tmp_path / "out"), *HOW)
    assert code == 1
    assert "1 of 3 failed; the others are complete" in said
    assert sorted(times(tmp_path / "out")) == ["b.mkv", "day 2/ward/a.mkv"]


def test_resuming_needs_records(run: Run, folder: Path, tmp_path: Path) -> None:
    said = complaint(run("obfuscate", str(folder), "-o", str(tmp_path / "out"), *HOW, "--resume", "--no-record"))
    assert "--no-record" in said


def test_places_that_would_clash(folder: Path, tmp_path: Path) -> None:
    (folder / "a.avi").write_bytes(b"")
    (folder / "a.mp4").write_bytes(b"")
    with pytest.raises(OptionError, match=r"would both be .*a\.mp4"):
        plan([str(folder)], tmp_path / "out")
    with pytest.raises(OptionError, match="is the input folder"):
        plan([str(folder)], folder)
    with pytest.raises(OptionError, match="one file for"):
        plan([str(folder)], tmp_path / "out.mp4")


def test_links_to_folders_are_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "again").symlink_to(folder, target_is_directory=True)
    assert len(plan([str(folder)], tmp_path / "out")) == 3

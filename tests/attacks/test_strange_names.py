"""Names of files that hold anything, as inputs and as outputs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from motionveil import drawing
from motionveil._core.printable import printable

from ..cli.test_commands import Run, complaint
from ..conftest import textured
from ..pipeline.test_obfuscation import read, write


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a film and a picture."""
    picture = textured(64, 96, rng)
    write(tmp_path / "in.mp4", np.stack([picture] * 4))
    drawing.write_image(tmp_path / "in.png", picture)
    monkeypatch.chdir(tmp_path)
    return tmp_path


CORNER = ("--hide", "nothing", "--area", "rect:0,0,8,8")
"""Needs no network."""
STRANGE = (
    "caf\udce9",
    "a\x1b[31mred",
    "line\nbreak",
    "%s",
    "100%",
    "a%sb%n",
    "back\\slash",
    "'",
    '"',
    "-- x",
    "\u202egnp",
)


@pytest.mark.skipif(os.name != "posix", reason="other systems do not allow such names")
@pytest.mark.parametrize("name", STRANGE, ids=printable)
@pytest.mark.parametrize("suffix", [".mp4", ".png"])
def test_strange_names(name: str, suffix: str, run: Run, folder: Path) -> None:
    (folder / f"in{suffix}").rename(folder / f"{name}{suffix}")
    code, out, err = run("obfuscate", f"./{name}{suffix}", "-o", f"./out{name}{suffix}", *CORNER)
    assert code == 0, err
    assert len(read(folder / f"out{name}{suffix}")[0]) == (4 if suffix == ".mp4" else 1)
    assert printable(f"out{name}{suffix}") in out
    assert json.loads((folder / f"out{name}{suffix}.json").read_text())["source"]["name"] == f"{name}{suffix}"
    assert not set(out + err) & set("\x1b\u202e\r\udce9")
    message = complaint(run("obfuscate", f"none{name}{suffix}"))
    assert printable(f"none{name}{suffix}") in message


@pytest.mark.parametrize("pattern", ["%s%d.png", "a%sb%04d.png", "%%%03d.png", "%n%06d.jpg"])
def test_patterns_with_other_signs(pattern: str, run: Run, folder: Path) -> None:
    code, _, err = run("obfuscate", "in.mp4", "-o", f"images/{pattern}", "--no-record", *CORNER)
    assert code == 0, err
    begin, _, end = pattern.rpartition("%")
    number = "0" if end.startswith("d") else "0" * int(end[:2])
    assert (folder / "images" / f"{begin}{number}{Path(pattern).suffix}").exists()
    assert len(list((folder / "images").iterdir())) == 4


@pytest.mark.parametrize("pattern", ["%06d.png", "../%d.png", "./%d.png"])
def test_numbered_images_in_the_working_folder_are_refused(pattern: str, run: Run, folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert "need their own folder" in complaint(run("obfuscate", "in.mp4", "-o", pattern))
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", ["%", "%s", "a%s.png", "x%99999d.png", "%0d.txt"])
def test_names_with_percent_signs(name: str, run: Run, folder: Path) -> None:
    code, _, err = run("obfuscate", "in.png", "-o", name, "--no-record", *CORNER)
    assert code in (0, 2), err
    assert "internal error" not in err
    assert code == 2 or (folder / name).exists()

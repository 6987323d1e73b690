"""Template libraries from strangers: refused in one sentence, or harmless; two processes lose nothing of each other."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from motionveil import drawing
from motionveil._core.errors import TemplateError
from motionveil._core.printable import printable
from motionveil.detection.features import PartsEncoder
from motionveil.detection.templates import (
    Template,
    TemplateLibrary,
    built_in_library,
    change_user_library,
    default_library,
    user_library_path,
)

from ..cli.test_commands import Run, complaint
from ..conftest import textured

BUILT_IN = next(iter(built_in_library()))
UNIT = BUILT_IN.vector


def entry(name: Any = "x", fingerprint: Any = BUILT_IN.fingerprint, origin: Any = "here") -> dict[str, Any]:
    return {"name": name, "fingerprint": fingerprint, "origin": origin}


def library_file(path: Path, header: Any, tensors: dict[str, Any]) -> Path:
    text = header if isinstance(header, str) else json.dumps(header)
    path.write_bytes(safetensors.numpy.save(tensors, {"format": "motionveil-templates-1", "templates": text}))
    return path


LONG = np.zeros(2_000_000, np.float32)
LONG[0] = 1
HOSTILE: dict[str, Callable[[], tuple[Any, dict[str, Any]]]] = {
    "another length": lambda: ({"x": entry()}, {"x": np.array([1, 0, 0], np.float32)}),
    "two million numbers": lambda: ({"x": entry(fingerprint="other")}, {"x": LONG}),
    "two axes": lambda: ({"x": entry()}, {"x": UNIT[None]}),
    "whole numbers": lambda: ({"x": entry(fingerprint="other")}, {"x": np.array([1, 0], np.int64)}),
    "truth values": lambda: ({"x": entry(fingerprint="other")}, {"x": np.array([True, False])}),
    "not a number": lambda: ({"x": entry()}, {"x": np.full_like(UNIT, np.nan)}),
    "not of unit length": lambda: ({"x": entry()}, {"x": UNIT * 2}),
    "nothing": lambda: ({"x": entry()}, {"x": np.zeros(0, np.float32)}),
    "fingerprint that is a number": lambda: ({"x": entry(fingerprint=3)}, {"x": UNIT}),
    "fingerprint that is a list": lambda: ({"x": entry(fingerprint=[])}, {"x": UNIT}),
    "name that is a number": lambda: ({"x": entry(name=3)}, {"x": UNIT}),
    "name that is a path": lambda: ({"x": entry(name="../../x")}, {"x": UNIT}),
    "origin that is nothing": lambda: ({"x": entry(origin=None)}, {"x": UNIT}),
    "long origin": lambda: ({"x": entry(origin="a" * 100_000)}, {"x": UNIT}),
    "entry that is a text": lambda: ({"x": "y"}, {"x": UNIT}),
    "entry without a vector": lambda: ({"y": entry()}, {"x": UNIT}),
    "header that is a list": lambda: ([entry()], {"x": UNIT}),
    "header that is no JSON": lambda: ("{", {"x": UNIT}),
    "deep header": lambda: ("[" * 100_000, {"x": UNIT}),
    "deep entry": lambda: ('{"x": ' + '{"a":' * 50_000 + "1" + "}" * 50_001, {"x": UNIT}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_libraries_are_refused(name: str, run: Run, tmp_path: Path) -> None:
    path = library_file(tmp_path / "x.safetensors", *HOSTILE[name]())
    assert str(path) in complaint(run("template", "import", path)) or "numbers" in name or "length" in name
    assert not user_library_path().exists()


@pytest.mark.parametrize("name", ["Person", "PERSON", "Face", "aLL", "Nothing", "Hair", "Other_Person"])
def test_no_template_takes_the_place_of_a_group(name: str, run: Run, tmp_path: Path) -> None:
    path = library_file(tmp_path / "x.safetensors", {"x": entry(name=name)}, {"x": UNIT})
    assert "invalid template name" in complaint(run("template", "import", path))
    with pytest.raises(TemplateError, match="invalid template name"):
        Template(name, UNIT, "f", "o")
    if name != "Nothing":
        assert built_in_library().names(name) == built_in_library().names(name.lower())


def test_what_is_no_file_is_refused(run: Run, tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero"), tmp_path / "none"):
        assert str(path) in complaint(run("template", "import", path))


def test_twenty_thousand_templates(run: Run, tmp_path: Path) -> None:
    header = {f"t{n}": entry(name=f"t{n}", fingerprint="other") for n in range(20_000)}
    path = library_file(tmp_path / "x.safetensors", header, dict.fromkeys(header, np.array([1, 0], np.float32)))
    begin = time.monotonic()
    code, out, err = run("template", "import", path)
    assert code == 0, err
    assert len(out) < 3000
    assert len(default_library()) == 20_000 + len(built_in_library())
    assert time.monotonic() - begin < 20
    header["one more"] = entry(name="more", fingerprint="other")
    path = library_file(path, header, dict.fromkeys(header, np.array([1, 0], np.float32)))
    assert "20000" in complaint(run("template", "import", path))


def test_escapes_are_shown(run: Run, tmp_path: Path) -> None:
    told = entry(fingerprint="f\x1b]0;title\x07", origin="a\x1b[2Jb\nmine            built in\u202e")
    path = library_file(tmp_path / "x.safetensors", {"x": told}, {"x": np.array([1, 0], np.float32)})
    out = run("template", "import", path)[1] + run("template", "list")[1]
    assert r"a\x1b[2Jb\nmine            built in\u202e" in out
    assert not set(out) & set("\x1b\x07\u202e\r")
    assert "\\x1b" in complaint(run("obfuscate", tmp_path / "a\x1b[31m\n.mp4"))


def test_printable() -> None:
    assert printable("a\x1b[0m\tb\r\n\x9b\u2028\ud800\udce9") == r"a\x1b[0m\tb\r\n\x9b\u2028\ud800\xe9"
    assert printable("Straße 猫 नमस्ते 👩\u200d🔬 می\u200cخواهم") == "Straße 猫 नमस्ते 👩\u200d🔬 می\u200cخواهم"


def test_two_at_once_lose_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIONVEIL_TEMPLATES", str(tmp_path / "mine.safetensors"))
    code = (
        "import sys, numpy as np\n"
        "from motionveil.detection.templates import *\n"
        "from motionveil.detection.templates import change_user_library\n"
        "for n in range(8):\n"
        "    new = Template(f'{sys.argv[1]}{n}', np.array([1, 0], np.float32), 'f', 'o')\n"
        "    change_user_library(lambda own: own.with_template(new))\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("a", "b", "c")]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(TemplateLibrary.load(user_library_path())) == 24


def test_add_goes_through_the_lock(
    run: Run,
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process adds one while this one looks at its picture."""
    drawing.write_image(tmp_path / "a.png", textured(96, 128, rng))
    call = PartsEncoder.__call__

    def meanwhile(self: PartsEncoder, frames: Any) -> Any:
        other = Template("other", np.array([1, 0], np.float32), "f", "o")
        change_user_library(lambda own: own.with_template(other))
        return call(self, frames)

    monkeypatch.setattr(PartsEncoder, "__call__", meanwhile)
    assert run("template", "add", "mine", "--image", tmp_path / "a.png", "--point", "5,5")[0] == 0
    assert {t.name for t in TemplateLibrary.load(user_library_path())} == {"mine", "other"}

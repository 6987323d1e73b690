"""Learned obfuscators as files: whole, exact, and refused in one sentence where they are anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from motionveil._core.errors import OptionError, OutputError, WeightsError
from motionveil.learned import DEGRADATIONS, LEARNED_METHODS, LowResolution, load_learned, save_learned

from .sample import small

pytestmark = pytest.mark.usefixtures("one_torch_thread")
KEY = "motionveil.learned"
ABOUT = {"data": "none", "seed": 3, "settings": {"rates": [0.1, 0.2]}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good file."""
    path = tmp_path / "deep" / "learned.safetensors"
    save_learned(path, small("unet"), method="spact", size=40, fit="crop", about=ABOUT)
    return path


def changed(path: Path, change: Callable[[dict[str, Any], dict[str, torch.Tensor]], object]) -> Path:
    """The same file with other metadata or tensors."""
    with safe_open(str(path), framework="pt") as file:
        told = json.loads(file.metadata()[KEY])
        names = file.keys()
        tensors = {name: file.get_tensor(name) for name in names}
    change(told, tensors)
    save_file(tensors, str(path), {KEY: json.dumps(told)})
    return path


@pytest.mark.parametrize("name", list(DEGRADATIONS))
def test_what_is_read_is_what_was_written(name: str, tmp_path: Path) -> None:
    degradation = small(name, seed=4)
    for tensor in degradation.state_dict().values():
        tensor += torch.rand(tensor.shape) * 0.01
    before = {key: value.clone() for key, value in degradation.state_dict().items()}
    save_learned(tmp_path / "a.bin", degradation, method="grl", size=33, fit="squash", about=ABOUT)
    read = load_learned(tmp_path / "a.bin", method="grl", device="cpu")
    assert (read.method, read.size, read.fit, read.about) == ("grl", 33, "squash", ABOUT)
    assert type(read.degradation) is DEGRADATIONS[name]
    assert read.degradation.settings == degradation.settings
    state = read.degradation.state_dict()
    assert state.keys() == before.keys()
    assert all(torch.equal(state[key], before[key]) for key in before)
    assert not read.degradation.training
    # The same once more is the same file, byte for byte.
    save_learned(tmp_path / "b.bin", read.degradation, method="grl", size=33, fit="squash", about=read.about)
    assert (tmp_path / "b.bin").read_bytes() == (tmp_path / "a.bin").read_bytes()
    assert read.sha256 == load_learned(tmp_path / "b.bin").sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "b.bin"]


def test_every_method_can_be_kept(tmp_path: Path) -> None:
    for method in LEARNED_METHODS:
        save_learned(tmp_path / "x", small("low_resolution"), method=method, size=16, fit="crop", about={})
        assert load_learned(tmp_path / "x").method == method


def refused(path: Path, words: str, method: str | None = None) -> None:
    with pytest.raises(WeightsError, match=words) as raised:
        load_learned(path, method=method)
    text = str(raised.value)
    assert path.name in text
    assert "\n" not in text


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "none.safetensors", "there is no file .*motionveil bench learn")
    refused(tmp_path, "there is no file")


@pytest.mark.parametrize("kept", [0, 4, 60, 0.5, -1])
def test_truncated(kept: float, path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept) if 0 < kept < 1 else int(kept)])
    refused(path, "damaged or no safetensors file")


def test_other_files(path: Path, tmp_path: Path) -> None:
    path.write_text("not weights at all, but a text that is long enough")
    refused(path, "no safetensors file")
    torch.save(small("unet").state_dict(), path)
    refused(path, "no safetensors file")
    save_file({"weight": torch.zeros(3)}, str(path), {"format": "pt"})
    refused(path, "holds no learned obfuscator")
    save_file({"weight": torch.zeros(3)}, str(path))
    refused(path, "holds no learned obfuscator")


@pytest.mark.parametrize(
    "text", ["", "{", "3", "[]", "{}", '{"version": 1}', "[" * 5000, '{"version": 1, "method": ["grl"]}']
)
def test_metadata_that_are_none(text: str, path: Path) -> None:
    save_file(small("unet").state_dict(), str(path), {KEY: text})
    refused(path, "does not say what it is|cannot be used")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("version", 2, "later motionveil"),
        ("method", "magic", "no learned method 'magic'"),
        ("degradation", "magic", "no degradation 'magic'"),
        ("degradation", ["unet"], "does not say|cannot be used"),
        ("degradation", "transformation", "has no option depth"),
        ("settings", {"width": 4, "depth": 2, "colour": 1}, "no option colour"),
        ("settings", {"width": 4, "depth": 99}, "whole number from 1"),
        ("settings", {"name": "unet"}, "no option name"),
        ("settings", {"width": 512, "depth": 6}, "does not fit unet"),
        ("settings", [], "names with values"),
        ("size", 0, "size is 0"),
        ("size", "40", "size is '40'"),
        ("fit", "stretch", "fit is 'stretch'"),
        ("fit", ["crop"], "fit is"),
        ("about", "nothing", "names with values"),
    ],
)
def test_metadata_that_make_no_sense(key: str, value: object, words: str, path: Path) -> None:
    refused(changed(path, lambda told, tensors: told.update({key: value})), words)


@pytest.mark.parametrize("name", ["version", "method", "degradation", "settings", "size", "fit", "about"])
def test_metadata_that_are_incomplete(name: str, path: Path) -> None:
    refused(changed(path, lambda told, tensors: told.pop(name)), "does not say what it is")


def test_tensors_that_do_not_fit(path: Path) -> None:
    data = path.read_bytes()
    for change in (
        lambda told, tensors: tensors.pop("last.weight"),
        lambda told, tensors: tensors.update(more=torch.zeros(1)),
        lambda told, tensors: tensors.update({"last.bias": torch.zeros(4)}),
        lambda told, tensors: tensors.update({"last.bias": tensors["last.bias"].half()}),
        lambda told, tensors: tensors.clear(),
    ):
        path.write_bytes(data)
        refused(changed(path, change), "does not fit unet: .* tensors are missing, unknown or of another")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none(value: float, path: Path) -> None:
    refused(changed(path, lambda told, tensors: tensors["last.weight"].fill_(value)), "not finite.*last.weight")


def test_another_method_than_asked_for(path: Path) -> None:
    refused(path, "holds the method spact, not grl", method="grl")
    assert load_learned(path, method="spact").method == "spact"


def test_what_makes_no_sense_is_not_written(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    good: dict[str, Any] = {"method": "grl", "size": 32, "fit": "crop", "about": {}}
    for bad in ({"method": "magic"}, {"size": -1}, {"fit": "stretch"}):
        with pytest.raises(OptionError):
            save_learned(path, small("unet"), **{**good, **bad})
    assert path.read_bytes() == before
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        save_learned(tmp_path / "file" / "x", small("unet"), **good)
    broken = LowResolution()
    broken.transforms += float("nan")
    save_learned(path, broken, **good)
    refused(path, "not finite")


def test_methods_can_be_named_without_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import motionveil\n"
        "from motionveil.learned import LEARNED_METHODS\n"
        "print(*LEARNED_METHODS)\n"
        "try:\n    motionveil.load_learned('x')\n"
        "except motionveil.DependencyError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    methods, error = done.stdout.splitlines()
    assert methods == "grl kbeam entropy bdq elr spact"
    assert "pip install 'motionveil[torch]'" in error

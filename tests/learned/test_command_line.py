"""Learned methods from the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from motionveil.cli.learned import _SHARED
from motionveil.cli.obfuscate import command
from motionveil.learned import load_learned, save_learned

from ..cli.test_commands import Run, complaint, run
from ..conftest import clips_of, textured
from ..pipeline.test_obfuscation import read, write
from .sample import small

__all__ = ["run"]
pytestmark = pytest.mark.usefixtures("one_torch_thread")
MADE_BY = "motionveil bench learn EXPERIMENT.toml --root DIR -o FOLDER"


@pytest.fixture
def film(tmp_path: Path, rng: np.random.Generator) -> Path:
    picture = textured(48, 64, rng)
    return write(tmp_path / "in.mkv", np.stack([np.roll(picture, t, axis=1) for t in range(6)]), codec="ffv1")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "grl.safetensors"
    save_learned(path, small("transformation"), method="grl", size=24, fit="crop", about={"seed": 5})
    return path


@pytest.mark.parametrize("named", [True, False])
def test_a_video(named: bool, run: Run, film: Path, checkpoint: Path, tmp_path: Path) -> None:
    before = film.read_bytes()
    target = tmp_path / "out.mkv"
    method = ["--method", "grl"] if named else []
    code, out, err = run("obfuscate", film, "-o", target, "--checkpoint", checkpoint, *method, "--codec", "ffv1")
    assert code == 0, err
    assert str(target) in out
    assert err.count("warning") == 1
    assert "hides only what its training covered" in err
    learned = load_learned(checkpoint, device="cpu")
    expected = np.concatenate([clip.frames for clip in learned.stream(clips_of(read(film)[0]))])
    assert np.abs(read(target)[0].astype(int) - expected).max() <= 1
    told = json.loads((tmp_path / "out.mkv.json").read_text())["settings"]["obfuscator"]
    assert (told["method"], told["checkpoint"], told["about"]) == ("grl", learned.sha256, {"seed": 5})
    assert film.read_bytes() == before


def test_preview_audit_and_several(run: Run, film: Path, checkpoint: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.mkv"
    picture.write_bytes(film.read_bytes())
    code, _, err = run(
        "obfuscate", film, picture, "-o", tmp_path / "out", "--checkpoint", checkpoint, "--preview", "--audit",
        "--audio", "keep", "--end", 0.16,
    )  # fmt: skip
    assert code == 0, err
    assert err.count("training covered") == 1
    assert "voices identify speakers" in err
    for name in ("in", "a"):
        assert read(tmp_path / "out" / f"{name}.mkv")[0].shape[0] == 4
        assert (tmp_path / "out" / f"{name}.preview.mkv").is_file()
        report = json.loads((tmp_path / "out" / f"{name}.mkv.audit" / "report.json").read_text())
        assert report["verdict"]["headline"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--method", "grl"], f"needs --checkpoint FILE; train one with: {MADE_BY}"),
        (["--method", "bdq", "--checkpoint", "GOOD"], "holds the method grl, not bdq"),
        (["--method", "selective", "--checkpoint", "GOOD"], "the selective method takes no checkpoint"),
        (["--method", "magic"], "magic"),
        (["--checkpoint", "none.safetensors"], f"there is no file none.safetensors.*{MADE_BY}"),
        (["--checkpoint", "BAD"], "damaged or no safetensors file"),
        (["--checkpoint", "GOOD", "--hide", "person"], "--hide applies to the selective method only"),
        (["--checkpoint", "GOOD", "--preset", "secure"], "--preset applies to the selective"),
        (["--method", "grl", "--filler", "solid"], "--filler applies to the selective"),
        (["--checkpoint", "GOOD", "--area", "rect:1,1,5,5", "--inverse"], "--area, --inverse apply to the selective"),
        (["--checkpoint", "GOOD", "--grain", "9", "--flow", "dis", "--seed", "1"], "--grain, --flow, --seed apply to"),
    ],
)
def test_what_does_not_fit(
    arguments: list[str],
    words: str,
    run: Run,
    film: Path,
    checkpoint: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "bad").write_bytes(checkpoint.read_bytes()[:-10])
    names = {"GOOD": checkpoint, "BAD": tmp_path / "bad"}
    message = complaint(run("obfuscate", film, "-o", tmp_path / "out.mkv", *[names.get(a, a) for a in arguments]))
    before, _, after = words.partition(".*")
    assert before in message
    assert after in message
    assert not (tmp_path / "out.mkv").exists()


def test_options_that_every_method_has_are_options() -> None:
    assert {parameter.name for parameter in command.params} >= _SHARED


def test_without_torch(film: Path, checkpoint: Path) -> None:
    code = f"""
import sys
sys.modules["torch"] = None
sys.argv = ["motionveil", "obfuscate", {str(film)!r}, "--checkpoint", {str(checkpoint)!r}]
from motionveil.cli import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        done.stderr.strip() == "motionveil: error: this needs PyTorch; install it with: pip install 'motionveil[torch]'"
    )

"""Experiments and results from strangers: one sentence, at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from motionveil._core.errors import InputError, MotionveilError
from motionveil_bench.protocols.experiment_file import read_experiment
from motionveil_bench.results import read_rows

GOOD = 'dataset = "kth"\ntasks.action = ["x3d_s"]\n'
EXPERIMENTS = {
    "binary": b"\x00\xff\xfe\x80" * 100,
    "a thousand deep": (GOOD + "x = " + "[" * 1000 + "]" * 1000).encode(),
    "ten thousand deep": (GOOD + "x = " + "{a=" * 10_000 + "1" + "}" * 10_000).encode(),
    "dotted a thousand deep": (GOOD + ".".join("a" * 1000) + " = 1").encode(),
    "a number of thousands of digits": (GOOD + "seeds = " + "9" * 5000).encode(),
    "a billion seeds": (GOOD + "seeds = 1000000000").encode(),
    "a billion folds": (GOOD + "folds = [1000000000]").encode(),
    "truth values as folds": (GOOD + "folds = [true]").encode(),
    "a billion pixels": (GOOD + "[sampling]\nsize = 1000000000").encode(),
    "a billion views": (GOOD + "[sampling]\nviews = 1000000000").encode(),
    "a billion epochs": (GOOD + "[training]\nepochs = 1000000000").encode(),
    "a billion workers": (GOOD + "[training]\nworkers = 1000000000").encode(),
    "not a number": (GOOD + "[training]\nlearning_rate = nan").encode(),
    "a billion attackers' seeds": (
        GOOD + '[[two_fold]]\nobfuscators = ["secure"]\nattackers = ["x3d_s"]\nseeds = 1000000000'
    ).encode(),
    "a billion rounds": (GOOD + "[learned.grl]\nrounds = 1000000000").encode(),
    "large": (GOOD + "# " + "x" * 2_000_000).encode(),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_hostile_experiments(name: str, tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_bytes(EXPERIMENTS[name])
    begin = time.monotonic()
    with pytest.raises(MotionveilError):
        read_experiment(path)
    assert time.monotonic() - begin < 10


def test_what_is_no_file(tmp_path: Path) -> None:
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe")
        for read in (read_experiment, read_rows):
            with pytest.raises(InputError):
                read(tmp_path / "pipe")
    for read in (read_experiment, read_rows):
        for path in (tmp_path, tmp_path / "none", Path("/dev/zero")):
            with pytest.raises(InputError):
                read(path)


@pytest.mark.parametrize("arguments", [["--threads", "0"], ["--threads", "-1"], ["--memory", "nan"], []])
def test_wrong_options_are_said_before_anything_is_loaded(arguments: list[str], tmp_path: Path) -> None:
    """The networks' libraries take seconds to import."""
    code = "import sys\nfrom motionveil.cli import main\ntry: main()\nfinally: print('torch' in sys.modules)\n"
    command = [sys.executable, "-c", code, "bench", "run", str(tmp_path), "--root", str(tmp_path), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == "False\n"
    assert len(done.stderr.splitlines()) == 1
    assert (arguments or ["directory"])[0] in done.stderr


ROW = {
    "dataset": "kth", "task": "action", "network": "x3d_s", "level": "clip", "obfuscator": "secure",
    "protocol": "frozen", "metric": "top1", "value": 0.5, "prior": 0.1, "seed": 0, "fold": 0,
    "num_clips": 10, "configuration": {},
}  # fmt: skip


_CHANGES: tuple[dict[str, object], ...] = (
    {"value": "x"}, {"value": float("nan")}, {"value": True}, {"seed": 1.5}, {"seed": -1}, {"dataset": 3},
    {"configuration": []}, {"interval": [1]}, {"interval": 3}, {"detail": "x"}, {"network": "x" * 100_000},
    {"num_clips": 10**30}, {"network": "x\x1b[2J"},
)  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"configuration": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
        b"null",
        b"9" * 5000,
        *(
            json.dumps({**ROW, **changed}).encode()
            for changed in _CHANGES
        ),
    ],
    ids=lambda line: line[:30].decode("ascii", "replace") + line[-20:].decode("ascii", "replace"),
)  # fmt: skip
def test_hostile_rows(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps(ROW).encode() + b"\n")
    assert len(read_rows(path)) == 1
    path.write_bytes(json.dumps(ROW).encode() + b"\n" + line + b"\n")
    with pytest.raises(InputError):
        read_rows(path)

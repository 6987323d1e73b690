"""Sources that give nothing: a notice within two seconds, and an interrupt ends it as always."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ..cli.test_commands import Run
from ..conftest import textured
from ..pipeline.test_obfuscation import read, write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="named pipes and signals are those of POSIX")

PLAIN = ("--hide", "nothing", "--area", "rect:0,0,8,8")
"""Reading is what is tried here, not looking for people."""
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `motionveil obfuscate` with results in a folder of its own; what still runs is killed at the end."""
    running = []
    (tmp_path / "out").mkdir()

    def call(source: str, stdin: int | None = None) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "motionveil",
            "obfuscate",
            source,
            "-o",
            str(tmp_path / "out" / "o.mp4"),
            *PLAIN,
        ]
        listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        made = subprocess.Popen(command, stderr=subprocess.PIPE, stdin=stdin, preexec_fn=listening)
        running.append(made)
        return made

    yield call
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def stream(tmp_path: Path, rng: np.random.Generator) -> Path:
    picture = textured(64, 96, rng)
    return write(tmp_path / "s.mkv", np.stack([np.roll(picture, 3 * t, axis=1) for t in range(60)]))


def interrupted(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for the notice, interrupt, and see that it ends as it should."""
    assert process.stderr is not None
    assert b"waiting for" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    process.wait(timeout=30)  # `communicate` would close its standard input
    err = process.stderr.read()
    assert process.returncode == 130, err
    assert err.decode().strip() == "motionveil: interrupted; no partial output was kept"
    assert time.monotonic() - begin < 10
    assert list(folder.iterdir()) == []


def test_a_pipe_that_nobody_writes_to(start: Start, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    interrupted(start(str(tmp_path / "pipe.mp4")), tmp_path / "out")


def test_standard_input_that_gives_nothing(start: Start, tmp_path: Path) -> None:
    interrupted(start("-", stdin=subprocess.PIPE), tmp_path / "out")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_standard_input_that_stalls(share: float, start: Start, stream: Path, tmp_path: Path) -> None:
    data = stream.read_bytes()
    process = start("-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(data[: int(share * len(data))])
    process.stdin.flush()
    interrupted(process, tmp_path / "out")


def test_a_pipe_is_read(start: Start, stream: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mkv")
    process = start(str(tmp_path / "pipe.mkv"))
    (tmp_path / "pipe.mkv").write_bytes(stream.read_bytes())
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(read(tmp_path / "out" / "o.mp4")[0]) == 60


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/dev/urandom"])
def test_devices_are_no_videos(run: Run, tmp_path: Path, name: str) -> None:
    code, _, err = run("obfuscate", name, "-o", tmp_path / "o.mp4")
    assert code == 2, err
    assert name in err
    assert len(err.splitlines()) == 1

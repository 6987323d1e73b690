"""Processes that are told to end, or killed, at any moment."""

from __future__ import annotations

import os
import random
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import motionveil.cli.root
from motionveil import obfuscate_video
from motionveil._core.atomic_files import hidden_file, hidden_folder, release, remove, sweep, take_place
from motionveil.fillers import SolidColour
from motionveil.flow import DISFlow
from motionveil.obfuscation.obfuscators import Selective
from motionveil.regions import WholeFrame

from ..cli.test_commands import Run
from ..conftest import textured
from ..pipeline.test_obfuscation import read, write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and permissions are those of POSIX")

PLAIN = Selective(WholeFrame(), SolidColour(), DISFlow())


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    picture = textured(120, 160, np.random.default_rng(14))
    return write(
        tmp_path_factory.mktemp("film") / "in.mp4", np.stack([np.roll(picture, t, axis=1) for t in range(150)])
    )


def begin(film: Path, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "motionveil", "obfuscate", str(film), "-o", str(folder / "o.mp4"), "--preview"]
    # A shell lets what it starts in the background ignore interrupts, and so would what the tests start.
    return subprocess.Popen(
        [*command, "--short-side", "96", "--speed", "veryslow"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


WHOLE = {"o.mp4", "o.mp4.json", "o.preview.mp4", "o.sheet.png"}


def kill(film: Path, folder: Path, number: signal.Signals, after: float) -> tuple[int, str, set[str]]:
    """Send a signal after so many seconds; gives the exit code, what was said, and what is left."""
    process = begin(film, folder)
    time.sleep(after)
    process.send_signal(number)
    try:
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, err, {path.name for path in folder.iterdir()}


@pytest.fixture(scope="module")
def start_up() -> float:
    """Seconds until the command is there, on this machine as busy as it is."""
    begin = time.monotonic()
    subprocess.run([sys.executable, "-m", "motionveil", "--version"], check=True, capture_output=True)
    return max(0.5, time.monotonic() - begin)


def faults(code: int, err: str, left: set[str], *, is_early: bool) -> list[str]:
    """What is wrong with the end of a process that was told to end; is_early: while `main` may not have begun."""
    if is_early and code not in (0, 130) and not left and not re.search(r'cli/__init__\.py", line \d+, in main', err):
        return []
    found = [f"exit code {code}"] if code not in (0, 130) else []
    found += [word for word in ("Traceback", "internal error", "terminate", "Fatal", "Aborted") if word in err]
    return [*found, f"left {sorted(left)}"] if left not in (set(), WHOLE) else found


def spread(count: int, seed: int) -> Iterator[tuple[signal.Signals, float]]:
    """Signals and moments, the same for every run: most in the first seconds, in which everything is loaded."""
    generator = random.Random(seed)
    for index in range(count):
        yield (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[index % 3], 0.15 + generator.random() ** 2 * 6


def check(film: Path, folder: Path, start_up: float, count: int, seed: int) -> None:
    wrong = []
    for index, (number, after) in enumerate(spread(count, seed)):
        (folder / str(index)).mkdir()
        code, err, left = kill(film, folder / str(index), number, after)
        if found := faults(code, err, left, is_early=after < start_up):
            wrong.append((number.name, round(after, 3), found, err[-800:]))
    assert not wrong


def test_a_few_signals(film: Path, start_up: float, tmp_path: Path) -> None:
    check(film, tmp_path, start_up, 3, seed=1)


@pytest.mark.slow
def test_forty_signals_at_random_moments(film: Path, start_up: float, tmp_path: Path) -> None:
    check(film, tmp_path, start_up, 40, seed=14)


def test_an_interrupt_just_before_work_begins(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(motionveil.cli.root, "run", run)
    with pytest.raises(SystemExit) as done:
        motionveil.cli.main()
    assert done.value.code == 130
    assert capfd.readouterr().err == "motionveil: interrupted; no partial output was kept\n"


def test_a_kill_leaves_what_nobody_else_can_read_and_the_next_run_removes_it(film: Path, tmp_path: Path) -> None:
    process = begin(film, tmp_path)
    deadline = time.monotonic() + 180  # of a busy machine
    while len(list(tmp_path.iterdir())) < 2 or not all(path.stat().st_size for path in tmp_path.iterdir()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.communicate()
    left = list(tmp_path.iterdir())
    assert all(path.name.startswith((".o.mp4.part-", ".o.preview.mp4.part-")) for path in left)
    assert {stat.S_IMODE(path.stat().st_mode) for path in left} == {0o600}
    obfuscate_video(film, tmp_path / "another.mp4", obfuscator=PLAIN)
    assert {path.name for path in tmp_path.iterdir()} == {"another.mp4"}


def test_what_shows_the_original_is_for_its_owner(run: Run, film: Path, tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        assert run("obfuscate", film, "-o", tmp_path / "o.mp4", "--preview", "--end", 0.3, "--short-side", 64)[0] == 0
        assert run("saliency", film, "-o", tmp_path / "maps", "--end", "0.1", "--video", "--short-side", "128")[0] == 0
        assert (
            run("export", film, "-o", tmp_path / "steps", "--end", "0.1", "--what", "mask", "--short-side", 64)[0] == 0
        )
    finally:
        os.umask(old)
    modes = {
        path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in tmp_path.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }
    private = {"o.preview.mp4", "o.sheet.png", "maps/in/sheet.png", "maps/in/overlay.mp4", "steps/in/sheet.png"}
    assert {name for name, mode in modes.items() if mode == 0o600} == private
    assert {mode for name, mode in modes.items() if name not in private} == {0o644}
    assert {stat.S_IMODE((tmp_path / name / "in").stat().st_mode) for name in ("maps", "steps")} == {0o755}


def test_only_what_nobody_works_on_is_swept(tmp_path: Path) -> None:
    mine, folder = hidden_file(tmp_path / "a.mp4"), hidden_folder(tmp_path / "b")
    left = [tmp_path / ".c.mp4.part-0123abcd", tmp_path / ".d.part-00000000"]
    left[0].write_text("left")
    (left[1] / "deep").mkdir(parents=True)
    others = [tmp_path / name for name in (".e.part-xyz", "f.part-0123abcd", ".g.part-0123abcde", ".part", "h")]
    for path in others:
        path.write_text("of somebody else")
    (tmp_path / ".i.part-0123abcd").symlink_to(tmp_path / "h")
    sweep(tmp_path)
    assert {*tmp_path.iterdir()} == {mine, folder, *others, tmp_path / ".i.part-0123abcd"}
    assert stat.S_IMODE(mine.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    release(mine)
    remove(folder)
    sweep(tmp_path)
    assert mine not in tmp_path.iterdir()
    sweep(tmp_path / "none")


def test_results_are_on_the_disk_before_they_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    flush, replace = os.fsync, Path.replace

    def flushing(descriptor: int) -> None:
        done.append("flushed")
        flush(descriptor)

    def replacing(self: Path, target: Path) -> Path:
        done.append("appears")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flushing)
    monkeypatch.setattr(Path, "replace", replacing)
    made = hidden_file(tmp_path / "a")
    made.write_text("new")
    take_place(made, tmp_path / "a", overwrite=False)
    assert done[:2] == ["flushed", "appears"]
    assert (tmp_path / "a").read_text() == "new"


def test_an_ignored_hangup_stays_ignored(film: Path, tmp_path: Path) -> None:
    """As nohup wants it."""
    command = [sys.executable, "-m", "motionveil", "obfuscate", str(film), "-o", str(tmp_path / "o.mp4")]
    process = subprocess.Popen(
        [*command, "--end", "1", "--hide", "nothing", "--area", "rect:0,0,8,8"],
        stderr=subprocess.PIPE, preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    time.sleep(0.5)
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(read(tmp_path / "o.mp4")[0]) == 25

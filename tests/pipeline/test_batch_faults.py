"""Batches whose workers, driver or disk fail: after a rerun everything is there, whole, and made once."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from motionveil import OutputError, Where
from motionveil._core.cores import THREADS, cores, share_of_cores
from motionveil.obfuscation.presets import get_preset
from motionveil.outputs.ledger import LEDGER, Entry, Ledger
from motionveil.outputs.output_paths import plan
from motionveil.pipeline.batch import BatchProgress, BatchReport, run_batch
from motionveil.pipeline.making import Job, Maker, Order, Outcome
from motionveil.pipeline.workers import OnJobProgress, Outcomes, Take, lost
from motionveil.regions import Rectangle

from ..conftest import textured
from .test_obfuscation import read, write

ORDER = Order(where=Where(hide=(), areas=(Rectangle(0, 0, 64, 48),)), preset=get_preset("secure"), seed=5)
Result = dict[str, bytes]


def films(folder: Path, count: int, frames: int = 5, size: tuple[int, int] = (48, 64)) -> Path:
    picture = textured(*size, np.random.default_rng(1))
    for index in range(count):
        path = folder / ("deep" if index % 3 == 2 else "") / f"{index}.mkv"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, np.stack([np.roll(picture, t * (index + 1), axis=1) for t in range(frames)]))
    return folder


def videos(folder: Path) -> Result:
    """Every output; there must be nothing else, hidden or not, but records and the ledger."""
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    made = {name: path.read_bytes() for name, path in found.items() if name.endswith(".mkv")}
    assert set(found) == {LEDGER, *made, *(f"{name}.json" for name in made)}
    return made


def entries(folder: Path) -> dict[str, Entry]:
    with Ledger(folder) as ledger:
        return {entry.name: entry for entry in ledger.entries()}


class Scripted:
    """Works here; what happens to every attempt is decided by a function. None: it is made."""

    def __init__(self, order: Order, script: Callable[[Job, int], Outcome | None]) -> None:
        self._maker, self._script = Maker(order), script
        self.began: list[str] = []

    def run(self, take: Take, on_progress: OnJobProgress) -> Outcomes:
        while (job := take()) is not None:
            self.began.append(job.target.name)
            yield self._script(job, self.began.count(job.target.name)) or self._maker.attempt(job)


class Log(BatchReport):
    def __init__(self) -> None:
        self.shares: list[float] = []
        self.again: list[str] = []

    def made(self, job: Job, result: object, batch: BatchProgress) -> None:
        self.shares.append(batch.share)

    def failed(self, job: Job, error: str, batch: BatchProgress, *, again: bool) -> None:
        self.again += [job.target.name] * again


def test_what_may_pass_is_tried_again_and_what_will_not_is_not(tmp_path: Path) -> None:
    pairs = plan([films(tmp_path / "in", 4)], tmp_path / "out")

    def script(job: Job, attempt: int) -> Outcome | None:
        if job.target.name == "0.mkv":
            return Outcome(job, error=f"{job.source} is no video")
        if job.target.name == "1.mkv" and attempt < 3:
            return lost(job)
        return lost(job) if job.target.name == "3.mkv" else None

    workers, log = Scripted(ORDER, script), Log()
    result = run_batch(pairs, ORDER, folder=tmp_path / "out", workers=workers, report=log)
    assert {path.name: "was ended" in error for path, error in result.failed.items()} == {"0.mkv": False, "3.mkv": True}
    assert [workers.began.count(f"{n}.mkv") for n in range(4)] == [1, 3, 1, 3]
    assert sorted(log.again) == ["1.mkv"] * 2 + ["3.mkv"] * 2
    assert log.shares == sorted(log.shares)
    assert 0 < log.shares[0] < 1
    rows = entries(tmp_path / "out")
    assert {name: (row.state, row.attempts) for name, row in rows.items()} == {
        "0.mkv": ("failed", 1), "1.mkv": ("done", 3), "3.mkv": ("failed", 3), "deep/2.mkv": ("done", 1),
    }  # fmt: skip
    assert rows["0.mkv"].error == "0.mkv is no video"  # without its folder
    again = Scripted(ORDER, lambda job, attempt: None)
    result = run_batch(pairs, ORDER, folder=tmp_path / "out", workers=again, resume=True)
    assert sorted(again.began) == ["0.mkv", "3.mkv"]
    assert not result.failed
    assert {row.state for row in entries(tmp_path / "out").values()} == {"done"}


def test_a_worker_that_is_killed_after_its_output_appeared_costs_nothing(tmp_path: Path) -> None:
    pairs = plan([films(tmp_path / "in", 2)], tmp_path / "out")
    maker = Maker(ORDER)

    def script(job: Job, attempt: int) -> Outcome | None:
        maker(job)
        return lost(job)

    workers = Scripted(ORDER, script)
    result = run_batch(pairs, ORDER, folder=tmp_path / "out", workers=workers)
    assert len(workers.began) == len(result.skipped) == 2
    assert {row.state for row in entries(tmp_path / "out").values()} == {"done"}


def test_the_ledger_alone_tells_what_is_done(tmp_path: Path) -> None:
    """Also with masks, whose content no record knows; and without reading the files again."""
    mask = write(tmp_path / "mask.mkv", np.full((5, 48, 64, 3), 255, np.uint8))
    order = Order(where=Where(hide=(), masks=(mask,)), seed=5)
    pairs = plan([films(tmp_path / "in", 2)], tmp_path / "out")
    how = {"folder": tmp_path / "out", "resume": True}

    def again() -> list[str]:
        workers = Scripted(order, lambda job, attempt: None)
        assert not run_batch(pairs, order, **how, workers=workers).failed  # type: ignore[arg-type]
        return workers.began

    assert again() == ["0.mkv", "1.mkv"]
    assert again() == []
    os.utime(tmp_path / "in" / "0.mkv")
    assert again() == []  # the content is the same
    pairs[1][1].unlink()
    assert again() == ["1.mkv"]
    (tmp_path / "out" / LEDGER).unlink()
    plain = Order(where=ORDER.where, seed=5)
    assert plain.digest() != order.digest()
    assert order.digest() == Order(where=order.where, seed=6).digest()  # nobody learns the seed from it
    before = order.digest()
    mask.unlink()
    write(mask, np.zeros((5, 48, 64, 3), np.uint8))
    assert order.digest() != before


def test_a_ledger_that_is_used_or_damaged_or_of_the_future(tmp_path: Path) -> None:
    with Ledger(tmp_path), pytest.raises(OutputError, match="in use by another run"):
        Ledger(tmp_path)
    with sqlite3.connect(tmp_path / LEDGER) as base:
        base.execute("PRAGMA user_version = 99")
    base.close()
    with pytest.raises(OutputError, match="another version"):
        Ledger(tmp_path)
    (tmp_path / LEDGER).write_bytes(b"no database" * 100)
    with pytest.raises(OutputError, match="is damaged"):
        Ledger(tmp_path)


def test_cores_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(THREADS, "1")
    assert cores() == share_of_cores(1) == share_of_cores(3) == 1
    monkeypatch.setenv(THREADS, "100000")
    allowed = cores()
    monkeypatch.delenv(THREADS)
    assert allowed == cores() >= share_of_cores(2) >= 1


COMMAND = ("--hide", "nothing", "--area", "rect:0,0,64,48", "--seed", "5", "--retries", "3")


def begin(source: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "motionveil", "obfuscate", str(source), "-o", str(out), *COMMAND, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(source: Path, out: Path, *more: str) -> str:
    process = begin(source, out, *more)
    said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said[1]


def children(process: int) -> list[int]:
    return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120  # of a busy machine
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


linux = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are found as on Linux")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Four films, and what becomes of them."""
    folder = films(tmp_path_factory.mktemp("films") / "in", 4, frames=60, size=(96, 128))
    run(folder, folder.parent / "out")
    return folder, videos(folder.parent / "out")


@linux
def test_a_killed_worker_is_replaced(undisturbed: tuple[Path, Result], tmp_path: Path) -> None:
    source, expected = undisturbed
    process = begin(source, tmp_path, "--jobs", "2")
    wait_for(lambda: len(list(tmp_path.glob(".*.part-*"))) == 2)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert said.count("trying again") == 1
    assert videos(tmp_path) == expected
    assert sorted(row.attempts for row in entries(tmp_path).values()) == [1] * 3 + [2]


@linux
def test_a_killed_driver_takes_its_workers_along_and_the_next_goes_on(
    undisturbed: tuple[Path, Result], tmp_path: Path
) -> None:
    source, expected = undisturbed
    process = begin(source, tmp_path, "--jobs", "2")
    wait_for(lambda: list(tmp_path.rglob("*.mkv")))
    workers = children(process.pid)
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(is_alive, workers)))
    before = {str(path): path.stat().st_mtime_ns for path in tmp_path.rglob("*.mkv")}
    assert 1 <= len(before) <= 4
    run(source, tmp_path, "--jobs", "2", "--resume")
    assert videos(tmp_path) == expected
    assert all(Path(name).stat().st_mtime_ns == when for name, when in before.items())


@linux
@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "3"])
def test_kills_at_random_moments(jobs: str, undisturbed: tuple[Path, Result], tmp_path: Path) -> None:
    """Whoever is killed, workers or the driver, everything is there in the end, and nothing was made twice."""
    source, expected = undisturbed
    generator = np.random.default_rng(int(jobs))
    seen: dict[str, int] = {}
    for _ in range(8):
        process = begin(source, tmp_path, "--jobs", jobs, "--resume")
        for _ in range(3):
            time.sleep(float(generator.uniform(0.2, 1.5)))
            alive = children(process.pid) if is_alive(process.pid) else []
            if alive:
                os.kill(int(generator.choice(alive)), signal.SIGKILL)
        process.kill()
        process.communicate()
        now = {str(path): path.stat().st_mtime_ns for path in tmp_path.rglob("*.mkv")}
        assert seen.items() <= now.items()
        seen = now
    run(source, tmp_path, "--jobs", jobs, "--resume")
    assert videos(tmp_path) == expected


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("only root can make a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@linux
@pytest.mark.slow
def test_a_full_disk(undisturbed: tuple[Path, Result], small_disk: Path) -> None:
    source, expected = undisturbed
    out = small_disk / "out"
    ballast = small_disk / "ballast"
    room = 400_000 - 2 * max(map(len, expected.values())) - 40_000
    ballast.write_bytes(bytes(max(0, room)))
    process = begin(source, out, "--jobs", "2")
    _, said = process.communicate(timeout=600)
    assert process.returncode in (1, 2), said
    assert "space" in said or "full" in said
    assert "Traceback" not in said
    there = {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.mkv")}
    assert 0 < len(there) < 4
    assert there.items() <= expected.items()
    ballast.unlink()
    run(source, out, "--jobs", "2", "--resume")
    assert videos(out) == expected
    assert len(read(out / "0.mkv")[0]) == 60

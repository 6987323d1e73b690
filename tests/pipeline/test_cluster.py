"""Batches on Ray: the same files as without, whoever is killed."""

from __future__ import annotations

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from motionveil import DependencyError
from motionveil.outputs.output_paths import plan
from motionveil.pipeline.batch import run_batch
from motionveil.pipeline.cluster import RayWorkers

from .test_batch_faults import ORDER, begin, entries, films, linux, videos, wait_for

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="this needs Ray: pip install 'motionveil[cluster]'")
RAY = ("--cluster", "local", "--jobs", "2", "--resume")


@pytest.fixture(autouse=True)
def as_fast_as_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray gives its workers a low priority, which is none at all on a busy machine."""
    monkeypatch.setenv("RAY_worker_niceness", "0")


def test_without_ray_a_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DependencyError, match=r"pip install 'motionveil\[cluster\]'"):
        RayWorkers(ORDER)


def _actors() -> list[int]:
    """Processes of workers on this machine."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if place.read_bytes().startswith(b"ray::_Actor"):
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found


@needs_ray
@linux
@pytest.mark.slow
def test_killed_workers_and_a_killed_driver(tmp_path: Path) -> None:
    source = films(tmp_path / "in", 6, frames=100, size=(96, 128))
    run_batch(plan([source], tmp_path / "expected"), ORDER, folder=tmp_path / "expected")
    expected, out = videos(tmp_path / "expected"), tmp_path / "out"
    process = begin(source, out, *RAY)
    wait_for(lambda: list(out.rglob("*.mkv")))
    process.kill()
    process.communicate()
    wait_for(lambda: not _actors())
    before = {str(path): path.stat().st_mtime_ns for path in out.rglob("*.mkv")}
    process = begin(source, out, *RAY)
    wait_for(lambda: list(out.rglob(".*.part-*")) and _actors())
    os.kill(_actors()[0], signal.SIGKILL)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0, said
    assert "trying again" in said
    assert videos(out) == expected
    assert all(Path(name).stat().st_mtime_ns == when for name, when in before.items())
    assert {row.state for row in entries(out).values()} == {"done"}

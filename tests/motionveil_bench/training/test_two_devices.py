"""Two processes train as one does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import motionveil

ROOT = Path(__file__).parents[3]
SOURCE = Path(motionveil.__file__).parents[1]


def run(folder: Path, devices: int, stop: int = -1) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(SOURCE), str(ROOT)))}
    done = subprocess.run(
        [sys.executable, "-m", "tests.motionveil_bench.training.two_devices", str(folder), str(devices), str(stop)],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="gloo finds no interface there without being told one")
def test_two_processes_end_with_the_weights_of_one(tmp_path: Path) -> None:
    """A batch each, or two batches one after the other: the same step; also after an interruption."""
    one, two = tmp_path / "1", tmp_path / "2"
    run(one, 1)
    run(two, 2, stop=3)
    assert (two / "last.ckpt").is_file()
    assert not (two / "best.safetensors").exists()
    run(two, 2)
    expected, found = load_file(one / "best.safetensors"), load_file(two / "best.safetensors")
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5)
    logits = [np.load(path) for path in (one / "logits0.npy", two / "logits0.npy", two / "logits1.npy")]
    assert logits[0].shape == (7, 2)
    np.testing.assert_allclose(logits[1], logits[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(logits[1], logits[2])
    assert (logits[0].argmax(1) == np.arange(7) % 2).all()

"""What several tests of the benchmark need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from motionveil_bench.datasets.procedural import make


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch on one thread for all tests of a module, whose results then repeat."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset that the computer draws: three subjects, six actions, three clips of each."""
    folder = tmp_path_factory.mktemp("procedural") / "set"
    make(folder, num_subjects=3, num_clips=3, num_frames=8, size=32)
    return folder

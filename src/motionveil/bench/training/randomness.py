"""Random numbers that depend on seeds alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def random_numbers(*seeds: int, device: torch.device | None = None) -> Iterator[None]:
    """Torch draws from these seeds within, on the CPU and on a GPU if given, and then goes on as if nothing had been.

    For dropout, and for the random weights of a new network.
    """
    seed = int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0] >> np.uint64(1))
    on_gpu = device is not None and device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield

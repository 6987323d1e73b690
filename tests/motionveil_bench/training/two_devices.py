"""Trains the tiny network in as many processes as told; each writes what it predicts. Run by a test."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import torch

from motionveil_bench.training import fit, make_fabric, predict

from .tiny import SETTINGS, Clips, Tiny, Views


def main(folder: Path, devices: int, stop: int) -> None:
    torch.set_num_threads(1)
    fabric = make_fabric(accelerator="cpu", devices=devices, strategy="ddp" if devices > 1 else "auto")
    fabric.launch()
    network = Tiny(norm=False, dropout=0)
    settings = dataclasses.replace(SETTINGS, accumulate=2)

    def on_progress(progress: object) -> None:
        if getattr(progress, "epoch", 0) == stop:
            sys.exit(0)

    fit(network, Clips(22), Views(7), settings, folder, seed=0, fabric=fabric, on_progress=on_progress)
    np.save(folder / f"logits{fabric.global_rank}.npy", predict(network, Views(7), fabric=fabric))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

"""Golden values of RAFT, from the code of its authors and from torchvision's.

    git clone https://github.com/princeton-vl/RAFT
    python -m tests.golden.make_raft --reference RAFT --weights raft-small.pth --clips shared/data/clips

Needs torch, scipy (which the authors' code imports) and torchvision. Writes, beside this file:
raft_small.npz         flow between real frames, by the authors' code with their weights
raft_random.npz        flow between random images with random weights, by the authors' code and by torchvision's
raft_torchvision.json  names and shapes of torchvision's parameters
The frames themselves are not kept, only where they are found and what they must add up to.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import sys
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from motionveil._core.types import Float32Array, UInt8Array
from motionveil.video import open_source

HERE = Path(__file__).parent
STEP = 7
"""Flow is kept at every seventh pixel: that meets every place within the cells of eight."""
ITERATIONS = 4
"""Steps with random weights."""


class Pair(NamedTuple):
    """Two frames of a clip, cut to their upper left corner."""

    clip: str
    source: int
    target: int
    height: int
    width: int
    iterations: int


PAIRS = (
    Pair("v_IceDancing_g01_c01.avi", 5, 8, 237, 311, 12),
    Pair("v_IceDancing_g01_c01.avi", 5, 8, 237, 311, 20),
    Pair("arm_wrestling.mp4", 20, 23, 250, 333, 12),
    Pair("ZNVhz7ctTq0.mp4", 30, 31, 360, 480, 12),
)
RANDOM_SIZES = ((136, 152), (131, 150))
"""Sizes of the random images; the authors' code finds no numbers where a side is under 128."""


def read_pair(clips: Path, pair: Pair) -> tuple[UInt8Array, UInt8Array]:
    """The two frames, (height, width, 3) uint8."""
    found: dict[int, UInt8Array] = {}
    with open_source(clips / pair.clip) as source:
        for clip in source:
            found |= {clip.start + i: frame for i, frame in enumerate(clip.frames)}
            if pair.source in found and pair.target in found:
                break
    first, second = (found[i][: pair.height, : pair.width] for i in (pair.source, pair.target))
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


def digest(frames: Iterable[UInt8Array]) -> str:
    """What the frames add up to."""
    return hashlib.sha256(b"".join(frame.tobytes() for frame in frames)).hexdigest()


def random_images(height: int, width: int) -> UInt8Array:
    """Two batches of two images, (2, 2, 3, height, width) uint8, from bytes that depend on nothing else."""
    stream = np.random.PCG64(height * width).random_raw(-(-12 * height * width // 8))
    return stream.astype("<u8").view(np.uint8)[: 12 * height * width].reshape(2, 2, 3, height, width)


def random_weights(shapes: Mapping[str, Iterable[int]]) -> dict[str, Any]:
    """Parameters by name as arrays, the same on every machine and with every version of every library."""
    made: dict[str, Any] = {}
    for name, given in shapes.items():
        shape = tuple(given)
        # The authors' code holds the norm of a shortcut under two names.
        seed = zlib.crc32(name.replace(".downsample.1.", ".norm3.").encode())
        raw = np.random.PCG64(seed).random_raw(int(np.prod(shape))).reshape(shape)
        uniform = (raw >> np.uint64(40)).astype(np.float32) / np.float32(2**23) - 1
        if name.endswith("num_batches_tracked"):
            made[name] = np.zeros(shape, np.int64)
        elif len(shape) > 1:
            made[name] = uniform * np.float32((6 / np.prod(shape[1:])) ** 0.5)
        elif name.endswith(("weight", "running_var")):
            made[name] = 1 + uniform / 2
        else:
            made[name] = uniform / 10
    return made


def lattice(flow: Float32Array) -> Float32Array:
    """(..., 2, H, W) at every seventh pixel, with the least, mean and greatest value appended: (..., 2, K) float32."""
    kept = flow[..., ::STEP, ::STEP]
    extremes = [flow.min((-2, -1)), flow.mean((-2, -1)), flow.max((-2, -1))]
    return np.concatenate([kept.reshape(*kept.shape[:-2], -1), np.stack(extremes, -1)], -1).astype(np.float32)


def _reference(folder: Path, *, small: bool, weights: Mapping[str, Any]) -> Any:
    """The authors' network as a function of two images (N, 3, H, W) and a number of iterations."""
    import torch

    sys.path.insert(0, str(folder / "core"))
    network = importlib.import_module("raft").RAFT(argparse.Namespace(small=small, mixed_precision=False)).eval()
    network.load_state_dict({name: torch.as_tensor(value) for name, value in weights.items()})

    def flow(first: UInt8Array, second: UInt8Array, iterations: int) -> Float32Array:
        images = [torch.tensor(image).float() for image in (first, second)]
        padder = importlib.import_module("utils.utils").InputPadder(images[0].shape)
        with torch.no_grad():
            found = network(*padder.pad(*images), iters=iterations, test_mode=True)[1]
        return np.asarray(padder.unpad(found).numpy(), np.float32)

    return flow


def _shapes(network: Any) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in network.state_dict().items()}


def main() -> None:
    """Make the files anew."""
    parser = argparse.ArgumentParser(description="Make the golden values of RAFT anew.")
    parser.add_argument("--reference", type=Path, required=True, help="a checkout of princeton-vl/RAFT")
    parser.add_argument("--weights", type=Path, required=True, help="its raft-small.pth")
    parser.add_argument("--clips", type=Path, required=True, help="the folder with the clips")
    options = parser.parse_args()

    import torch
    from torchvision.models import optical_flow

    from motionveil.models.engine import read_checkpoint
    from motionveil.models.raft import RAFT

    reference = _reference(options.reference, small=True, weights=read_checkpoint(options.weights))
    real: dict[str, Any] = {"pairs": json.dumps(PAIRS)}
    for number, pair in enumerate(PAIRS):
        frames = read_pair(options.clips, pair)
        first, second = (np.moveaxis(frame, 2, 0)[None] for frame in frames)
        real[f"digest_{number}"] = digest(frames)
        real[f"flow_{number}"] = lattice(reference(first, second, pair.iterations)[0])
    np.savez_compressed(HERE / "raft_small.npz", **real)

    made: dict[str, Any] = {}
    names = {}
    for size in ("small", "large"):
        reference = _reference(options.reference, small=size == "small", weights=random_weights(_shapes(RAFT(size))))
        for height, width in RANDOM_SIZES:
            made[f"{size}_{height}x{width}"] = lattice(reference(*random_images(height, width), ITERATIONS))
        theirs = getattr(optical_flow, f"raft_{size}")().eval()
        names[size] = _shapes(theirs)
        theirs.load_state_dict({name: torch.as_tensor(value) for name, value in random_weights(names[size]).items()})
        images = torch.tensor(random_images(*RANDOM_SIZES[0])).float() / 127.5 - 1
        with torch.no_grad():
            made[f"torchvision_{size}"] = lattice(theirs(*images, ITERATIONS)[-1].numpy())
    np.savez_compressed(HERE / "raft_random.npz", **made)
    lines = ",\n".join(f" {json.dumps(size)}: {json.dumps(shapes)}" for size, shapes in names.items())
    (HERE / "raft_torchvision.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()

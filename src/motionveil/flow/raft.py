"""RAFT (Teed and Deng, ECCV 2020) on torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from .. import ops
from ..engine import read_checkpoint, require_torch
from ..errors import OptionError, WeightsError
from ..types import Float32Array, UInt8Array
from .motion import FlowEstimator

if TYPE_CHECKING:
    from ..raft import Features

PRECISIONS = ("float32", "bfloat16", "float16")


class Encoded(NamedTuple):
    """A frame as RAFT knows it."""

    features: Features
    size: tuple[int, int]
    """(height, width) in pixels after scaling."""


class RAFTFlow(FlowEstimator):
    """Flow with the learned estimator of the published method; slower than DIS, and better at large and fine motion.

    weights: a checkpoint of princeton-vl/RAFT or of torchvision's RAFT; small or large is seen from what it holds.
    iterations: steps of refinement. scale: frames are resized by this first, 4 for KTH's small frames as published;
    the flow comes on the grid of the resized frames. device: 'auto' takes a GPU where there is one. precision: of the
    network; similarities are float32 in any case.
    Memory grows with the fourth power of the frames' sides: 0.1 GB at 640x480, 1.1 GB at 1280x720, 5.6 GB at 1920x1080.
    Raises DependencyError without torch, WeightsError for a file that does not hold RAFT.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        iterations: int = 12,
        scale: float = 1.0,
        device: str = "auto",
        precision: str = "float32",
    ) -> None:
        if iterations < 1 or not scale > 0:
            raise OptionError(f"RAFT needs at least one iteration and a scale above 0, not {iterations} and {scale:g}")
        if precision not in PRECISIONS:
            raise OptionError(f"no precision {precision!r}; choose from {', '.join(PRECISIONS)}")
        self.iterations = iterations
        self.scale = scale
        self.precision = precision
        self.device = _device(device)
        self.weights = _find(weights)
        self._network = _load(self.weights, precision).to(self.device)

    def __repr__(self) -> str:
        return (
            f"RAFTFlow(weights={self.weights.name!r}, iterations={self.iterations}, scale={self.scale:g}, "
            f"device={self.device!r}, precision={self.precision!r})"
        )

    def prepare(self, frame: UInt8Array) -> Encoded:
        """The features of the frame, on the device."""
        torch = require_torch()
        height, width = (max(1, round(length * self.scale)) for length in frame.shape[:2])
        # A copy, because frames may be read-only or views, which torch does not know.
        image = torch.from_numpy(np.array(ops.resize_image(frame, (height, width)))).to(self.device)
        with torch.inference_mode():
            return Encoded(self._network.encode(image.permute(2, 0, 1)[None]), (height, width))

    def between(self, source: Encoded, target: Encoded) -> Float32Array:
        """Flow (h, w, 2) in pixels of the resized frames."""
        with require_torch().inference_mode():
            flow = self._network.estimate(source.features, target.features, source.size, self.iterations)
        return cast(Float32Array, np.ascontiguousarray(flow[0].permute(1, 2, 0).cpu().numpy()))


def _find(weights: str | Path | None) -> Path:
    """The file that holds the weights."""
    if weights is None:
        raise WeightsError(
            "RAFT needs weights; give the path of raft-small.pth or raft-things.pth of princeton-vl/RAFT"
        )
    return Path(weights)


def _load(path: Path, precision: str) -> Any:
    """The network of a checkpoint."""
    tensors = read_checkpoint(path)
    from ..raft import load_raft  # only now is it certain that there is torch

    network = load_raft(tensors, origin=str(path))
    if precision != "float32":
        network.mixed_precision = getattr(require_torch(), precision)
    return network


def _device(name: str) -> str:
    """The name of a device that exists."""
    torch = require_torch()
    has_cuda = torch.cuda.is_available()
    if name == "auto":
        return "cuda" if has_cuda else "cpu"
    try:
        kind = torch.device(name).type
    except RuntimeError as error:
        raise OptionError(f"no device {name!r}; choose from auto, cpu, cuda, cuda:0 …") from error
    if kind == "cuda" and not has_cuda:
        raise OptionError(f"no device {name!r} here, because torch finds no GPU; use cpu")
    return name

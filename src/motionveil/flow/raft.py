"""RAFT (Teed and Deng, ECCV 2020) on torch."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import ops
from .._core.errors import OptionError
from .._core.types import Float32Array, UInt8Array
from ..models.engine import ModuleSource, Network, load_network, read_checkpoint, require_torch
from ..models.weights import WEIGHTS, find_weights, weights_sha256
from .motion import FlowEstimator

if TYPE_CHECKING:
    from ..models.raft import Features


_MOST_MEMORY = 8e9


class Encoded(NamedTuple):
    """A frame with its features."""

    features: Features
    size: tuple[int, int]
    """(height, width) in pixels after scaling."""
    device: ops.Device
    """The device of the frame and of the resulting flow."""


class RAFTFlow(FlowEstimator):
    """Optical flow with RAFT, the estimator of the published method. Slower than DIS, better at large and fine motion.

    Memory grows with the fourth power of the frame's sides: 0.1 GB at 640x480, 1.1 GB at 1280x720, 5.6 GB at 1920x1080.

    Args:
        weights: A name in `WEIGHTS` (default raft_sintel, as in the published method), or a checkpoint of
            princeton-vl/RAFT or torchvision's RAFT; its size, small or large, is detected.
        iterations: Number of refinement steps.
        scale: Resize frames by this factor first (4 for KTH's small frames, as published); flow is returned on the
            grid of the resized frames.
        engine: See `engine.load_network`; for the convolutions. Correlation and flow are always float32.
        precision: See `engine.load_network`.
        threads: See `engine.load_network`.

    Raises:
        DependencyError: If torch is not installed.
        WeightsError: If the file is not a RAFT checkpoint.
        OptionError: For invalid settings, and for frames that would need too much memory.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        *,
        iterations: int = 12,
        scale: float = 1.0,
        engine: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        if iterations < 1 or not scale > 0:
            raise OptionError(f"RAFT needs at least 1 iteration and a scale above 0, not {iterations} and {scale:g}")
        if precision == "int8":
            raise OptionError("RAFT does not support int8; choose auto, bf16, f16 or f32")
        require_torch()
        self.iterations = iterations
        self.scale = scale
        name = "raft_sintel" if weights is None else str(weights)
        self.weights = _locate(name)
        raft = import_module("motionveil.models.raft")
        self._raft = raft.load_raft(read_checkpoint(self.weights), origin=str(self.weights)).requires_grad_(False)
        digest = self._digest = weights_sha256(self.weights)

        def step(name: str, module: Any) -> Network:
            source = ModuleSource(f"raft-{name}", f"{digest}:{name}", "motionveil.models.raft", lambda shapes: module)
            return load_network(source, engine=engine, precision=precision, threads=threads)

        self._encode = step("encode", raft.EncodeStep(self._raft))
        self._update = step("update", self._raft.update_block)

    @property
    def device(self) -> str:
        """Where it runs, as a torch device name; frames are moved there, and the flow back."""
        return self._update.device

    def __repr__(self) -> str:
        return (
            f"RAFTFlow(weights='{self.weights.name} {self._digest[:16]}', iterations={self.iterations}, "
            f"scale={self.scale:g}, engine={self._update.engine!r})"
        )

    def prepare(self, frame: UInt8Array) -> Encoded:
        """Encode a frame."""
        size = (max(1, round(frame.shape[0] * self.scale)), max(1, round(frame.shape[1] * self.scale)))
        _check_memory(size)
        from ..models.raft import Features

        found: Any = self._encode(ops.to_device(ops.resize_image(frame, size), self.device)[None])
        return Encoded(Features(*found), size, ops.device_of(frame))

    def between(self, source: Encoded, target: Encoded) -> Float32Array:
        """Flow (h, w, 2) in pixels of the resized frames."""
        with require_torch().inference_mode():
            flow = self._raft.estimate(
                source.features, target.features, source.size, self.iterations, update=self._update
            )
        return ops.to_device(flow[0].permute(1, 2, 0).contiguous(), source.device)


def _locate(name: str) -> Path:
    """The file of a name in `WEIGHTS`, or a path; a file under a published name is verified."""
    if name in WEIGHTS:
        return find_weights(name)
    published = [weights.name for weights in WEIGHTS.values() if weights.file == Path(name).name]
    return find_weights(published[0], name) if published else Path(name)


def _check_memory(size: tuple[int, int]) -> None:
    """Raise OptionError if the correlation volume would not fit in memory."""
    cells = (size[0] / 8) * (size[1] / 8)
    needed = 4 * cells**2 * 4 / 3
    if needed > _MOST_MEMORY:
        raise OptionError(
            f"RAFT would need {needed / 1e9:.0f} GB for frames of {size[1]}x{size[0]}; "
            'choose a `scale` of at most 0.5, a smaller `size`, or `flow="dis"`'
        )

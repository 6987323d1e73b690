"""A trained network as an obfuscator: clips in, clips out."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch

from .. import ops
from .._core.cores import cores
from .._core.types import Clip, UInt8Array
from .degradation import Degradation

Fit = Literal["squash", "crop"]
"""How frames are resized to the size of training: `squash` to a square, whatever their shape; `crop`: by the short
side, keeping the aspect ratio, for networks that were trained on crops.
"""


class LearnedObfuscator:
    """An `Obfuscator` that applies a network to whole frames, at the size of its training.

    The network is fully convolutional and could process any size. At larger sizes it would preserve details that no
    attacker saw in training, so frames are downsampled first, and the result is enlarged: it contains nothing finer.

    Args:
        degradation: The network; it is copied.
        method: A name in `LEARNED_METHODS`.
        size: Size of the frames in training, in pixels.
        fit: How frames are resized to it, see `Fit`.
        about: How it was trained, for manifests.
        device: A torch device name; 'auto' selects a GPU if there is one.
        sha256: Digest of the file that it was loaded from; None if there is none.
    """

    def __init__(
        self,
        degradation: Degradation,
        *,
        method: str,
        size: int,
        fit: Fit,
        about: Mapping[str, Any],
        device: str = "auto",
        sha256: str | None = None,
    ) -> None:
        self.device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.degradation = copy.deepcopy(degradation).to(self.device).eval().requires_grad_(False)
        self.method = method
        self.size = size
        self.fit = fit
        self.about = dict(about)
        self.sha256 = sha256

    def __repr__(self) -> str:
        return f"LearnedObfuscator({self.method}: {self.degradation.name} at {self.size}, {self.fit})"

    def as_record(self) -> dict[str, Any]:
        """The description for run manifests."""
        return {
            "method": self.method,
            "degradation": self.degradation.name,
            "settings": self.degradation.settings,
            "size": self.size,
            "fit": self.fit,
            "checkpoint": self.sha256,
            "about": self.about,
        }

    def stream(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """The obfuscated clips, in host memory. The first frame is its own previous frame."""
        previous: torch.Tensor | None = None
        for clip in clips:
            made = []
            # One frame at a time: batched arithmetic may round differently, and results must not depend on how a video
            # is divided into clips.
            for frame in ops.to_host(clip.frames):
                small = self._as_tensor(resized(frame, size_for(frame.shape[:2], self.size, self.fit)))
                made.append(self._enlarged(self._degraded(small, previous), frame.shape[:2]))
                previous = small if self.degradation.needs_previous else None
            yield replace(clip, frames=ops.stack(made), flow_to_previous=None, opacity=None)

    def _as_tensor(self, frame: UInt8Array) -> torch.Tensor:
        """(1, 3, 1, H, W) float32 in [0, 1]."""
        tensor = torch.from_numpy(np.ascontiguousarray(frame)).to(self.device)
        return tensor.permute(2, 0, 1)[None, :, None].float() / 255

    def _degraded(self, frame: torch.Tensor, previous: torch.Tensor | None) -> UInt8Array:
        """(H, W, 3) uint8 from (1, 3, 1, H, W). State is reset if the size of the frames changes."""
        before = frame if previous is None or previous.shape != frame.shape else previous
        with torch.inference_mode(), _half_of_the_processors():
            made = self.degradation(frame, before if self.degradation.needs_previous else None)
            rounded = (made[0, :, 0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8)
        return np.asarray(rounded.cpu().numpy(), np.uint8)

    def _enlarged(self, frame: UInt8Array, size: tuple[int, int]) -> UInt8Array:
        """Resize to the size of the frame: nearest neighbour for blocks, smooth otherwise."""
        way: ops.Interpolation = "nearest" if self.degradation.in_blocks else "linear"
        return ops.resample_image(np.ascontiguousarray(frame), size, way)


@contextmanager
def _half_of_the_processors() -> Iterator[None]:
    """Limit torch to half of the cores within the block; decoding and encoding need the others."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, min(before, cores() // 2)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def size_for(frame: tuple[int, int], size: int, fit: Fit) -> tuple[int, int]:
    """(height, width) at which a network processes frames of (height, width)."""
    if fit == "squash":
        return size, size
    scale = size / min(frame)
    return max(1, round(frame[0] * scale)), max(1, round(frame[1] * scale))


def resized(frame: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize (H, W, 3) uint8 to (height, width): by area average when shrinking, bilinear otherwise."""
    if frame.shape[:2] == size:
        return frame
    smaller = size[0] <= frame.shape[0] and size[1] <= frame.shape[1]
    return ops.resample_image(frame, size, "area" if smaller else "linear")

"""The embedded encoder: descriptors of human body parts, offline, on any CPU."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import cast

import numpy as np

from ... import ops
from ..._core.errors import OptionError
from ..._core.types import Float32Array, Point, UInt8Array
from ...models.engine import Network, load_network
from .extractor import DescriptorGrid

ASSETS = Path(__file__).resolve().parents[2] / "assets"
ENCODER_PATH = ASSETS / "parts_encoder.onnx"
MULTIPLE = 32
"""The network downsamples its input five times by two."""
PERSON = 40
"""Minimum height in input pixels of a person that the network detects."""
_FINEST, _LARGEST = 1080, 4320
"""Short side of the detailed pass by default, and its maximum."""


class PartsEncoder:
    """64-d descriptors whose cosine similarity to templates of the same body part is near 1, and near 0 to others.

    Args:
        short_side: Short side in pixels to which frames are resized. Larger values detect smaller people and cost more.
        levels: Number of pyramid levels, each half the size of the one before. Coarse levels recognise whole bodies,
            fine ones faces. Each cell keeps the descriptor of the most confident level, see `confirmed`.
        mirrored: Average the finest level, as the others, with what is found in the mirrored frame. That takes twice
            as long and is more certain.
        smallest_person: Minimum height of people to detect, in pixels of the frame, for `in_detail`. None: `PERSON`,
            in frames of up to 1080 rows.
        engine: See `engine.load_network`.
        precision: See `engine.load_network`.
        threads: See `engine.load_network`.

    Raises:
        OptionError: For invalid settings.
    """

    def __init__(
        self,
        *,
        short_side: int = 320,
        levels: int = 1,
        mirrored: bool = False,
        smallest_person: float | None = None,
        engine: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        if levels < 1 or short_side >> (levels - 1) < MULTIPLE:
            raise OptionError(
                f"a short side of {short_side} pixels is too small for {levels} levels; "
                f"the coarsest level needs {MULTIPLE} pixels"
            )
        self.short_side = short_side
        if smallest_person is not None and not smallest_person >= 1:
            raise OptionError(f"the smallest person must be at least 1 pixel high, not {smallest_person:g}")
        self.levels = levels
        self.mirrored = mirrored
        self.smallest_person = smallest_person
        self.network: Network = load_network(ENCODER_PATH, engine=engine, precision=precision, threads=threads)
        self.channels = 64
        self.fingerprint = f"parts-encoder:{self.network.digest[:16]}"

    def __repr__(self) -> str:
        return (
            f"PartsEncoder(short_side={self.short_side}, levels={self.levels}, mirrored={self.mirrored}, "
            f"engine={self.network.engine!r})"
        )

    def input_size(self, height: int, width: int, level: int = 0) -> tuple[int, int]:
        """(height, width) of the network's input: multiples of 32, with the aspect ratio kept within one step."""
        # Frames with an extreme aspect ratio are made smaller to bound the cost.
        scale = min(
            (self.short_side >> level) / min(height, width), (4 * self.short_side >> level) / max(height, width)
        )
        return (
            max(MULTIPLE, round(height * scale / MULTIPLE) * MULTIPLE),
            max(MULTIPLE, round(width * scale / MULTIPLE) * MULTIPLE),
        )

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        """Compute descriptors (T, h, w, 64) of (T, H, W, 3) uint8 RGB frames; cells are 4x4 input pixels."""
        height, width = frames.shape[1:3]
        descriptors, certainty = self._look(frames, 0, mirrored=self.mirrored)
        cells = (descriptors.shape[1], descriptors.shape[2])
        for level in range(1, self.levels):
            for index, (coarse, sure) in enumerate(zip(*self._look(frames, level, mirrored=True), strict=True)):
                sure = confirmed(ops.resize_map(sure, cells), certainty[index])
                surer = sure > certainty[index]
                descriptors[index][surer] = ops.resize_map(coarse, cells)[surer]
                certainty[index] = ops.greatest([certainty[index], sure])
        stride = Point(width / cells[1], height / cells[0])
        return DescriptorGrid(descriptors, stride, Point((stride.x - 1) / 2, (stride.y - 1) / 2))

    def at(self, short_side: int, *, levels: int = 1) -> PartsEncoder:
        """The same network at another input size, without reloading."""
        other = copy(self)
        other.short_side, other.levels = short_side, levels
        return other

    def in_detail(self, height: int, width: int) -> PartsEncoder | None:
        """The same network at the resolution that `smallest_person` requires; None if not higher than the current."""
        side = min(height, width)
        if self.smallest_person is None:
            short_side = min(side, _FINEST)
        else:
            short_side = min(round(side * PERSON / self.smallest_person), _LARGEST)
        return self.at(short_side) if short_side > 1.1 * self.short_side else None

    def _look(self, frames: UInt8Array, level: int, *, mirrored: bool) -> tuple[Float32Array, Float32Array]:
        """Descriptors (T, h, w, 64), and their maximum cosine with the built-in templates, (T, h, w)."""
        size = self.input_size(frames.shape[1], frames.shape[2], level)
        small = ops.stack([ops.resize_image(frame, size) for frame in frames])
        descriptors, certainty = self.network(small)[:2]
        if mirrored:
            others = self.network(ops.mirror(small))
            descriptors, certainty = (
                cast(Float32Array, (found + ops.mirror(other)) / 2)
                for found, other in zip((descriptors, certainty), others, strict=False)
            )
        return descriptors, certainty


_FOUND, _SEEN, _SHARE = 0.2, 0.15, 0.25
"""Certainty of a coarse level from which it found something; of the finer one from which that sees it too; the share
of the cells of something found where it should."""


def confirmed(coarse: Float32Array, fine: Float32Array) -> Float32Array:
    """Certainty (h, w) of a coarse level, -1 where the finer level hardly sees what it found, or it found nothing.

    A coarse level takes walls and streets for close-ups of bodies. A body that it does find is seen by the finer level
    in part at least.
    """
    count, numbers = ops.pieces(ops.to_host(coarse) >= _FOUND)
    cells = numbers.ravel()
    seen = np.bincount(cells, (ops.to_host(fine) >= _SEEN).ravel(), count + 1)
    keep = seen >= _SHARE * np.bincount(cells, minlength=count + 1)
    keep[0] = False
    kept = ops.to_device(keep[numbers].astype(np.float32), ops.device_of(coarse))
    return coarse * kept + (kept - 1)

"""The encoder that ships with the package: descriptors of the parts of people, offline, on any CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .. import ops
from ..engine import Network, load_network
from ..errors import OptionError
from ..types import Point, UInt8Array
from .extractor import DescriptorGrid

ASSETS = Path(__file__).resolve().parent.parent / "assets"
ENCODER_PATH = ASSETS / "parts_encoder.onnx"
MULTIPLE = 32
"""The network halves its input five times."""


class PartsEncoder:
    """64-d unit-norm descriptors whose cosine to a template of the same part of a person is near 1, to others near 0.

    short_side: height or width, whichever is smaller, to which frames are brought before the network sees them. Larger
    finds smaller people and costs more. None keeps the size of the frames, up to a short side of 768.
    engine: where the network runs; 'auto' takes the fastest that this machine has.
    """

    def __init__(self, *, short_side: int | None = 256, engine: str = "auto") -> None:
        if short_side is not None and short_side < MULTIPLE:
            raise OptionError(f"the encoder needs a short side of at least {MULTIPLE} pixels, not {short_side}")
        self.short_side = short_side
        self.network: Network = load_network(ENCODER_PATH, engine=engine)
        self.fingerprint = f"parts-encoder:{self.network.digest[:16]}"

    def __repr__(self) -> str:
        return f"PartsEncoder(short_side={self.short_side}, engine={self.network.engine!r})"

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) at which the network sees a frame: multiples of 32, the aspect ratio kept within one step."""
        shorter = min(height, width)
        scale = (self.short_side or min(shorter, 768)) / shorter
        return (
            max(MULTIPLE, round(height * scale / MULTIPLE) * MULTIPLE),
            max(MULTIPLE, round(width * scale / MULTIPLE) * MULTIPLE),
        )

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        """Descriptors (T, h, w, 64) of (T, H, W, 3) uint8 RGB frames; four pixels of the network's input to a cell."""
        height, width = frames.shape[1:3]
        size = self.input_size(height, width)
        inputs = np.stack([ops.resize_image(frame, size) for frame in frames])
        descriptors = self.network(inputs)
        rows, columns = descriptors.shape[1:3]
        stride = Point(width / columns, height / rows)
        return DescriptorGrid(descriptors, stride, Point((stride.x - 1) / 2, (stride.y - 1) / 2))

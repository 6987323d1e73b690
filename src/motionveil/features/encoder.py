"""The encoder that ships with the package: descriptors of the parts of people, offline, on any CPU."""

from __future__ import annotations

from pathlib import Path

from .. import ops
from ..engine import Network, load_network
from ..errors import OptionError
from ..types import Float32Array, Point, UInt8Array
from .extractor import DescriptorGrid

ASSETS = Path(__file__).resolve().parent.parent / "assets"
ENCODER_PATH = ASSETS / "parts_encoder.onnx"
MULTIPLE = 32
"""The network halves its input five times."""


class PartsEncoder:
    """64-d descriptors whose cosine to a template of the same part of a person is near 1, to others near 0.

    short_side: height or width, whichever is smaller, at which the network sees frames. Larger finds smaller people
    and costs more. levels: 1, or more to look again at half that size, a quarter and so on, and average: coarse levels
    know whole bodies, fine ones faces.
    engine, precision, threads: see `engine.load_network`.
    """

    def __init__(
        self,
        *,
        short_side: int = 320,
        levels: int = 1,
        engine: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> None:
        if levels < 1 or short_side >> (levels - 1) < MULTIPLE:
            raise OptionError(
                f"the encoder cannot look at {levels} levels down from a short side of {short_side} pixels; "
                f"the smallest must keep {MULTIPLE}"
            )
        self.short_side = short_side
        self.levels = levels
        self.network: Network = load_network(ENCODER_PATH, engine=engine, precision=precision, threads=threads)
        self.channels = 64
        self.fingerprint = f"parts-encoder:{self.network.digest[:16]}"

    def __repr__(self) -> str:
        return f"PartsEncoder(short_side={self.short_side}, levels={self.levels}, engine={self.network.engine!r})"

    def input_size(self, height: int, width: int, level: int = 0) -> tuple[int, int]:
        """(height, width) at which the network sees a frame: multiples of 32, the aspect ratio kept within one step."""
        # A frame many times as wide as high would ask for more than its pixels are worth.
        scale = min(
            (self.short_side >> level) / min(height, width), (4 * self.short_side >> level) / max(height, width)
        )
        return (
            max(MULTIPLE, round(height * scale / MULTIPLE) * MULTIPLE),
            max(MULTIPLE, round(width * scale / MULTIPLE) * MULTIPLE),
        )

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        """Descriptors (T, h, w, 64) of (T, H, W, 3) uint8 RGB frames; four pixels of the finest level to a cell."""
        height, width = frames.shape[1:3]
        descriptors = self._look(frames, 0)
        cells = (descriptors.shape[1], descriptors.shape[2])
        for level in range(1, self.levels):
            for index, coarse in enumerate(self._look(frames, level)):
                descriptors[index] += ops.resize_map(coarse, cells)
        if self.levels > 1:
            descriptors /= self.levels
        stride = Point(width / cells[1], height / cells[0])
        return DescriptorGrid(descriptors, stride, Point((stride.x - 1) / 2, (stride.y - 1) / 2))

    def _look(self, frames: UInt8Array, level: int) -> Float32Array:
        size = self.input_size(frames.shape[1], frames.shape[2], level)
        return self.network(ops.stack([ops.resize_image(frame, size) for frame in frames]))[0]

"""The encoder that ships with the package: descriptors of the parts of people, offline, on any CPU."""

from __future__ import annotations

from copy import copy
from pathlib import Path

from ... import ops
from ..._core.errors import OptionError
from ..._core.types import Float32Array, Point, UInt8Array
from ...models.engine import Network, load_network
from .extractor import DescriptorGrid

ASSETS = Path(__file__).resolve().parents[2] / "assets"
ENCODER_PATH = ASSETS / "parts_encoder.onnx"
MULTIPLE = 32
"""The network halves its input five times."""
PERSON = 40
"""Height in pixels of its input from which the network finds a whole person."""
_FINEST, _LARGEST = 1080, 4320
"""Short side of the closer look where nothing is asked for, and at most."""


class PartsEncoder:
    """64-d descriptors whose cosine to a template of the same part of a person is near 1, to others near 0.

    short_side: height or width, whichever is smaller, at which the network sees frames. Larger finds smaller people
    and costs more. levels: 1, or more to look again at half that size, a quarter and so on: coarse levels know whole
    bodies, fine ones faces. Every cell keeps the descriptor of the look that is surest to see a part of a person, so
    that one sure look suffices.
    smallest_person: height in pixels of the frame from which people are to be found, see `in_detail`. None: `PERSON`,
    in frames of 1080 rows at most.
    engine, precision, threads: see `engine.load_network`.
    """

    def __init__(
        self,
        *,
        short_side: int = 320,
        levels: int = 1,
        smallest_person: float | None = None,
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
        if smallest_person is not None and not smallest_person >= 1:
            raise OptionError(f"people of {smallest_person:g} pixels cannot be found; give 1 or more")
        self.levels = levels
        self.smallest_person = smallest_person
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
        descriptors, certainty = self._look(frames, 0)
        cells = (descriptors.shape[1], descriptors.shape[2])
        for level in range(1, self.levels):
            for index, (coarse, sure) in enumerate(zip(*self._look(frames, level), strict=True)):
                surer = ops.resize_map(sure, cells) > certainty[index]
                descriptors[index][surer] = ops.resize_map(coarse, cells)[surer]
                certainty[index] = ops.greatest([certainty[index], ops.resize_map(sure, cells)])
        stride = Point(width / cells[1], height / cells[0])
        return DescriptorGrid(descriptors, stride, Point((stride.x - 1) / 2, (stride.y - 1) / 2))

    def at(self, short_side: int, *, levels: int = 1) -> PartsEncoder:
        """The same network, looking at another size; nothing is loaded again."""
        other = copy(self)
        other.short_side, other.levels = short_side, levels
        return other

    def in_detail(self, height: int, width: int) -> PartsEncoder | None:
        """The same network, looking as closely as `smallest_person` asks for; None where it does so already."""
        side = min(height, width)
        if self.smallest_person is None:
            short_side = min(side, _FINEST)
        else:
            short_side = min(round(side * PERSON / self.smallest_person), _LARGEST)
        return self.at(short_side) if short_side > 1.1 * self.short_side else None

    def _look(self, frames: UInt8Array, level: int) -> tuple[Float32Array, Float32Array]:
        """Descriptors (T, h, w, 64), and the greatest cosine of each to a built-in template, (T, h, w)."""
        size = self.input_size(frames.shape[1], frames.shape[2], level)
        found = self.network(ops.stack([ops.resize_image(frame, size) for frame in frames]))
        return found[0], found[1]

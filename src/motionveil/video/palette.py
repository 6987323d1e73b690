"""GIF frames with an optimal palette of 256 colours each."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from motionveil._core.types import UInt8Array, UInt16Array

if TYPE_CHECKING:
    import av
    import av.filter


class PaletteConverter:
    """Converts RGB frames to 8-bit frames with their own palette, dithered."""

    def __init__(self) -> None:
        self._graph: av.filter.Graph | None = None

    def __call__(self, frame: UInt8Array | UInt16Array) -> av.VideoFrame:
        """Convert a (H, W, 3) uint8 RGB frame to ``pal8``."""
        import av

        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        if self._graph is None:
            self._graph = _palette_graph(picture)
        self._graph.vpush(picture)
        return self._graph.vpull()


def _palette_graph(template: av.VideoFrame) -> av.filter.Graph:
    import av.filter

    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=template.width, height=template.height, format=template.format, time_base=Fraction(1, 100)
    )
    split = graph.add("split")
    generate = graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
    use = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=3")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(use, 0, 0)
    split.link_to(generate, 1, 0)
    generate.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph

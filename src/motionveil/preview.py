"""What the tool did, to look at: input, opacity and output side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import drawing, ops
from .obfuscators import Explained
from .types import Clip, UInt8Array, VideoInfo

_MAX_PANEL = 480
_MAX_MOMENTS = 12


class Preview:
    """Panels of one video: a side-by-side stream, and a contact sheet of moments spread evenly over it.

    It shows the original. Keep it as safe as the original.
    """

    def __init__(self, info: VideoInfo) -> None:
        scale = min(1.0, _MAX_PANEL / info.height)
        self.panel = (max(2, round(info.height * scale / 2) * 2), max(2, round(info.width * scale / 2) * 2))
        self.info = replace(info, width=3 * self.panel[1], height=self.panel[0])
        self._every = 1
        self._moments: list[tuple[float, list[UInt8Array]]] = []

    def add(self, explained: Explained) -> Clip:
        """The three panels of a clip: input, opacity over it, output."""
        rows = []
        for index, opacity in enumerate(explained.opacity):
            original = ops.to_host(ops.resize_image(explained.original.frames[index], self.panel))
            result = ops.to_host(ops.resize_image(explained.obfuscated.frames[index], self.panel))
            covered = ops.to_host(ops.resize_map(opacity, self.panel))
            panels = [original, drawing.overlay(original, covered), result]
            if (explained.original.start + index) % self._every == 0:
                self._keep(float(explained.original.pts[index]), panels)
            rows.append(drawing.side_by_side(panels))
        return replace(explained.original, frames=np.stack(rows), flow_to_previous=None)

    def _keep(self, seconds: float, panels: list[UInt8Array]) -> None:
        """Remember a moment; where there are too many, every other one goes and the next ones come half as often."""
        self._moments.append((seconds, panels))
        if len(self._moments) > _MAX_MOMENTS:
            self._moments = self._moments[::2]
            self._every *= 2

    def contact_sheet(self) -> UInt8Array:
        """Up to six moments, one row each."""
        step = max(1, -(-len(self._moments) // 6))
        rows = [
            ("", [(f"{seconds:.2f} s  input", a), ("opacity", b), ("output", c)])
            for seconds, (a, b, c) in self._moments[::step]
        ]
        return drawing.contact_sheet(rows, height=min(self.panel[0], 220))

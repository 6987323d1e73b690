"""What the tool did, to look at: input, opacity and output side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from . import drawing, ops
from .obfuscators import Explained
from .types import Clip, UInt8Array, VideoInfo

_MAX_PANEL = 480


class Preview:
    """Panels of one video: a side-by-side stream, and a contact sheet of moments spread evenly over it.

    It shows the original. Keep it as safe as the original.
    """

    def __init__(self, info: VideoInfo) -> None:
        scale = min(1.0, _MAX_PANEL / info.height)
        self.panel = (max(2, round(info.height * scale / 2) * 2), max(2, round(info.width * scale / 2) * 2))
        self.info = replace(info, width=3 * self.panel[1], height=self.panel[0])
        self._moments = drawing.Moments(shown=6, height=min(self.panel[0], 220))

    def add(self, explained: Explained) -> Clip:
        """The three panels of a clip: input, opacity over it, output."""
        rows = []
        for index, opacity in enumerate(explained.opacity):
            original = ops.to_host(ops.resize_image(explained.original.frames[index], self.panel))
            result = ops.to_host(ops.resize_image(explained.obfuscated.frames[index], self.panel))
            covered = ops.to_host(ops.resize_map(opacity, self.panel))
            panels = [original, drawing.overlay(original, covered), result]
            if self._moments.wants(explained.original.start + index):
                seconds = float(explained.original.pts[index])
                self._moments.add(list(zip([f"{seconds:.2f} s  input", "opacity", "output"], panels, strict=True)))
            rows.append(drawing.side_by_side(panels))
        return replace(explained.original, frames=np.stack(rows), flow_to_previous=None)

    def contact_sheet(self) -> UInt8Array:
        """Up to six moments, one row each."""
        return self._moments.draw()

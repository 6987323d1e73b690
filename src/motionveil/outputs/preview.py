"""Previews: input, opacity or figure (if there is one) and output side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from .. import drawing, ops
from .._core.types import Clip, UInt8Array, VideoInfo
from ..obfuscation.obfuscators import Explained
from ..regions import Doubt

_MAX_PANEL = 480


class Preview:
    """Panels of one video: a side-by-side stream, and a contact sheet of moments evenly spaced over it.

    Shows the original, so keep it as safe as the original.

    Args:
        info: Properties of the source.
        opacity: Whether to include a panel of the opacity.
        doubts: Moments to mark for a second with a box around the area in doubt; may grow while the video streams.
    """

    def __init__(self, info: VideoInfo, *, opacity: bool = True, doubts: Sequence[Doubt] = ()) -> None:
        self._doubts = doubts
        scale = min(1.0, _MAX_PANEL / info.height)
        self.panel = (max(2, round(info.height * scale / 2) * 2), max(2, round(info.width * scale / 2) * 2))
        self.info = replace(info, width=(3 if opacity else 2) * self.panel[1], height=self.panel[0])
        self._opacity = opacity
        self._moments = drawing.Moments(shown=6, height=min(self.panel[0], 220))

    def add(self, explained: Explained) -> Clip:
        """The panels of a clip: input, opacity (or the figure, if everything is replaced) over the input, output."""
        rows = []
        for index in range(len(explained.original)):
            original = ops.to_host(ops.resize_image(explained.original.frames[index], self.panel))
            result = ops.to_host(ops.resize_image(explained.obfuscated.frames[index], self.panel))
            panels = [original, result]
            titles = ["input", "output"]
            if self._opacity:
                figure = explained.original.figure
                titles.insert(1, "opacity" if figure is None else "figure")
                shown = (explained.opacity if figure is None else figure)[index]
                covered = ops.to_host(ops.resize_map(shown, self.panel))
                panels.insert(1, drawing.overlay(original, covered))
                self._mark(panels[1], explained.original.pts[index], explained.original.frames[index].shape)
            if self._moments.wants(explained.original.start + index):
                seconds = float(explained.original.pts[index])
                titles[0] = f"{seconds:.2f} s  {titles[0]}"
                self._moments.add(list(zip(titles, panels, strict=True)))
            rows.append(drawing.side_by_side(panels))
        return replace(explained.original, frames=np.stack(rows), flow_to_previous=None)

    def _mark(self, panel: UInt8Array, pts: Fraction, shape: tuple[int, ...]) -> None:
        for doubt in self._doubts:
            if doubt.time <= pts <= doubt.time + 1:
                left, top, width, height = doubt.box
                x, y = self.panel[1] / shape[1], self.panel[0] / shape[0]
                drawing.outline(panel, (left * x, top * y, width * x, height * y))

    def contact_sheet(self) -> UInt8Array:
        """Up to six moments, one row each."""
        return self._moments.draw()

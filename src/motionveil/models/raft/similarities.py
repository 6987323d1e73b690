"""All pairs of features, and how they are looked up."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .architecture import LEVELS


class Similarities:
    """How alike every cell of the source is to every cell of the target, at four scales (Sec. 3.2)."""

    def __init__(self, source: Tensor, target: Tensor, radius: int) -> None:
        self.radius = radius
        # The mean similarity to some cells of the target is the similarity to their mean, which is less work.
        levels = [target]
        while len(levels) < LEVELS:
            levels.append(functional.avg_pool2d(levels[-1], 2))
        self.sizes = [(level.shape[2], level.shape[3]) for level in levels]
        # All levels lie side by side, and behind them one column of zeros: the similarity to what lies outside.
        columns = [level.flatten(2) for level in levels] + [torch.zeros_like(target.flatten(2)[..., :1])]
        rows = source.flatten(2).transpose(1, 2) / source.shape[1] ** 0.5
        self.all = rows @ torch.cat(columns, 2)

    def around(self, points: Tensor) -> Tensor:
        """Similarities to the cells around points (N, 2, h, w) of the target: (N, levels * (2 radius + 1)^2, h, w).

        Bilinear, 0 outside. All cells around a point lie off the grid by one and the same fraction, so a window that is
        one cell larger is fetched from the grid, and four shifted copies of it are blended. Channels are ordered by
        level, then column, then row.
        """
        n, _, h, w = points.shape
        scales = points.new_tensor([0.5**level for level in range(LEVELS)])
        centres = points.flatten(2).transpose(1, 2)[:, :, None] * scales[:, None]  # (N, h * w, levels, 2)
        corners = centres.floor()
        reach = torch.arange(-self.radius, self.radius + 2, device=points.device, dtype=points.dtype)
        window = self._fetch(corners[..., :1] + reach, corners[..., 1:] + reach)
        x, y = (centres - corners)[..., None].split(1, 3)
        window = torch.lerp(window[..., :-1, :], window[..., 1:, :], x)
        window = torch.lerp(window[..., :-1], window[..., 1:], y)
        return window.reshape(n, h, w, -1).permute(0, 3, 1, 2)

    def _fetch(self, x: Tensor, y: Tensor) -> Tensor:
        """Similarities at whole columns x and rows y, (N, h * w, levels, K) each: (N, h * w, levels, K, K), x first."""
        height, width = (x.new_tensor(lengths)[:, None] for lengths in zip(*self.sizes, strict=True))
        starts = (height * width).cumsum(0) - height * width
        outside = float(self.all.shape[2] - 1)
        # Indices are exact in float32 up to 2^24, which is more cells than memory has room for.
        column = torch.where((x >= 0) & (x < width), x, outside)
        row = torch.where((y >= 0) & (y < height), y * width + starts, outside)
        index = (column[..., :, None] + row[..., None, :]).clamp(max=outside).long()
        return self.all.gather(2, index.flatten(2)).view(index.shape)

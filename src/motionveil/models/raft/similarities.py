"""All-pairs correlation volume and look-up."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .architecture import LEVELS


class Similarities:
    """The correlation of each source cell with each target cell, at four scales (Sec. 3.2)."""

    def __init__(self, source: Tensor, target: Tensor, radius: int) -> None:
        self.radius = radius
        # Average pooling of the correlation equals correlation with pooled features, which is cheaper.
        levels = [target]
        while len(levels) < LEVELS:
            levels.append(functional.avg_pool2d(levels[-1], 2))
        self.sizes = [(level.shape[2], level.shape[3]) for level in levels]
        # All levels are concatenated, followed by one column of zeros for points outside.
        columns = [level.flatten(2) for level in levels] + [torch.zeros_like(target.flatten(2)[..., :1])]
        rows = source.flatten(2).transpose(1, 2) / source.shape[1] ** 0.5
        self.all = rows @ torch.cat(columns, 2)

    def around(self, points: Tensor) -> Tensor:
        """Correlations around points (N, 2, h, w) of the target: (N, levels * (2 radius + 1)^2, h, w).

        Bilinear, 0 outside. All cells around a point share one fractional offset, so a window one cell larger is
        fetched from the grid and four shifted copies of it are blended. Channels are ordered by level, then column,
        then row.
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
        """Correlations at integer columns x and rows y, (N, h * w, levels, K): (N, h * w, levels, K, K), x first."""
        height, width = (x.new_tensor(lengths)[:, None] for lengths in zip(*self.sizes, strict=True))
        starts = (height * width).cumsum(0) - height * width
        outside = float(self.all.shape[2] - 1)
        # Indices are exact in float32 up to 2^24, more cells than fit in memory.
        column = torch.where((x >= 0) & (x < width), x, outside)
        row = torch.where((y >= 0) & (y < height), y * width + starts, outside)
        index = (column[..., :, None] + row[..., None, :]).clamp(max=outside).long()
        return self.all.gather(2, index.flatten(2)).view(index.shape)

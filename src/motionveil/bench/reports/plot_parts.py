"""What all figures are drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from .names import Style

COLUMN = 3.4
"""Width of a column of a paper, inches."""


def legend_columns(labels: Sequence[str], width: float) -> int:
    """How many columns of a legend fit into a width in inches."""
    for columns in (4, 3, 2):
        height = ceil(len(labels) / columns)
        widest = (max(map(len, labels[start : start + height])) for start in range(0, len(labels), height))
        # An inch holds about 17 letters of this size; the sample and the space beside it take about 9.
        if sum(letters + 9 for letters in widest) <= 17 * width:
            return columns
    return 1


def line_style(style: Style) -> dict[str, Any]:
    """How matplotlib draws a line."""
    dashed = {"linestyle": (0, style.dash)} if style.dash else {}
    return {"color": style.colour, "linewidth": style.width, **dashed}

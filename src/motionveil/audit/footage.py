"""Original and output side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..obfuscators import Selective
from ..types import UInt8Array

BoolArray = npt.NDArray[np.bool_]

Remake = Callable[[int], Selective]
"""The method that made an output once more, with a seed that is known."""


@dataclass(frozen=True)
class Window:
    """Some consecutive frames of an original and of its output, in memory.

    start: index of the first frame. pts: T presentation times in seconds. original, output: (T, H, W, 3) uint8 RGB of
    one size. touched: (T, H, W) bool, where the output differs from the original by more than its encoding. core: the
    part of it that is replaced completely, away from its outline; what attacks are measured on.
    """

    start: int
    pts: tuple[Fraction, ...]
    original: UInt8Array
    output: UInt8Array
    touched: BoolArray
    core: BoolArray

"""Depixelation: cells are averages, between which the image is interpolated; other frames add detail."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from ..._core.types import Float32Array, UInt8Array
from .attack import Attack, Candidate
from .evidence import Evidence, neighbour_motion
from .temporal import Aligned, mean_of

_AT = 224
CELLS = (4.0, 16.0)
"""Cell sizes that are tried besides the detected one, in pixels at a short side of 224."""


def found_cells(frame: UInt8Array, touched: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[int, int]:
    """The detected number of cells (rows, columns) of a frame, from the edges between them inside `touched`."""
    values = frame.astype(np.float32).sum(2)
    return _along(values, touched), _along(values.T, touched.T)


def _along(values: Float32Array, touched: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    """The number of cells along the first axis whose borders contain most of the steps, relative to chance."""
    both = touched[1:] & touched[:-1]
    steps = (np.abs(np.diff(values, axis=0)) * both).sum(1) / np.maximum(both.sum(1), 1)
    length, total = len(values), float(steps.sum())
    best, most = max(1, length // 16), 0.0
    if not total:
        return best
    for count in range(length // 40 + 2, length // 3):
        borders = np.rint(np.arange(1, count) * length / count).astype(int) - 1
        # A border may fall between two pixels of the downsampled frame.
        near = np.unique(np.clip(np.concatenate([borders, borders + 1]), 0, length - 2))
        score = float(steps[near].sum()) / total - len(near) / (length - 1)
        if score > most:
            best, most = count, score
    return best


def smoothed_cells(frame: UInt8Array, cells: tuple[int, int], rounds: int = 2) -> UInt8Array:
    """A smooth image with the same averages over `cells` (rows, columns) as the frame (back-projection)."""
    height, width = frame.shape[:2]
    shape, size = (cells[1], cells[0]), (width, height)
    means = cv2.resize(frame.astype(np.float32), shape, interpolation=cv2.INTER_AREA)
    picture = cv2.resize(means, size, interpolation=cv2.INTER_CUBIC)
    for _ in range(rounds):
        missing = means - cv2.resize(picture, shape, interpolation=cv2.INTER_AREA)
        picture = picture + cv2.resize(missing, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(picture + 0.5, 0, 255), np.uint8)


class Depixelation(Attack):
    """Smooth interpolation of the averages; combines several frames along the motion."""

    name = "depixelation"
    summary = "Detects the pixelation grid and interpolates between its cells, also from other frames."
    short_side = 320

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """All cell sizes; single frames, and means along the motion and unmoved."""
        height, width = evidence.frames.shape[1:3]
        for cell in (None, *CELLS):
            if cell is None:
                middle = evidence.targets[len(evidence.targets) // 2]
                cells = found_cells(evidence.frames[middle], evidence.touched[middle])
            else:
                side = max(1.0, cell * min(height, width) / _AT)
                cells = (max(1, round(height / side)), max(1, round(width / side)))
            grid = "the grid that was found" if cell is None else f"cells of {cell:g} px"
            # Only altered pixels are large: the others stay sharp, and show the motion better.
            smooth = np.stack([smoothed_cells(frame, cells) for frame in evidence.frames])
            yield f"{grid}, one frame", smooth[list(evidence.targets)]
            shown = np.where(evidence.touched[..., None], smooth, evidence.frames)
            aligned = Aligned(shown, neighbour_motion(shown))
            for moving in (True, False):
                means = [mean_of(aligned.at(target, moving=moving)) for target in evidence.targets]
                yield f"{grid}, all frames {'along the motion' if moving else 'in place'}", np.stack(means)

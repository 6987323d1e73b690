"""Intersection over union of saliency at a threshold, on photographs with a label per pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from .data import ATTRIBUTES, IGNORE, Photo

Saliency = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""RGB (H, W, 3) to one map per attribute, (K, H, W) in [0, 1]."""


def intersection_over_union(photos: Iterable[Photo], saliency: Saliency, *, threshold: float = 0.5) -> dict[str, float]:
    """IoU per attribute; pixels are summed over all photos, ignored ones left out."""
    intersection = np.zeros(len(ATTRIBUTES))
    union = np.zeros(len(ATTRIBUTES))
    for photo in photos:
        maps = saliency(photo.images[0])
        valid = photo.labels != IGNORE
        for index in range(len(ATTRIBUTES)):
            truth = (photo.labels == index + 1) & valid
            found = (maps[index] >= threshold) & valid
            intersection[index] += (truth & found).sum()
            union[index] += (truth | found).sum()
    return {
        name: float(i / u) if u else float("nan") for name, i, u in zip(ATTRIBUTES, intersection, union, strict=True)
    }


def mean_over_attributes(scores: dict[str, float]) -> float:
    """Mean over the nine attributes; 'other_person' is not one of them."""
    return float(np.mean([scores[name] for name in ATTRIBUTES if name != "other_person"]))

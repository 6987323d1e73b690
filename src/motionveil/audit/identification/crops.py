"""Locates the person in the original; the attacker is told, and crops the output at the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, cast

import cv2
import numpy as np

from ..._core.types import Float32Array, UInt8Array
from ...detection.features import FeatureExtractor, PartsEncoder
from ...detection.saliency import saliency_maps
from ...detection.templates import GROUPS, TemplateLibrary, built_in_library
from .embeddings import Crop

FACE = ("forehead", "eyes", "cheek", "lips")
_SURE = 0.4
"""Minimum saliency of a person, from which the preset secure covers completely."""
_SMALLEST = 12
"""Minimum side in pixels at which people are recognisable."""


class Box(NamedTuple):
    """A rectangle in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Place:
    """The largest person in a frame. mask: (H, W) float32, 1 on the person. face: None if there is none."""

    person: Box
    mask: Float32Array
    face: Box | None

    def crop(self, frame: UInt8Array, looks_at: Literal["face", "person"]) -> Crop | None:
        """The crop of a frame (H, W, 3) of the same size for an embedding; None if there is none."""
        box = self.face if looks_at == "face" else self.person
        if box is None:
            return None
        window = np.s_[box.y : box.y + box.height, box.x : box.x + box.width]
        return Crop(frame[window], self.mask[window] if looks_at == "person" else None)


class Finder(Protocol):
    """Locates the person in a frame (H, W, 3); see `PersonFinder`."""

    def __call__(self, frame: UInt8Array, faces: Sequence[Sequence[float]] | None = None, /) -> Place | None: ...


class PersonFinder:
    """Locates the largest person in a frame, and the face, from body parts found by the embedded encoder."""

    def __init__(self, extractor: FeatureExtractor | None = None, library: TemplateLibrary | None = None) -> None:
        self._extractor = extractor or PartsEncoder(short_side=288, levels=2)
        self._templates = (library or built_in_library()).select(GROUPS["person"])

    def __call__(self, frame: UInt8Array, faces: Sequence[Sequence[float]] | None = None) -> Place | None:
        """The place in a frame (H, W, 3) RGB; None if nobody is found.

        faces: boxes (x, y, width, height) of a face detector, of which the largest centred on the person is used.
        Without them, the face is located from its parts.
        """
        maps = saliency_maps(frame, self._templates, self._extractor)
        everything = maps.max(axis=0)
        found = _largest(everything >= _SURE)
        if found is None:
            return None
        person, mask = found
        face = self._face(maps, mask) if faces is None else _face_of(faces, mask)
        return Place(person, mask, face)

    def _face(self, maps: Float32Array, mask: Float32Array) -> Box | None:
        """The box around the parts of a face, which nose and chin ('other_person') connect."""
        names = [template.name for template in self._templates]
        best = np.array(names)[maps.argmax(axis=0)]
        sure = (maps.max(axis=0) >= _SURE) & (mask > 0)
        head = _largest(sure & np.isin(best, (*FACE, "other_person")))
        found = None if head is None else cv2.boundingRect((np.isin(best, FACE) & (head[1] > 0)).astype(np.uint8))
        return None if found is None or min(found[2:]) < _SMALLEST else Box(*found)


def _largest(found: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[Box, Float32Array] | None:
    """The box and mask of the largest connected component; None if it is too small."""
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8), connectivity=8)
    if len(statistics) < 2:
        return None
    best = 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    box = Box(*(int(value) for value in statistics[best, :4]))
    mask = cast(Float32Array, (labels == best).astype(np.float32))
    return None if min(box.width, box.height) < _SMALLEST else (box, mask)


def _face_of(faces: Sequence[Sequence[float]], mask: Float32Array) -> Box | None:
    height, width = mask.shape
    boxes = []
    for x, y, w, h in (face[:4] for face in faces):
        left, top = max(0, round(x)), max(0, round(y))
        box = Box(left, top, min(width, round(x + w)) - left, min(height, round(y + h)) - top)
        if min(box.width, box.height) >= _SMALLEST and mask[box.y + box.height // 2, box.x + box.width // 2]:
            boxes.append(box)
    return max(boxes, key=lambda box: box.width * box.height, default=None)

"""Template transfer: finds body parts with one extractor to create templates for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .. import drawing, ops
from .._core.errors import TemplateError
from .._core.types import Float32Array, Point, UInt8Array
from .features import FeatureExtractor
from .saliency import clamped_cosines, saliency_maps, to_frame
from .templates import Template, template_of

_ENOUGH = 0.7
"""Minimum cosine similarity of a match."""


@dataclass(frozen=True)
class Found:
    """Where a template was found.

    Attributes:
        frame: Index of the frame.
        similarity: Cosine similarity at that point.
        template: The new template.
        matches: Where the new template matches the frame, (H, W) float32 in [0, 1].
    """

    frame: int
    point: Point
    similarity: float
    template: Template
    matches: Float32Array = field(repr=False)

    def as_record(self) -> dict[str, Any]:
        """The entry for a run manifest."""
        place = {"frame": self.frame, "point": list(self.point), "similarity": round(self.similarity, 3)}
        return {"name": self.template.name, **place}


def find_templates(
    templates: Sequence[Template],
    frames: UInt8Array | Sequence[UInt8Array],
    finder: FeatureExtractor,
    extractor: FeatureExtractor,
) -> list[Found]:
    """Transfer templates from one extractor to another: take the other's descriptor at the best match of each template.

    Args:
        templates: Templates made with `finder`.
        frames: Frames (H, W, 3) uint8 RGB, perhaps of several videos; the person should be visible in some of them.
        finder: The extractor that the templates were made with.
        extractor: The extractor to make templates for.

    Returns:
        One entry per template that was found. Templates that match no frame are left out.

    Raises:
        TemplateError: A template was made with an extractor other than `finder`.
    """
    best: dict[str, tuple[float, float, int, Point]] = {}
    for index, frame in enumerate(frames):
        for template, values in zip(templates, saliency_maps(frame, templates, finder), strict=True):
            # The middle of a part is a better point than its maximum, which may be at the edge.
            middle = ops.smooth(values, max(1.0, min(values.shape) / 60))
            row, column = np.unravel_index(int(middle.argmax()), middle.shape)
            if values[row, column] >= _ENOUGH and middle[row, column] > best.get(template.name, (0.0,))[0]:
                place = Point(float(column), float(row))
                best[template.name] = (float(middle[row, column]), float(values[row, column]), index, place)
    grids = {index: extractor(frames[index][None]) for index in sorted({index for _, _, index, _ in best.values()})}
    found = []
    for template in templates:
        if template.name in best:
            _, similarity, index, point = best[template.name]
            grid = grids[index]
            vector = grid.descriptors[0][grid.cell_at(point)]
            origin = f"found at {point.x:g},{point.y:g} by {template.fingerprint}"
            made = template_of(template.name, vector, extractor, origin=origin)
            height, width = frames[index].shape[:2]
            matches = to_frame(clamped_cosines(grid, [made])[0, 0], grid, (height, width))
            found.append(Found(index, point, similarity, made, matches))
    return found


def not_found(names: Sequence[str], *, strict: bool = False) -> TemplateError:
    """The error for templates found in no frame. strict: the preset hides everything requested or nothing."""
    why = ", and this preset requires all of them" if strict else ""
    return TemplateError(
        f"{', '.join(names)} could not be found in the first frames{why}; start where they are visible, raise the "
        f"resolution, omit them from `hide`, or pick a point with: motionveil template add {names[0]} --image IMAGE "
        "--point X,Y --features …"
    )


def draw_found(found: Sequence[Found], frames: UInt8Array) -> UInt8Array:
    """A sheet of where each template was found, and how well it matches that frame. Shows the original frames."""
    rows = []
    for item in found:
        place = (
            f"{item.template.name} ({item.similarity:.2f})",
            drawing.mark_point(frames[item.frame], item.point),
        )
        match = ("matches of the new template", drawing.overlay(frames[item.frame], item.matches))
        rows.append(("", [place, match]))
    return drawing.contact_sheet(rows, height=min(frames.shape[1], 220))

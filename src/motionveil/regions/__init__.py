"""Regions: where to obfuscate. Each yields one opacity mask per frame."""

from collections.abc import Callable

from .combined import Difference, FigureOnGround, Intersection, Inverse, Strength, Union
from .coverage import Coverage
from .followed_person import FollowedPerson
from .following import Doubt, doubtful
from .mask_video import MaskVideo
from .moving_shape import MovingShape, Step
from .region import Derived, Region, Seen, everything_in, seen
from .shapes import Polygon, Rectangle, Shape, Stroke, WholeFrame
from .template_saliency import TemplateSaliency
from .where import Pick, Where

__all__ = [
    "REGIONS",
    "Coverage",
    "Derived",
    "Difference",
    "Doubt",
    "FigureOnGround",
    "FollowedPerson",
    "Intersection",
    "Inverse",
    "MaskVideo",
    "MovingShape",
    "Pick",
    "Polygon",
    "Rectangle",
    "Region",
    "Seen",
    "Shape",
    "Step",
    "Strength",
    "Stroke",
    "TemplateSaliency",
    "Union",
    "Where",
    "WholeFrame",
    "doubtful",
    "everything_in",
    "seen",
]

REGIONS: dict[str, Callable[..., Region]] = {
    "templates": TemplateSaliency,
    "whole_frame": WholeFrame,
    "rectangle": Rectangle,
    "polygon": Polygon,
    "stroke": Stroke,
    "moving_shape": MovingShape,
    "mask": MaskVideo,
    "union": Union,
    "intersection": Intersection,
    "difference": Difference,
    "inverse": Inverse,
    "strength": Strength,
    "figure_on_ground": FigureOnGround,
    "followed_person": FollowedPerson,
}
"""Regions by name. To add one, write a module and add a line here."""

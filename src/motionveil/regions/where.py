"""A declarative description of the region to replace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .._core.errors import OptionError
from .._core.types import Point
from .combined import Difference, FigureOnGround, Intersection, Inverse, Strength, Union
from .followed_person import FollowedPerson
from .mask_video import MaskVideo
from .moving_shape import MovingShape, Step
from .region import Region
from .shapes import Polygon, Rectangle, Shape, Stroke, WholeFrame


class Pick(NamedTuple):
    """A selected person: (x, y) in pixels of the frame as it is read, and a time in seconds on the source's clock.

    end: time until which they are followed; None for the end.
    """

    x: float
    y: float
    time: float = 0.0
    end: float | None = None


@dataclass(frozen=True)
class Where:
    """What to hide. Attributes apply in this order.

    Attributes:
        hide: Names of templates and groups; may be empty.
        areas: Shapes to hide as well.
        masks: Masks to hide as well, read by `MaskVideo`.
        whole_frame: Hide everything.
        inverse: Hide everything except the above instead.
        only_in: Hide nothing outside these shapes.
        except_areas: Shapes that are never hidden.
        except_masks: Masks that are never hidden.
        keep: People who stay visible, see `FollowedPerson`.
        leave_out: What was found by the names in `hide` and is no person: it is followed like one, and stays visible.
        strength: See `Strength`.

    Raises:
        OptionError: If nothing would be hidden.

    Example:
        ```
        Where(hide=("head",), areas=(Rectangle(0, 0, "25%", 80),))
        ```
    """

    hide: str | Sequence[str] = ("person",)
    areas: tuple[Shape, ...] = ()
    masks: tuple[str | Path, ...] = ()
    whole_frame: bool = False
    inverse: bool = False
    only_in: tuple[Shape, ...] = ()
    except_areas: tuple[Shape, ...] = ()
    except_masks: tuple[str | Path, ...] = ()
    keep: tuple[Pick, ...] = ()
    leave_out: tuple[Pick, ...] = ()
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not (self.hide or self.areas or self.masks or self.whole_frame):
            raise OptionError(
                "nothing would be hidden; give `hide`, `areas`, `masks` or `whole_frame`"
                + (" instead of `inverse`" if self.inverse else "")
            )
        if self.whole_frame and self.inverse:
            raise OptionError("the inverse of the whole frame hides nothing; omit `inverse` or `whole_frame`")
        if not 0 < self.strength <= 1:
            raise OptionError(f"the strength must be above 0 and at most 1, not {self.strength:g}")

    @property
    def needs_templates(self) -> bool:
        """Whether the names in `hide` are needed."""
        return bool(self.hide) and not self.whole_frame

    @property
    def all_masks(self) -> tuple[str | Path, ...]:
        """All mask files and folders."""
        return self.masks + self.except_masks

    def region(
        self,
        found: Region | None = None,
        everyone: Region | None = None,
        heads: Region | None = None,
        *,
        on_ground: bool = False,
        skip: int = 0,
        whole: bool = True,
    ) -> Region:
        """Build the region.

        Args:
            found: The region of the names in `hide`, see `needs_templates`.
            everyone: The region of all people, for `keep`; see `FollowedPerson`.
            heads: The region of heads, for `keep`; see `FollowedPerson`.
            on_ground: Whether the selection, or its inverse, is the figure, and all around it is replaced too; see
                `FigureOnGround`.
            skip: See `MaskVideo`.
            whole: See `MaskVideo`.
        """

        def masked(paths: Sequence[str | Path]) -> list[Region]:
            return [MaskVideo(path, skip=skip, whole=whole) for path in paths]

        if found is not None and self.leave_out:
            # Only of what was found: an area over it still hides.
            left_out = [FollowedPerson(found, Point(x, y), time, end=end) for x, y, time, end in self.leave_out]
            found = Difference(found, _any(left_out))
        hidden = [*([found] if found is not None else []), *self.areas, *masked(self.masks)]
        region = _any([WholeFrame()] if self.whole_frame else hidden)
        if self.inverse:
            region = Inverse(region)
        if on_ground:
            region = FigureOnGround(region)
        if self.only_in:
            region = Intersection(region, _any(self.only_in))
        kept: list[Region] = [*self.except_areas, *masked(self.except_masks)]
        if self.keep:
            assert everyone is not None
            kept += [FollowedPerson(everyone, Point(x, y), time, heads=heads, end=end) for x, y, time, end in self.keep]
        if kept:
            region = Difference(region, _any(kept))
        return region if self.strength == 1 else Strength(region, self.strength)

    def as_record(self) -> dict[str, Any]:
        """A JSON-serialisable description; masks without their folders."""
        return {
            "hide": self.hide if isinstance(self.hide, str) else list(self.hide),
            **{key: [_told(shape) for shape in getattr(self, key)] for key in _AREAS},
            **{key: [Path(path).name for path in getattr(self, key)] for key in ("masks", "except_masks")},
            **{key: [list(pick) for pick in getattr(self, key)] for key in _PICKS},
            **{key: getattr(self, key) for key in ("whole_frame", "inverse", "strength")},
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Where:
        """The inverse of `as_record`; masks are looked up in the working directory.

        Raises:
            OptionError: If the record is invalid.
        """
        try:
            given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in record.items()}
            given.update({key: tuple(_drawn(shape) for shape in record[key]) for key in _AREAS})
            # Older records have no picks of things that are left out.
            picks = {key: tuple(Pick(*pick) for pick in record.get(key, ())) for key in _PICKS}
            return cls(**{**given, **picks})
        except (TypeError, KeyError, ValueError) as error:
            raise OptionError(f"invalid region for this version of motionveil ({error})") from error


_AREAS = ("areas", "only_in", "except_areas")
_PICKS = ("keep", "leave_out")
_SHAPES: Mapping[str, type[Rectangle | Polygon | Stroke]] = {
    "rectangle": Rectangle,
    "polygon": Polygon,
    "stroke": Stroke,
}


def _told(shape: Shape) -> dict[str, Any]:
    if isinstance(shape, MovingShape):
        return {**_told(shape.shape), "way": [list(step) for step in shape.way], "doubts": list(shape.doubts)}
    kind = next((name for name, made in _SHAPES.items() if isinstance(shape, made)), type(shape).__name__)
    return {"shape": kind, **vars(shape)}


def _drawn(told: Mapping[str, Any]) -> Shape:
    """What `_told` has made."""
    options = {key: value for key, value in told.items() if key != "shape"}
    if "points" in options:
        options["points"] = tuple((x, y) for x, y in options["points"])
    way, doubts = options.pop("way", None), options.pop("doubts", ())
    shape = _SHAPES[told["shape"]](**options)
    return shape if way is None else MovingShape(shape, tuple(Step(*step) for step in way), tuple(doubts))


def _any(regions: Sequence[Region]) -> Region:
    return regions[0] if len(regions) == 1 else Union(*regions)

"""Options that select regions, in addition to --hide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from .._core.errors import OptionError
from ..regions import Pick, Polygon, Rectangle, Shape, Where
from .completion import complete_files
from .numbers import SECONDS, Number, finite

Command = TypeVar("Command", bound=Callable[..., Any])

NOTHING = "nothing"


class Area(click.ParamType[Shape]):
    """rect:X,Y,W,H or polygon:X,Y,X,Y,X,Y…, optionally with @START-END."""

    name = "AREA"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shape:
        if isinstance(value, Shape):
            return value
        text, _, times = value.partition("@")
        kind, _, numbers = text.partition(":")
        lengths = [part.strip() for part in numbers.split(",")]
        try:
            start, end = _times(times) if "@" in value else (None, None)
            if kind == "rect" and len(lengths) == 4:
                return Rectangle(*lengths, start=start, end=end)  # type: ignore[misc]
            if kind == "polygon" and len(lengths) >= 6 and len(lengths) % 2 == 0:
                return Polygon(tuple(zip(lengths[::2], lengths[1::2], strict=True)), start=start, end=end)
        except OptionError as error:
            self.fail(str(error), param, ctx)
        except ValueError:
            self.fail(
                f"invalid time range {times!r}; expected @START-END in seconds, such as @2-5.5, @2- or @-5.5",
                param,
                ctx,
            )
        return self.fail(
            f"invalid area {value!r}; expected rect:X,Y,W,H or polygon:X,Y,X,Y,X,Y, optionally with @START-END",
            param,
            ctx,
        )


def _times(text: str) -> tuple[float | None, float | None]:
    start, end = text.split("-")
    if not start and not end:
        raise ValueError
    return finite(start) if start else None, finite(end) if end else None


class Person(click.ParamType[Pick]):
    """X,Y or X,Y@TIME."""

    name = "X,Y[@TIME]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Pick:
        if isinstance(value, Pick):
            return value
        place, at, time = value.partition("@")
        try:
            x, y = (finite(part) for part in place.split(","))
            return Pick(x, y, SECONDS.convert(time, param, ctx) if at else 0.0)
        except ValueError:
            self.fail(f"invalid position {value!r}; expected X,Y or X,Y@SECONDS, such as 312,140@2.5", param, ctx)


_OPTIONS = (
    click.option(
        "--area", "areas", type=Area(), multiple=True,
        help="Also hide rect:X,Y,W,H or polygon:X,Y,X,Y,X,Y… in pixels or percent, optionally only at @START-END in "
        "seconds. Repeatable.",
    ),
    click.option("--mask", "masks", multiple=True, metavar="FILE|DIR", shell_complete=complete_files,
        help="Also hide the white parts of this video, folder of images, or image. Repeatable."),
    click.option("--whole-frame", is_flag=True, help="Hide the whole frame."),
    click.option("--only-in", type=Area(), multiple=True,
        help="Hide nothing outside this area. Repeatable."),
    click.option("--except-area", "except_areas", type=Area(), multiple=True,
        help="Leave this area unchanged. Repeatable."),
    click.option("--except-mask", "except_masks", multiple=True, metavar="FILE|DIR",
        shell_complete=complete_files, help="Leave the white parts of this mask unchanged. Repeatable."),
    click.option("--keep-person", "keep", type=Person(), multiple=True,
        help="Leave the person at this position and time visible, for as long as they are told apart from others with "
        "certainty. Repeatable."),
    click.option("--inverse", is_flag=True, help="Hide everything except what --hide, --area and --mask select."),
    click.option("--strength", type=Number(), default=1.0, show_default=True, metavar="FACTOR",
        help="Scale the opacity, for research."),
)  # fmt: skip


def region_options(command: Command) -> Command:
    """Add the options for areas, masks and people, which `take_where` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_where(options: dict[str, Any]) -> Where:
    """Remove --hide and the options of `region_options` from a dictionary, and build the description from them."""
    hide = options.pop("hide")
    if NOTHING in hide and len(hide) > 1:
        raise OptionError(f"--hide {','.join(hide)} combines nothing with other names; omit one of them")
    names = (
        "areas", "masks", "whole_frame", "only_in", "except_areas", "except_masks", "keep", "inverse", "strength",
    )  # fmt: skip
    return Where(hide=() if hide == (NOTHING,) else hide, **{name: options.pop(name) for name in names})

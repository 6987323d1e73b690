"""Option types and groups of options shared by several subcommands."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import click
from tqdm import tqdm

from .._core.errors import MotionveilError
from .._core.printable import printable
from ..pipeline.runner import Progress, Window
from .numbers import SECONDS, Number, finite
from .terminal import say

Command = TypeVar("Command", bound=Callable[..., Any])
Item = TypeVar("Item")


class Names(click.ParamType[tuple[str, ...]]):
    """Comma-separated names."""

    name = "NAME,…"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = value if isinstance(value, tuple) else tuple(part.strip() for part in value.split(","))
        return tuple(name for name in names if name) or self.fail("give at least one name", param, ctx)


class Size(click.ParamType["int | tuple[int, int]"]):
    """A short side, or WIDTHxHEIGHT."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | tuple[int, int]:
        parts = str(value).lower().split("x")
        fits = (re.fullmatch(r"[0-9]{1,4}", part) and 8 <= int(part) <= 8192 for part in parts)
        if not all(fits) or len(parts) > 2:
            self.fail(
                f"invalid size {str(value)[:40]!r}; expected a short side such as 480, or a size such as 640x480, "
                "from 8 to 8192",
                param,
                ctx,
            )
        return int(parts[0]) if len(parts) == 1 else (int(parts[0]), int(parts[1]))


class Numbers(click.ParamType[tuple[float, float]]):
    """Two comma-separated numbers."""

    def __init__(self, name: str, example: str) -> None:
        self.name = name
        self.example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        try:
            first, second = (finite(part) for part in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not of the form {self.name}, such as {self.example}", param, ctx)
        return first, second


class Setting(click.ParamType["tuple[str, dict[str, Any]]"]):
    """NAME or NAME:option=value,option=value; the name is a key of a table."""

    name = "NAME[:OPTION=VALUE,…]"

    def __init__(self, known: Iterable[str]) -> None:
        self.known = tuple(known)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, dict[str, Any]]:
        if isinstance(value, tuple):
            return value
        chosen, _, settings = value.partition(":")
        if chosen not in self.known:
            self.fail(f"{chosen!r} is not one of {', '.join(self.known)}", param, ctx)
        options: dict[str, Any] = {}
        for text in filter(None, settings.split(",")):
            key, equals, given = text.partition("=")
            if not (equals and key.isidentifier() and given):
                self.fail(f"{text!r} is not of the form OPTION=VALUE, such as sigma=20", param, ctx)
            options[key] = _value(given)
        return chosen, options


def _value(text: str) -> bool | int | float | str:
    """A boolean, an integer, a finite number, or else the text."""
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    try:
        return finite(text)
    except ValueError:
        return text


def source_of(text: str) -> str | int:
    """Parse a source: `camera:0` is a camera, everything else stays text."""
    return int(text[7:]) if re.fullmatch(r"camera:[0-9]{1,6}", text) else text


INPUT_PANEL = {"Input": ("--size", "--image-rate", "--frame-rate", "--strict")}


def window_options(command: Command) -> Command:
    """Add --start, --end, --size, --image-rate, --frame-rate and --strict."""
    for option in (
        click.option("--strict", is_flag=True,
                     help="Reject damaged or truncated input instead of using what can be read."),
        click.option("--frame-rate", type=Number(0.01, 1000), metavar="FPS",
                     help="Frame rate of a raw stream (.h264, .hevc) that does not state it."),
        click.option("--image-rate", type=Number(0.01, 1000), default=25.0, show_default=True, metavar="FPS",
                     help="Frame rate of a folder or sequence of images."),
        click.option("--size", type=Size(), metavar="N|WxH",
                     help="Resize the input to this short side, or to WIDTHxHEIGHT."),
        click.option("--end", type=SECONDS, metavar="SECONDS", help="Stop at this time."),
        click.option("--start", type=SECONDS, metavar="SECONDS", help="Start at this time."),
    ):  # fmt: skip
        command = option(command)
    return command


def make_window(options: dict[str, Any]) -> Window:
    """Remove the options of `window_options` from a dictionary, and build the window from them."""
    rate = Fraction(options.pop("image_rate")).limit_denominator(100_000)
    frame_rate = options.pop("frame_rate")
    return Window(
        start=options.pop("start"),
        end=options.pop("end"),
        size=options.pop("size"),
        image_rate=rate,
        strict=options.pop("strict"),
        frame_rate=None if frame_rate is None else _frame_rate(frame_rate),
    )


def _frame_rate(number: float) -> Fraction:
    """The exact frame rate for a rounded one: 59.94 is 60000/1001."""
    whole = round(number)
    if whole and abs(number - whole / 1.001) < 0.005 and abs(number - whole) > 0.005:
        return Fraction(whole * 1000, 1001)
    return Fraction(number).limit_denominator(100_000)


class ProgressBar:
    """Frames, speed and remaining time on the terminal, for jobs of more than two seconds."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._bar: Any = tqdm(
            desc=printable(name), unit=" frames", delay=2, disable=quiet or None, dynamic_ncols=True, leave=False,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} frames, {rate_fmt}, {remaining} left",
        )  # fmt: skip
        self._last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if self._bar.total is None and progress.total:
            self._bar.total = progress.total
        if progress.total is None:
            self._bar.bar_format = "{desc}: {n_fmt} frames, {rate_fmt}, {elapsed}"
        self._bar.update(progress.done - self._bar.n)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *details: object) -> None:
        self._bar.close()


def each(items: Sequence[Item], work: Callable[[Item], None]) -> int:
    """Process each item. If one of several fails, report it and continue. Returns the exit code."""
    failed = 0
    for item in items:
        try:
            work(item)
        except MotionveilError as error:
            if len(items) == 1:
                raise
            failed += 1
            say(f"motionveil: error: {error}", error=True)
    if failed:
        others = "; the others are complete" if failed < len(items) else ""
        say(f"motionveil: {failed} of {len(items)} failed{others}", error=True)
    return 2 if failed else 0

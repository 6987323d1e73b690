"""Numeric option types: finite, and within bounds."""

from __future__ import annotations

from math import isfinite
from typing import Any

import click

_DIGITS = 40
"""Maximum length of a number; short enough to be repeated in messages."""


def finite(text: str) -> float:
    """Parse a finite number. Raises ValueError for anything else."""
    number = float(text) if len(text) <= _DIGITS else float("nan")
    if not isfinite(number):
        raise ValueError(f"{text[:_DIGITS]!r} is not a finite number")
    return number


class _Bounded(click.ParamType[Any]):
    """Base class of `Number` and `Whole`. Bounds are inclusive, except `above`."""

    noun: str

    def __init__(self, least: float | None = None, most: float | None = None, *, above: float | None = None) -> None:
        self.least, self.most, self.above = least, most, above

    def _read(self, text: str) -> float | int:
        raise NotImplementedError

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value).strip()
        try:
            number = self._read(text)
        except ValueError:
            return self.fail(f"{text[:_DIGITS]!r} is not {self.noun}{self._range('; expected one')}", param, ctx)
        if (
            (self.least is not None and number < self.least)
            or (self.most is not None and number > self.most)
            or (self.above is not None and number <= self.above)
        ):
            return self.fail(f"{text} is out of range{self._range('; expected a number')}", param, ctx)
        return number

    def _range(self, begin: str) -> str:
        """The range in words."""
        parts = [
            *([f"from {self.least:g}"] if self.least is not None else []),
            *([f"above {self.above:g}"] if self.above is not None else []),
            *([f"up to {self.most:g}"] if self.most is not None else []),
        ]
        return f"{begin} {' '.join(parts)}" if parts else ""


class Number(_Bounded):
    """A finite number."""

    name, noun = "n", "a number"

    def _read(self, text: str) -> float:
        return finite(text)


class Whole(_Bounded):
    """A whole number."""

    name, noun = "n", "a whole number"

    def _read(self, text: str) -> int:
        if len(text) > _DIGITS:
            raise ValueError
        return int(text)


SECONDS = Number(0, 1e8)
SEED = Whole(0, 2**64 - 1)

"""Validates option values against the annotations of the functions and classes that take them."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import isfinite
from typing import Any

from .errors import OptionError


def check_values(who: str, takes: Callable[..., object], options: Mapping[str, object]) -> None:
    """Check options of basic types (numbers, booleans, strings) against the parameters' annotations.

    Args:
        who: The name used in messages.
        takes: A class or function with annotated parameters.
        options: Values by parameter name. Objects of other types are not checked.

    Raises:
        OptionError: If a value does not match its annotation.
    """
    hints = _hints(takes)
    for name, value in options.items():
        if name in hints and isinstance(value, bool | int | float | str) and not _fits(value, hints[name]):
            raise OptionError(f"invalid {name}={value!r:.60} for {who}; give {_told(hints[name])}")


def _hints(takes: Callable[..., object]) -> dict[str, Any]:
    while isinstance(takes, partial):
        takes = takes.func
    try:
        return typing.get_type_hints(takes.__init__ if isinstance(takes, type) else takes)  # type: ignore[misc]
    except NameError:  # annotations that are imported for type checkers only
        return {}


def _kinds(hint: Any) -> Iterator[Any]:
    """The members of a union, or the hint itself."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for member in typing.get_args(hint):
            yield from _kinds(member)
    else:
        yield hint


def _fits(value: bool | int | float | str, hint: Any) -> bool:
    if isinstance(value, float) and not isfinite(value):
        return False
    for kind in _kinds(hint):
        if (
            kind is Any
            or kind is object
            or (typing.get_origin(kind) is typing.Literal and value in typing.get_args(kind))
        ):
            return True
        if isinstance(value, bool | str):
            if kind is type(value):
                return True
        elif kind is float or (kind is int and isinstance(value, int)):
            return True
    return False


def _told(hint: Any) -> str:
    """The values that a hint accepts, in words."""
    words = {float: "a number", int: "an integer", bool: "true or false", str: "a name"}
    said = []
    for kind in _kinds(hint):
        if typing.get_origin(kind) is typing.Literal:
            said.append(f"one of {', '.join(map(str, typing.get_args(kind)))}")
        elif kind in words:
            said.append(words[kind])
    return " or ".join(said) or "something else"

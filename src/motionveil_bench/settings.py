"""Settings that are checked by the types of their fields, whether they come from files or from callers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from math import isfinite
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from motionveil._core.errors import OptionError

MOST = 1_000_000
Count = Annotated[int, msgspec.Meta(ge=1, le=MOST)]
CountOrNone = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
"""Of which there may be none."""
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]

_WORDS = {
    " | null": "", "`int`": "a whole number", "`float`": "a number", "`str`": "a text", "`bool`": "true or false",
    "`array`": "a list", "`object`": "a table", ">= ": "of at least ", "<= ": "of at most ", "> ": "above ",
    "< ": "below ",
}  # fmt: skip
"""What msgspec says, and what people say."""
Made = TypeVar("Made", bound="Settings")


class Settings:
    """A frozen dataclass of settings. Raises OptionError, which names it, for a value that its type forbids."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __post_init__(self) -> None:
        for name, kind in kinds_of(type(self)).items():
            checked(getattr(self, name), kind, name)


def kinds_of(settings: type) -> dict[str, Any]:
    """The fields of a dataclass and their types, with what these forbid."""
    hints = get_type_hints(settings, include_extras=True)
    return {item.name: hints[item.name] for item in fields(settings)}


def checked(value: Any, kind: Any, name: str) -> Any:
    """The value as its type has it (a list of a file as a tuple). Raises OptionError, which names it."""
    key, of, where = name.partition(" of ")
    if isinstance(value, Mapping) and get_origin(kind) is Mapping:
        return {each: checked(item, get_args(kind)[1], f"{key}.{each}{of}{where}") for each, item in value.items()}
    try:
        found = msgspec.convert(value, kind)
        if isinstance(value, float) and not isfinite(value):
            raise msgspec.ValidationError("Expected `float`")
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        wanted = text.removeprefix("Expected ").partition(", got")[0]
        for code, words in _WORDS.items():
            wanted = wanted.replace(code, words)
        for one in (kind, *get_args(kind)):
            if get_origin(one) is Literal:
                wanted = f"one of {', '.join(get_args(one))}"
        raise OptionError(f"{key}{place.rstrip('`')}{of}{where} must be {wanted}, not {value!r:.200}") from None
    return found if isinstance(value, list) else value  # what is written as 1 stays 1: hashes depend on it


def read_settings(settings: type[Made], table: Any, where: str) -> Made:
    """Settings from a table of a file. where: how the table is called in errors.

    Raises OptionError for what is no table, and for a setting that does not exist, is missing, or makes no sense.
    """
    kinds = kinds_of(settings)
    check_names_of(table, kinds, where)
    for item in fields(settings):
        if item.default is MISSING and item.default_factory is MISSING and not table.get(item.name):
            raise OptionError(f"{item.name} of {where} is missing; write for instance: {item.name} = …")
    given = {name: checked(value, kinds[name], f"{name} of {where}") for name, value in table.items()}
    try:
        return settings(**given)
    except OptionError as error:
        raise OptionError(f"{where}: {error}") from None


def check_names_of(table: Any, known: Mapping[str, Any], where: str) -> None:
    """Raise OptionError where this is no table, or has a setting that does not exist."""
    if not isinstance(table, Mapping):
        raise OptionError(
            f"{where} must be a table, not {table!r}; write {where.partition(' of ')[0]} above its settings"
        )
    if unknown := set(table) - set(known):
        raise OptionError(f"{where} has a setting {min(unknown)!r} that does not exist; there are {', '.join(known)}")

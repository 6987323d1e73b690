"""What somebody chose to hide and how, as the page of `motionveil studio` writes it and the command line reads it."""

from __future__ import annotations

import base64
import binascii
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .._core.atomic_files import read_small_text
from .._core.errors import OptionError
from ..detection.templates import ATTRIBUTES, Template, TemplateLibrary, default_library
from ..fillers import FILLERS
from ..noise import PALETTES
from ..obfuscation.presets import PRESETS, Preset, get_preset
from ..regions import MovingShape, Pick, Polygon, Rectangle, Step, Stroke, Where
from ..video import Encoding

PROJECT_FORMAT = "motionveil-project-1"
Area = Rectangle | Polygon | Stroke | MovingShape
_MOST = 500
"""Names, areas or people in one file."""
_MOST_POINTS = 20_000
"""Points of a shape, or steps on its way."""
_MOST_TEXT = 100_000
"""Letters of the descriptor of a template."""


@dataclass(frozen=True)
class ClickedTemplate:
    """A template that was made from a place in a film, see `make_template`, as a project file holds it.

    Attributes:
        vector: Its descriptor, float32 with the lowest byte first, as Base64.
        x, y, time: The place, in pixels of the frame and seconds.
    """

    name: str
    vector: str
    fingerprint: str
    origin: str
    x: float = 0.0
    y: float = 0.0
    time: float = 0.0

    def __post_init__(self) -> None:
        if self.name in (*ATTRIBUTES, "other_person"):
            raise OptionError(f"{self.name} is built in; give the template another name")
        self.template()

    @classmethod
    def of(cls, template: Template, x: float, y: float, time: float) -> ClickedTemplate:
        """A template from this place."""
        vector = base64.b64encode(template.vector.astype("<f4").tobytes()).decode()
        return cls(template.name, vector, template.fingerprint, template.origin, x, y, time)

    def template(self) -> Template:
        """The template. Raises TemplateError where it is none."""
        try:
            data = base64.b64decode(self.vector, validate=True)
            vector = np.frombuffer(data, "<f4").astype(np.float32)
        except (binascii.Error, ValueError) as error:
            raise OptionError(f"the template {self.name[:60]!r} is damaged; make it again") from error
        return Template(self.name, vector, self.fingerprint, self.origin)


@dataclass(frozen=True)
class Settings:
    """What to hide and how.

    Attributes:
        hide: Names of templates and groups, perhaps none.
        templates: Templates of this project, whose names `hide` may hold.
        areas: Shapes that are hidden as well, in pixels of the frame, with times in seconds.
        keep: People who stay visible.
        leave_out: What was found and is no person, see `Where.leave_out`.
        whole_frame: Hide everything.
        preset: A name of `PRESETS`.
        fill: A name of `FILLERS`.
        palette: Colours of the noise, where the filler has them.
        smallest_person: Height in pixels of the smallest people to find; None: the preset's.
        audio: Whether the sound stays.
        seed: For experiments only, see `build_obfuscator`.
    """

    hide: tuple[str, ...] = ("person",)
    templates: tuple[ClickedTemplate, ...] = ()
    areas: tuple[Area, ...] = ()
    keep: tuple[Pick, ...] = ()
    leave_out: tuple[Pick, ...] = ()
    whole_frame: bool = False
    preset: str = "secure"
    fill: str = "motion_noise"
    palette: str = "calm"
    smallest_person: float | None = None
    audio: Literal["drop", "keep"] = "drop"
    seed: int | None = None

    def __post_init__(self) -> None:
        for kind, name, table in (
            ("preset", self.preset, PRESETS),
            ("fill", self.fill, FILLERS),
            ("palette", self.palette, PALETTES),
        ):
            if name not in table:
                raise OptionError(f"no {kind} {name!r}; choose from {', '.join(table)}")
        if self.audio not in ("drop", "keep"):
            raise OptionError(f"audio must be drop or keep, not {self.audio!r}")
        if self.smallest_person is not None and not 4 <= self.smallest_person <= 4320:
            raise OptionError(f"the smallest person must be 4 to 4320 pixels high, not {self.smallest_person:g}")
        if self.seed is not None and not 0 <= self.seed < 2**63:
            raise OptionError("the seed must be a whole number from 0 on")
        names = [template.name for template in self.templates]
        if len(set(names)) < len(names):
            raise OptionError("two templates of a project have the same name; rename one of them")

    @property
    def hides_nothing(self) -> bool:
        """Whether nothing is chosen yet, so that there is no `where`."""
        return not (self.hide or self.areas or self.whole_frame)

    def where(self) -> Where:
        """The regions. Raises OptionError where nothing is chosen."""
        if self.hides_nothing:
            raise OptionError("nothing would be hidden; choose at least one part of people, or draw an area")
        return Where(
            hide=self.hide, areas=self.areas, keep=self.keep, leave_out=self.leave_out, whole_frame=self.whole_frame
        )

    def library(self) -> TemplateLibrary:
        """The templates to choose from: those of this project, and those of `default_library`."""
        return default_library().with_templates(template.template() for template in self.templates)

    def make_preset(self) -> Preset:
        """The preset with these settings in it."""
        preset = get_preset(self.preset)
        if self.smallest_person is not None:
            preset = preset.with_features(preset.features, smallest_person=self.smallest_person)
        takes_palette = "palette" in inspect.signature(FILLERS[self.fill]).parameters
        return preset.with_filler(self.fill, **({"palette": self.palette} if takes_palette else {}))

    def encoding(self, *, overwrite: bool = False) -> Encoding:
        """How the result is stored."""
        return Encoding(audio=self.audio, overwrite=overwrite)

    def as_record(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        return {
            **{key: value for key, value in vars(self).items() if key not in _LISTS},
            "hide": list(self.hide),
            "templates": [dict(vars(template)) for template in self.templates],
            "areas": [area_record(area) for area in self.areas],
            "keep": [pick._asdict() for pick in self.keep],
            "leave_out": [pick._asdict() for pick in self.leave_out],
        }

    @classmethod
    def from_record(cls, record: object) -> Settings:
        """What `as_record` made; what is missing is as usual. Raises OptionError for anything else."""
        if not isinstance(record, Mapping):
            raise OptionError("settings must be a table of names and values; save them again in motionveil studio")
        if strange := sorted(str(key) for key in record if key not in cls.__dataclass_fields__):
            raise OptionError(f"this version of motionveil knows no setting {strange[0]!r}; leave it out")
        given: dict[str, Any] = {key: value for key, value in record.items() if value is not None}
        _check(given)
        if "hide" in given:
            given["hide"] = tuple(_list("hide", given["hide"]))
            if not all(isinstance(name, str) and name for name in given["hide"]):
                raise OptionError("hide must be a list of names, such as head or hand")
        if "templates" in given:
            given["templates"] = tuple(_template(each) for each in _list("templates", given["templates"]))
        if "areas" in given:
            given["areas"] = tuple(area_from(each) for each in _list("areas", given["areas"]))
        for key in ("keep", "leave_out"):
            if key in given:
                given[key] = tuple(_made(Pick, each) for each in _list(key, given[key]))
        return cls(**given)


_LISTS = ("hide", "templates", "areas", "keep", "leave_out")
_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "whole_frame": ((bool,), "true or false"),
    "preset": ((str,), "a name"),
    "fill": ((str,), "a name"),
    "palette": ((str,), "a name"),
    "audio": ((str,), "drop or keep"),
    "smallest_person": ((int, float), "a number of pixels"),
    "seed": ((int,), "a whole number"),
}


def _check(given: Mapping[str, Any]) -> None:
    for key, (types, meant) in _KINDS.items():
        if key in given and (type(given[key]) not in types):
            raise OptionError(f"{key} must be {meant}, not {str(given[key])[:40]!r}")


def _list(key: str, value: object, most: int = _MOST) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise OptionError(f"{key} must be a list of at most {most}")
    return value


def _template(record: object) -> ClickedTemplate:
    if not isinstance(record, Mapping):
        raise OptionError("a template must be a table of names and values; make it again")
    texts: dict[str, Any] = {key: record.get(key) for key in ("name", "vector", "fingerprint", "origin")}
    if not all(isinstance(text, str) and len(text) <= _MOST_TEXT for text in texts.values()):
        raise OptionError("a template must have a name, a vector, a fingerprint and an origin; make it again")
    place = {key: value for key, value in record.items() if key not in texts}
    if any(type(value) not in (int, float) or not isfinite(value) for value in place.values()):
        raise OptionError("the place of a template must be numbers; make it again")
    try:
        return ClickedTemplate(**texts, **place)
    except TypeError as error:
        raise OptionError(f"this is no template ({error}); make it again") from error


def area_record(area: Area) -> dict[str, Any]:
    """An area as JSON can hold it: its own numbers, and with them its way and its doubts where it moves."""
    if isinstance(area, MovingShape):
        return {**area_record(area.shape), "way": [list(step) for step in area.way], "doubts": list(area.doubts)}
    return {key: [list(point) for point in value] if key == "points" else value for key, value in vars(area).items()}


def area_from(record: object) -> Area:
    """What `area_record` made. Raises OptionError for anything else."""
    if not isinstance(record, Mapping):
        raise OptionError("an area must be a table of numbers")
    rest = {key: value for key, value in record.items() if key not in ("points", "way", "doubts")}
    kind: Any = Rectangle
    lists: dict[str, Any] = {}
    if record.get("points") is not None:
        kind = Polygon if record.get("radius") is None else Stroke
        lists["points"] = tuple(
            _numbers("points", point, 2) for point in _list("points", record["points"], _MOST_POINTS)
        )
    shape: Any = _made(kind, rest, **lists)
    if record.get("way") is None:
        return shape  # type: ignore[no-any-return]
    way = tuple(Step(*_numbers("way", step, 4)) for step in _list("way", record["way"], _MOST_POINTS))
    doubts = _numbers("doubts", record.get("doubts") or [])
    return MovingShape(shape, way, doubts)


def _numbers(key: str, values: object, count: int | None = None) -> Any:
    """A tuple of finite numbers."""
    found = _list(key, values)
    if (count is not None and len(found) != count) or not all(
        type(number) in (int, float) and abs(number) < 1e9 for number in found
    ):
        raise OptionError(f"the {key} of an area must be numbers")
    return tuple(found)


def _made(kind: Any, record: object, **lists: Any) -> Any:
    """A shape or a pick, of numbers alone, and lists that are checked already."""
    if not isinstance(record, Mapping):
        raise OptionError(f"a {kind.__name__.lower()} must be a table of numbers")
    numbers = {key: value for key, value in record.items() if value is not None}
    for key, value in numbers.items():
        if type(value) not in (int, float) or not isfinite(value):
            raise OptionError(f"{key} of a {kind.__name__.lower()} must be a number, not {str(value)[:40]!r}")
    try:
        return kind(**numbers, **lists)
    except TypeError as error:
        raise OptionError(f"this is no {kind.__name__.lower()} ({error})") from error


def read_settings(path: str | Path) -> Settings:
    """The settings in a project file of `motionveil studio`. Raises InputError or OptionError where it is none."""
    try:
        record = json.loads(read_small_text(Path(path)))
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{path} is no project file of motionveil studio; save it there again") from error
    if not isinstance(record, dict) or record.get("format") != PROJECT_FORMAT:
        raise OptionError(f"{path} is no project file of this version of motionveil studio; save it there again")
    return Settings.from_record(record.get("settings"))

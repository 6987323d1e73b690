"""Selective obfuscations of an experiment's own, and copies that another program made: tables of its file."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

import numpy as np
from msgspec import Meta

from motionveil._core.errors import InputError, MotionveilError, OptionError
from motionveil.detection.saliency import Combine, opacity_curve
from motionveil.detection.templates import TemplateLibrary, built_in_library
from motionveil.flow import FLOW_ESTIMATORS
from motionveil.obfuscation.factory import check_filler_options
from motionveil.obfuscation.presets import Preset, get_preset
from motionveil.regions import Where
from motionveil.video import IMAGE_SUFFIXES, is_pattern

from ..datasets.checking import is_there
from ..datasets.dataset import VIDEO_SUFFIXES
from ..settings import Settings, kinds_of, read_settings
from .libraries import check_hidden
from .obfuscations import Obfuscation

Options = Mapping[str, bool | int | float | str]


@dataclass(frozen=True)
class Selection(Settings):
    """A table of an experiment file; what it leaves out is as in its preset.

    preset: a name. hide: names of templates and groups. masks: a folder with masks of all sources, which are hidden
    too, see `counterpart`. whole_frame, inverse: hide everything, or everything else (the background). strength: how
    much of what is hidden is replaced. opacity: where it begins and where it is full, `margin`, `hold`, `combine`: see
    `regions.Coverage`. fill, fill_options: a filler and its options, of which grain, in pixels, and statistics, by
    name, may also be given by themselves. flow, flow_options: an estimator and its options, such as weights.
    """

    preset: str = "secure"
    hide: tuple[str, ...] = ("person",)
    masks: str = ""
    whole_frame: bool = False
    inverse: bool = False
    strength: Annotated[float, Meta(gt=0, le=1)] = 1.0
    opacity: tuple[float, float] | None = None
    margin: float | None = None
    hold: float | None = None
    combine: Combine | None = None
    fill: str = ""
    fill_options: Options = field(default_factory=dict)
    grain: Annotated[float, Meta(ge=1)] | None = None
    statistics: str | None = None
    flow: str = ""
    flow_options: Options = field(default_factory=dict)


def read_selective(
    table: Any, where: str, library: TemplateLibrary | None = None, folder: Path | None = None
) -> Obfuscation:
    """The obfuscation that a table describes, see `Selection`. where: how the table is called in errors. library: the
    templates that it may name, default the built-in ones. folder: where its paths begin.

    Raises OptionError, which names the table, for a setting that does not exist or a value that makes no sense.
    """
    given = read_settings(Selection, table, where)
    try:
        preset = get_preset(given.preset)
        changed = _changed(preset, given, table)
        masks = ((folder or Path()) / given.masks,) if given.masks else ()
        chosen = Where(
            hide=given.hide, masks=masks, whole_frame=given.whole_frame, inverse=given.inverse, strength=given.strength
        )
        if given.hide:
            check_hidden(given.hide, library or built_in_library())
    except MotionveilError as error:
        raise OptionError(f"{where}: {error}") from error
    # Another name than the preset's only where it is no longer that preset.
    return Obfuscation(preset if changed == preset else replace(changed, name=f"{preset.name}, changed"), chosen)


def _changed(preset: Preset, given: Selection, table: Mapping[str, Any]) -> Preset:
    """A preset with what a table says of coverage, filler and flow. Raises OptionError for what makes no sense."""
    changes = {name: float(table[name]) for name in ("margin", "hold") if name in table}
    coverage = replace(preset.coverage, **cast(Any, changes))
    if given.combine is not None:
        coverage = replace(coverage, combine=given.combine)
    if given.opacity is not None:
        coverage = coverage.with_thresholds(*map(float, given.opacity))
    opacity_curve(np.zeros(1, np.float32), *coverage.thresholds)
    filling = {**given.fill_options, **{name: table[name] for name in ("grain", "statistics") if name in table}}
    changed = replace(preset, coverage=coverage).with_filler(given.fill or preset.filler, **filling)
    check_filler_options(changed.filler, changed.filler_options)
    flow = given.flow or preset.flow
    if flow not in FLOW_ESTIMATORS:
        raise OptionError(f"there is no flow {flow}; choose from {', '.join(FLOW_ESTIMATORS)}")
    known = inspect.signature(FLOW_ESTIMATORS[flow]).parameters
    if unknown := set(given.flow_options) - set(known):
        raise OptionError(f"the flow {flow} has no option {min(unknown)}; it has {', '.join(known)}")
    return changed.with_flow(flow, **given.flow_options)


def selective_table(name: str, table: Mapping[str, Any]) -> str:
    """A table as an experiment file has it, with its heading; `read_selective` reads the same."""
    # Texts, numbers and lists of them are written alike in JSON and TOML.
    lines = [f"{key} = {json.dumps(table[key])}" for key in kinds_of(Selection) if key in table]
    return "\n".join([f"[selective.{name}]", *lines, ""])


@dataclass(frozen=True)
class External(Settings):
    """Copies that another program made of all sources of a dataset. folder: where they lie, see `counterpart`."""

    looks: ClassVar[bool] = False

    folder: str

    def as_record(self) -> dict[str, Any]:
        """What is known of how they were made."""
        return {"external": Path(self.folder).name}

    @property
    def made_from(self) -> tuple[str, ...]:
        """Nothing that the files do not tell."""
        return ()


def read_external(table: Any, where: str, folder: Path) -> External:
    """Copies as a table says. Raises OptionError where it makes no sense."""
    given = read_settings(External, table, where)
    return External(str(folder / given.folder))


def counterpart(folder: Path, source: str, *, inside: str = "") -> Path:
    """What belongs to a source in another folder: the same path, or one with another suffix, or a folder of frames.

    ``boxing/a.avi`` has ``boxing/a.avi``, ``boxing/a.mp4`` (any video or picture), or the folder ``boxing/a``; the
    frames ``s01s02/01/001/rgb*.png`` have the same pattern, the folder ``s01s02/01/001``, or ``s01s02/01/001.mp4``.
    inside: a folder in that folder, where there is one, as `motionveil bench export` writes masks. Raises InputError
    where there is nothing.
    """
    path = Path(source).parent if is_pattern(Path(source)) else Path(source)
    is_file = not is_pattern(Path(source)) and path.suffix.lower() in VIDEO_SUFFIXES | IMAGE_SUFFIXES
    stem = path.with_suffix("") if is_file else path
    others = [stem.with_name(stem.name + suffix) for suffix in sorted(VIDEO_SUFFIXES | IMAGE_SUFFIXES)]
    for candidate in (source, path.as_posix(), stem.as_posix(), *(other.as_posix() for other in others)):
        if is_there(folder, candidate):
            found = folder / candidate
            return found / inside if inside and (found / inside).is_dir() else found
    raise InputError(f"{folder} has nothing for {source}; name it {stem.as_posix()} with the suffix of a video")

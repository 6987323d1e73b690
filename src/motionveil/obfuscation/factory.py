"""Builds obfuscators from settings: loads networks, and chooses or finds templates."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from .._core.cores import cores
from .._core.errors import OptionError, TemplateError
from .._core.option_values import check_values
from .._core.types import UInt8Array
from ..detection.features import FEATURE_EXTRACTORS, FeatureExtractor, PartsEncoder
from ..detection.template_transfer import Found, find_templates, not_found
from ..detection.templates import Template, TemplateLibrary, built_in_library, default_library
from ..fillers import FILLERS, Filler
from ..flow import FLOW_ESTIMATORS, FlowEstimator
from ..noise import measure_statistics
from ..regions import Doubt, MovingShape, Region, TemplateSaliency, Where
from .obfuscators import Selective
from .presets import PRESETS, Preset, get_preset

DEFAULT_HIDE = ("person",)
_log = logging.getLogger(__name__)

Frames = Callable[[], UInt8Array | None]
"""Returns frames (T, H, W, 3) spread over the first seconds of a source; None if it can be read only once."""
Made = TypeVar("Made")


class Networks:
    """The feature extractor and flow estimator of a preset, loaded on first use and reused for further videos.

    Args:
        preset: Name of a preset, or a preset of your own.
    """

    def __init__(self, preset: str | Preset = "secure") -> None:
        self.preset = get_preset(preset) if isinstance(preset, str) else preset
        self._extractors: dict[bool, FeatureExtractor] = {}

    def __repr__(self) -> str:
        return f"Networks(preset={self.preset.name!r}, features={self.preset.features!r}, flow={self.preset.flow!r})"

    def extractor(self, *, still: bool = False, frames: Frames | UInt8Array | None = None) -> FeatureExtractor:
        """The extractor, for videos or single images.

        Args:
            still: For single images.
            frames: Calibration data for precision='int8'.

        Raises:
            OptionError: For an unknown name or option.
        """
        if still not in self._extractors:
            settings = self.preset.for_still() if still else self.preset
            options = dict(settings.feature_options)
            if settings.features == "parts" and not still:
                # In a video, the other stages need the other half of the cores.
                options.setdefault("threads", max(1, cores() // 2))
            if options.get("precision") == "int8" and settings.features == "parts":
                raise OptionError("the features parts do not support int8; omit `precision`, or choose other features")
            if options.get("precision") == "int8" and "examples" not in options:
                options["examples"] = _frames_for("calibrating int8", "choose another `precision`", frames)
            self._extractors[still] = make_extractor(settings.features, **options)
        return self._extractors[still]

    @cached_property
    def flow(self) -> FlowEstimator:
        """The flow estimator. Raises OptionError for an unknown name or option."""
        return _make("flow", FLOW_ESTIMATORS, self.preset.flow, self.preset.flow_options)


def make_extractor(name: str, **options: object) -> FeatureExtractor:
    """Create a feature extractor by name. Raises OptionError for an unknown name or option."""
    return _make("features", FEATURE_EXTRACTORS, name, options)


def make_filler(
    name: str, /, *, seed: int | None = None, frames: Frames | UInt8Array | None = None, **options: object
) -> Filler:
    """Create a filler of the table `FILLERS` by name.

    Args:
        name: Name of the filler.
        seed: Seed of its noise.
        frames: Source of the colours of `statistics="video"`, (T, H, W, 3) uint8 RGB, or a function that returns it.
        options: Options of the filler.

    Raises:
        OptionError: Unknown name or option.
    """
    if options.get("statistics") == "video":
        looked_at = _frames_for("measuring the statistics of the noise", "choose other `statistics`", frames)
        options["statistics"] = measure_statistics(looked_at)
    if seed is not None and name in FILLERS and "seed" in inspect.signature(FILLERS[name]).parameters:
        options["seed"] = seed
    return _make("filler", FILLERS, name, options)


def _make(kind: str, table: Mapping[str, Callable[..., Made]], name: str, options: Mapping[str, object]) -> Made:
    """Create an entry of a table with these options."""
    if name not in table:
        raise OptionError(f"unknown {kind} {name!r}; choose from {', '.join(table)}")
    known = inspect.signature(table[name]).parameters
    unknown = [option for option in options if option not in known]
    if unknown:
        raise OptionError(f"the {kind} {name} has no option {unknown[0]}; omit it, or choose another `{kind}`")
    check_values(f"the {kind} {name}", table[name], options)
    try:
        return table[name](**options)
    except (TypeError, ValueError) as error:
        given = ", ".join(f"{key}={value}" for key, value in options.items())
        raise OptionError(f"the {kind} {name} does not accept {given} ({error})") from error


@dataclass(frozen=True)
class Choice:
    """Templates for an extractor. found: those found in the frames. missing: names that were not found."""

    templates: tuple[Template, ...]
    found: tuple[Found, ...] = ()
    frames: UInt8Array | None = None
    missing: tuple[str, ...] = ()


def choose_templates(
    hide: str | Sequence[str],
    extractor: FeatureExtractor,
    *,
    library: TemplateLibrary | None = None,
    frames: Frames | UInt8Array | None = None,
    strict: bool = False,
) -> Choice:
    """Choose the templates of these names or groups for an extractor.

    Templates that do not exist for the extractor are located in `frames` with the embedded encoder; missing ones are
    dropped.

    Args:
        hide: Names of templates and groups.
        extractor: The feature extractor.
        library: Templates to choose from; None for those of `default_library`.
        frames: Frames in which to look for templates.
        strict: Raise an error if any template is missing.

    Raises:
        TemplateError: For an unknown name, or if no template is left.
    """
    library = library or default_library()
    names = library.names(hide)
    fitting = library.made_with(extractor.fingerprint)
    absent = [name for name in names if name not in fitting]
    if not absent:
        return Choice(tuple(fitting.select(names)))
    finder = PartsEncoder(short_side=768, levels=3)
    known = library.made_with(finder.fingerprint)
    for name in absent:
        if name not in known:
            other = library[name].fingerprint
            raise TemplateError(
                f"template {name!r} was made with {other}, not with {extractor.fingerprint}; "
                f"create it with these features: motionveil template add {name} --image IMAGE --point X,Y"
            )
    looked_at = _frames_for(
        f"finding {', '.join(absent)}",
        "create the templates first, with: motionveil template find NAME --image FILE --features …",
        frames,
    )
    _log.info("looking for %s in the first frames", ", ".join(absent))
    found = find_templates(known.select(absent), looked_at, finder, extractor)
    for item in found:
        _log.info("%s: at %g,%g of frame %d (%.2f)", item.template.name, *item.point, item.frame, item.similarity)
    new = {item.template.name: item.template for item in found}
    missing = [name for name in absent if name not in new]
    chosen = [new.get(name) or fitting[name] for name in names if name not in missing]
    if missing and (strict or not chosen):
        raise not_found(missing, strict=strict)
    return Choice(tuple(chosen), tuple(found), looked_at, tuple(missing))


def _frames_for(purpose: str, remedy: str, frames: Frames | UInt8Array | None) -> UInt8Array:
    found = frames() if callable(frames) else frames
    if found is None:
        raise OptionError(f"{purpose} needs a file that can be read twice (in Python, pass frames=); {remedy}")
    return found


def choose_region(
    where: Where,
    preset: Preset,
    extractor: Callable[[], FeatureExtractor],
    *,
    library: TemplateLibrary | None = None,
    frames: Frames | UInt8Array | None = None,
    skip: int = 0,
    whole: bool = True,
    on_doubt: Callable[[Doubt], None] | None = None,
) -> tuple[Region, Choice]:
    """Build the region described by `where`. Returns it with the templates that were chosen for it.

    If the preset covers whole frames, what `where` selects is the figure in them, even with its `whole_frame`.

    Args:
        where: What to hide.
        preset: The preset.
        extractor: Returns the feature extractor; called only if something has to be detected.
        library: See `choose_templates`.
        frames: See `choose_templates`.
        skip: See `regions.MaskVideo`.
        whole: See `regions.MaskVideo`.
        on_doubt: See `regions.TemplateSaliency`.

    Raises:
        MotionveilError: As `choose_templates` and `regions.MaskVideo`.
    """
    choice, found = Choice(()), None
    if preset.covers_all and where.whole_frame and (where.hide or where.areas or where.masks):
        where = replace(where, whole_frame=False)
    if where.needs_templates:
        choice = choose_templates(where.hide, extractor(), library=library, frames=frames, strict=preset.strict)
        found = TemplateSaliency(extractor(), choice.templates, coverage=preset.coverage, on_doubt=on_doubt)
    for area in where.areas:
        if on_doubt is not None and isinstance(area, MovingShape):
            for doubt in area.told():
                on_doubt(doubt)
    everyone, heads = _people(found, preset, extractor) if where.keep else (None, None)
    return where.region(found, everyone, heads, on_ground=preset.covers_all, skip=skip, whole=whole), choice


def _people(
    found: TemplateSaliency | None, preset: Preset, extractor: Callable[[], FeatureExtractor]
) -> tuple[TemplateSaliency, TemplateSaliency]:
    """The regions of all people and of all heads, for following one person; always with the embedded encoder."""
    secure = PRESETS["secure"]
    coverage = preset.coverage if preset.strict else secure.coverage
    seer = extractor() if preset.features == secure.features else Networks(secure).extractor()
    known = built_in_library().made_with(seer.fingerprint)
    everyone = TemplateSaliency(seer, known.select("person"), coverage=coverage)
    if found is not None and found.extractor is seer and found.coverage == coverage:
        same = {template.name for template in found.templates} == {template.name for template in everyone.templates}
        # The same object is streamed only once.
        everyone = found if same else everyone
    return everyone, TemplateSaliency(seer, known.select("head"), coverage=coverage)


def build_obfuscator(
    *,
    hide: str | Sequence[str] | None = None,
    where: Where | None = None,
    preset: str | Preset = "secure",
    library: TemplateLibrary | None = None,
    extractor: FeatureExtractor | None = None,
    flow: FlowEstimator | None = None,
    seed: int | None = None,
    still: bool = False,
    frames: Frames | UInt8Array | None = None,
) -> Selective:
    """Build the selective method of a preset. The result can be used for any number of videos.

    Args:
        hide: Names of templates and groups, see `templates.GROUPS`. Default: 'person'.
        where: A complete description of the regions, instead of `hide`.
        preset: Name of a preset, or a preset of your own.
        library: Templates to choose from. Default: those of `default_library`.
        extractor: Feature extractor. Default: the preset's.
        flow: Optical flow estimator. Default: the preset's.
        seed: For experiments only. By default, noise is drawn from the operating system's entropy, and no seed is kept.
        still: Use the settings for single images.
        frames: Frames in which to find templates that the extractor lacks, (T, H, W, 3) uint8 RGB, or a function that
            returns them.
    """
    networks = Networks(preset)
    region, _ = choose_region(
        where_of(hide, where),
        networks.preset,
        lambda: extractor or networks.extractor(still=still, frames=frames),
        library=library,
        frames=frames,
    )
    return assemble(networks.preset, region, flow or networks.flow, seed=seed, frames=frames)


def where_of(hide: str | Sequence[str] | None, where: Where | None) -> Where:
    """Return `where`, or a description of `hide` alone. Raises OptionError if both are given."""
    if where is not None and hide is not None:
        raise OptionError("give either hide or where; where includes names to hide")
    return where or Where(hide=DEFAULT_HIDE if hide is None else hide)


def assemble(
    preset: Preset,
    region: Region,
    flow: FlowEstimator,
    *,
    seed: int | None = None,
    frames: Frames | UInt8Array | None = None,
) -> Selective:
    """Build the method of a preset from existing parts."""
    check_filler_options(preset.filler, preset.filler_options)
    filler = make_filler(preset.filler, seed=seed, frames=frames, **preset.filler_options)
    return Selective(region, filler, flow)


def check_filler_options(name: str, options: Mapping[str, object]) -> None:
    """Raise OptionError for filler options that are set elsewhere, unknown or unusable."""
    if taken := sorted({"seed", "frames"} & set(options)):
        remedy = "set it as the `seed` of the run" if "seed" in taken else "omit it"
        raise OptionError(f"{taken[0]} is not an option of the filler {name} here; {remedy}")
    given: dict[str, Any] = {key: value for key, value in options.items() if value != "video"}
    make_filler(name, **given)

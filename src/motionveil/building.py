"""From settings to an obfuscator: networks are loaded, templates are chosen or found."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from .errors import OptionError, TemplateError
from .features import FEATURE_EXTRACTORS, FeatureExtractor, PartsEncoder
from .fillers import MotionNoise
from .flow import FLOW_ESTIMATORS, FlowEstimator
from .noise import measure_statistics
from .obfuscators import Selective
from .presets import Preset, get_preset
from .regions import TemplateSaliency
from .templates import Template, TemplateLibrary, default_library
from .transfer import Found, check_found, find_templates
from .types import UInt8Array

DEFAULT_HIDE = ("person",)
_log = logging.getLogger(__name__)

Frames = Callable[[], UInt8Array]
"""Gives some frames (T, H, W, 3) of a source, spread over its first seconds."""


class Networks:
    """The extractor and the flow estimator of a preset: loaded when first needed, then kept for more videos."""

    def __init__(self, preset: str | Preset = "secure") -> None:
        self.preset = get_preset(preset) if isinstance(preset, str) else preset
        self._extractors: dict[bool, FeatureExtractor] = {}

    def extractor(self, *, still: bool = False, frames: Frames | None = None) -> FeatureExtractor:
        """The extractor, for videos or for single pictures. frames: for precision='int8'.

        Raises OptionError where there is no extractor of the preset's name, or it does not take an option.
        """
        if still not in self._extractors:
            settings = self.preset.for_still() if still else self.preset
            options = dict(settings.feature_options)
            if settings.features == "parts" and not still:
                # In a video the other stages need the other half of the processors.
                options.setdefault("threads", max(1, (os.cpu_count() or 2) // 2))
            if options.get("precision") == "int8" and "examples" not in options:
                options["examples"] = _frames_for("measuring 8-bit integers", frames)
            self._extractors[still] = make_extractor(settings.features, **options)
        return self._extractors[still]

    @cached_property
    def flow(self) -> FlowEstimator:
        """The flow estimator. Raises OptionError where there is none of the preset's name."""
        if self.preset.flow not in FLOW_ESTIMATORS:
            raise OptionError(f"no flow {self.preset.flow!r}; choose from {', '.join(FLOW_ESTIMATORS)}")
        return FLOW_ESTIMATORS[self.preset.flow](**self.preset.flow_options)


def make_extractor(name: str, **options: object) -> FeatureExtractor:
    """An extractor from the table by name. Raises OptionError for an unknown name or option."""
    if name not in FEATURE_EXTRACTORS:
        raise OptionError(f"no features {name!r}; choose from {', '.join(FEATURE_EXTRACTORS)}")
    try:
        return FEATURE_EXTRACTORS[name](**options)
    except TypeError as error:
        unknown = str(error).rsplit(" ", 1)[-1].strip("'")
        raise OptionError(f"the features {name} have no option {unknown}; leave it out, or choose others") from error


@dataclass(frozen=True)
class Choice:
    """Templates that fit an extractor. found: those that were found in the frames. missing: names that were not."""

    templates: tuple[Template, ...]
    found: tuple[Found, ...] = ()
    frames: UInt8Array | None = None
    missing: tuple[str, ...] = ()


def choose_templates(
    hide: str | Sequence[str],
    extractor: FeatureExtractor,
    *,
    library: TemplateLibrary | None = None,
    frames: Frames | None = None,
) -> Choice:
    """The templates of these names or groups for an extractor.

    Those that were never made with it are looked for in `frames` by the embedded encoder; what is not there is left
    out.
    Raises TemplateError for an unknown name, and where nothing can be found.
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
                f"make it again with these features: motionveil template add {name} --image IMAGE --point X,Y"
            )
    looked_at = _frames_for(f"finding {', '.join(absent)}", frames)
    _log.info("looking for %s in the first frames", ", ".join(absent))
    found = find_templates(known.select(absent), looked_at, finder, extractor)
    for item in found:
        _log.info("%s: at %g,%g of frame %d (%.2f)", item.template.name, *item.point, item.frame, item.similarity)
    missing = check_found(absent, found)
    new = {item.template.name: item.template for item in found}
    chosen = [new.get(name) or fitting[name] for name in names if name not in missing]
    return Choice(tuple(chosen), tuple(found), looked_at, tuple(missing))


def _frames_for(purpose: str, frames: Frames | None) -> UInt8Array:
    if frames is None:
        raise TemplateError(
            f"{purpose} for these features needs frames of a file; make the templates first, with: "
            "motionveil template find NAME --image FILE"
        )
    return frames()


def build_obfuscator(
    *,
    hide: str | Sequence[str] = DEFAULT_HIDE,
    preset: str | Preset = "secure",
    library: TemplateLibrary | None = None,
    extractor: FeatureExtractor | None = None,
    flow: FlowEstimator | None = None,
    seed: int | None = None,
    still: bool = False,
    frames: Frames | None = None,
) -> Selective:
    """The selective method of a preset, ready for any number of videos.

    hide: names of templates and groups, see `templates.GROUPS`. extractor, flow: default those of the preset.
    seed: for experiments only; the default draws from the operating system and keeps nothing.
    still: the settings for single pictures. frames: where templates are found that the extractor does not have yet.
    """
    networks = Networks(preset)
    extractor = extractor or networks.extractor(still=still, frames=frames)
    templates = choose_templates(hide, extractor, library=library, frames=frames).templates
    return assemble(networks.preset, extractor, templates, flow or networks.flow, seed=seed, frames=frames)


def assemble(
    preset: Preset,
    extractor: FeatureExtractor,
    templates: Sequence[Template],
    flow: FlowEstimator,
    *,
    seed: int | None = None,
    frames: Frames | None = None,
) -> Selective:
    """The method of a preset from parts that are there."""
    statistics = preset.statistics or measure_statistics(_frames_for("measuring the noise's statistics", frames))
    return Selective(
        TemplateSaliency(extractor, templates, coverage=preset.coverage),
        MotionNoise(transport=preset.transport, grain=preset.grain, statistics=statistics, seed=seed),
        flow,
    )

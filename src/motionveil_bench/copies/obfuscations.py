"""The obfuscations that tables compare, by the names that results carry, and those of an experiment's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from motionveil import ops
from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, Float32Array, UInt8Array
from motionveil.detection.templates import TemplateLibrary, built_in_library
from motionveil.fillers import Filler
from motionveil.flow import FlowEstimator
from motionveil.models.weights import WEIGHTS
from motionveil.obfuscation.factory import Frames, Networks, assemble, choose_region
from motionveil.obfuscation.obfuscators import Selective
from motionveil.obfuscation.presets import PRESETS, Preset
from motionveil.regions import Inverse, Region, Where, WholeFrame

from ..datasets.published import base_name
from .libraries import check_hidden

ORIGINAL = "original"
SCENE_ALONE = "scene_alone"
PERSON_REMOVED = "person_removed"
SILHOUETTE = "silhouette"
FLOW_WEIGHTS = tuple(name for name, weights in WEIGHTS.items() if weights.network.startswith("raft"))
"""Weights of RAFT, by name."""
TEMPLATE = "template_"
"""`template_hair` hides hair alone, as Fig. 5 of Ilic et al. does."""


class Silhouette(Filler):
    """White where a region is, black elsewhere: what shape and its motion tell, and nothing else."""

    independent = True

    def __init__(self, region: Region) -> None:
        self.region = region

    def __repr__(self) -> str:
        return f"Silhouette({self.region!r})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """Frames of white on black."""
        for opacity in self.region.stream(clips):
            shape = np.where(ops.to_host(opacity)[..., None] >= 0.5, 255, 0).astype(np.uint8)
            yield np.repeat(shape, 3, axis=-1)


class Throughout:
    """All places that are ever in a region, in every frame: an outline that neither moves nor tells a shape.

    Reads a whole video before its first frame: for clips.
    """

    def __init__(self, region: Region) -> None:
        self.region = region

    def __repr__(self) -> str:
        return f"Throughout({self.region!r})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of every clip, the same in all frames."""
        lengths: list[int] = []
        union: Float32Array | None = None
        for opacity in self.region.stream(clips):
            highest = ops.to_host(opacity).max(0)
            union = highest if union is None else np.maximum(union, highest)
            lengths.append(len(opacity))
        for length in lengths:
            assert union is not None
            yield np.repeat(union[None], length, 0)


class _Still(FlowEstimator):
    """Says that nothing moves."""

    def prepare(self, frame: UInt8Array) -> None:
        return None

    def between(self, source: None, target: None) -> Float32Array:
        return np.zeros((1, 1, 2), np.float32)


@dataclass(frozen=True)
class Obfuscation:
    """One line of the table: what is replaced, and how.

    silhouette: draw the region white on black instead of filling it. throughout: fill all places of a clip that are
    ever in the region, in all frames.
    """

    preset: Preset
    where: Where
    silhouette: bool = False
    throughout: bool = False

    def as_record(self) -> dict[str, Any]:
        """All settings, as JSON can hold them."""
        return {
            "preset": self.preset.as_record(),
            "where": self.where.as_record(),
            **{name: True for name in ("silhouette", "throughout") if getattr(self, name)},
        }

    def with_networks_at_hand(self, substitutes: Mapping[str, str]) -> Obfuscation:
        """The same with other networks in the place of those whose weights are missing, by their names; or with other
        weights for a flow estimator, by a name of `FLOW_WEIGHTS`."""
        preset = self.preset
        if preset.features in substitutes:
            preset = preset.with_features(substitutes[preset.features])
        other = substitutes.get(preset.flow, preset.flow)
        if other in FLOW_WEIGHTS:
            preset = preset.with_flow(preset.flow, weights=other)
        elif other != preset.flow:
            preset = replace(preset, flow=other, flow_options={})
        return replace(self, preset=preset)

    def for_dataset(self, dataset: str) -> Obfuscation:
        """The same with the templates that Ilic et al. chose for a dataset, where they did and this is theirs."""
        return replace(self, where=_IPN) if self.where == _KTH and base_name(dataset) == "ipn" else self

    @property
    def made_from(self) -> tuple[str, ...]:
        """Nothing that the settings do not tell."""
        return ()

    @property
    def looks(self) -> bool:
        """Whether it needs a network that finds something."""
        return self.where.needs_templates

    def networks(self) -> Networks:
        """What it looks with, loaded when it is first needed, for any number of videos."""
        return Networks(self.preset)

    def make(
        self,
        networks: Networks,
        frames: Frames,
        library: TemplateLibrary | None = None,
        masks: Sequence[Path] = (),
    ) -> Selective:
        """The method for one source. frames: its first ones. library: templates, default the built-in ones. masks: of
        this source, for one that has them (see `selections.Selection`).

        A part for which the library has no template of these networks, as it was seen nowhere, stays as it is; presets
        that protect refuse that. Raises WeightsError where weights are missing, TemplateError for unknown templates.
        """
        library = library or built_in_library()
        extractor = partial(networks.extractor, frames=frames)
        hide = self.where.hide
        if self.where.needs_templates and not self.preset.strict:
            hide = _without_unseen(library.names(hide), library, extractor().fingerprint)
        if hide or not self.where.needs_templates or masks:
            where = replace(self.where, hide=hide, masks=tuple(masks))
            region, _ = choose_region(where, self.preset, extractor, library=library, frames=frames)
        else:
            region = Inverse(WholeFrame())
        if self.throughout:
            region = Throughout(region)
        if self.silhouette:
            return Selective(WholeFrame(), Silhouette(region), networks.flow)
        if self.where.whole_frame and self.preset.filler != "motion_noise":
            return assemble(self.preset, region, _Still())  # nothing here depends on motion
        return assemble(self.preset, region, networks.flow, frames=frames)


def _without_unseen(names: Sequence[str], library: TemplateLibrary, fingerprint: str) -> tuple[str, ...]:
    """The names without those that have a built-in template, but none that was found for an extractor."""
    built_in, fitting = built_in_library(), library.made_with(fingerprint)
    return tuple(name for name in names if name in fitting or name not in built_in)


def _secure(filler: str, **options: Any) -> Preset:
    return replace(PRESETS["secure"], name=f"secure, {filler}").with_filler(filler, **options)


_PERSON = Where(hide=("person",))
_FACE = Where(hide=("face",))
_WHOLE = Where(hide=(), whole_frame=True)
_KTH, _IPN = Where(hide=("kth",)), Where(hide=("ipn",))
"""The selections of Ilic et al.: for KTH and SBU, and for IPN."""
_SECURE = PRESETS["secure"]
_WIDE = replace(_SECURE.coverage, thresholds=(0.15, 0.3), margin=0.04)
"""Finds more than `secure` does, and a wide margin around it: nothing of a person may be left."""

OBFUSCATIONS: dict[str, Obfuscation] = {
    # Ilic et al., Sec. 4.1: whole frames, and people in the mean colour of what they cover.
    "blur_weak": Obfuscation(_secure("blur_weak"), _WHOLE),
    "blur_strong": Obfuscation(_secure("blur_strong"), _WHOLE),
    "pixelate_4": Obfuscation(_secure("pixelate_4"), _WHOLE),
    "pixelate_16": Obfuscation(_secure("pixelate_16"), _WHOLE),
    "mean_fill": Obfuscation(_secure("mean_fill"), _PERSON),
    # Other fillings of the same people.
    "solid": Obfuscation(_secure("solid"), _PERSON),
    "inpaint": Obfuscation(_secure("inpaint"), _PERSON),
    "person_blur": Obfuscation(_secure("blur_strong"), _PERSON),
    "person_pixelate": Obfuscation(_secure("pixelate_16"), _PERSON),
    # The empirical obfuscations that learned ones are compared with (Wu et al., TPAMI 2020; Dave et al., CVPR 2022):
    # people or faces in black, faces blurred, and small copies of whole frames, of 112 pixels halved so often.
    "person_black": Obfuscation(_secure("solid", colour="#000000"), _PERSON),
    "face_black": Obfuscation(_secure("solid", colour="#000000"), _FACE),
    "face_blur": Obfuscation(_secure("blur_strong"), _FACE),
    "downsample_2": Obfuscation(_secure("resample", short_side=56), _WHOLE),
    "downsample_4": Obfuscation(_secure("resample", short_side=28), _WHOLE),
    "downsample_8": Obfuscation(_secure("resample", short_side=14), _WHOLE),
    "downsample_16": Obfuscation(_secure("resample", short_side=7), _WHOLE),
    # Whole frames of noise: appearance-free video (Ilic et al., ECCV 2022), and what has no motion in it.
    "motion_noise": Obfuscation(_secure("motion_noise"), _WHOLE),
    "iid_noise": Obfuscation(_secure("iid_noise"), _WHOLE),
    "static_noise": Obfuscation(_secure("static_noise"), _WHOLE),
    # The presets, and Fig. 8: the same with noise that is new in every frame.
    "secure": Obfuscation(_SECURE, _PERSON),
    "secure_calm": Obfuscation(_secure("motion_noise", statistics="kinetics"), _PERSON),
    "figure_ground": Obfuscation(PRESETS["figure_ground"], _PERSON),
    "figure_ground_plain": Obfuscation(
        replace(PRESETS["figure_ground"], name="figure_ground, plain").with_filler("figure_and_ground", light=False),
        _PERSON),
    "secure_iid": Obfuscation(_secure("iid_noise", grain=1.0, statistics="wide"), _PERSON),
    "paper": Obfuscation(PRESETS["paper"], _KTH),
    "paper_max": Obfuscation(
        replace(PRESETS["paper"], name="paper, max", coverage=replace(PRESETS["paper"].coverage, combine="max")), _KTH),
    "paper_iid": Obfuscation(PRESETS["paper"].with_filler("iid_noise", grain=1.0, statistics="kinetics"), _KTH),
    "paper_fast": Obfuscation(PRESETS["paper_fast"], _KTH),
    # What is left to tell people by: the place, where anybody ever is cut out of all frames; the place and outlines
    # that move, where people are cut out of each frame with a wide margin; and shape alone.
    SCENE_ALONE: Obfuscation(replace(_secure("solid"), coverage=_WIDE), _PERSON, throughout=True),
    PERSON_REMOVED: Obfuscation(replace(_secure("solid"), coverage=_WIDE), _PERSON),
    SILHOUETTE: Obfuscation(_SECURE, _PERSON, silhouette=True),
}  # fmt: skip
"""Obfuscations by name; `original` is none, and `template_<name>` hides one template with the preset `paper`."""


def get_obfuscation(
    name: str,
    substitutes: Mapping[str, str] | None = None,
    *,
    dataset: str = "",
    library: TemplateLibrary | None = None,
) -> Obfuscation | None:
    """The obfuscation of this name, None for `original`.

    substitutes: see `Obfuscation.with_networks_at_hand`. dataset: see `Obfuscation.for_dataset`. library: the templates
    that `template_NAME` may name, default the built-in ones. Raises OptionError where there is none.
    """
    if name == ORIGINAL:
        return None
    if name.startswith(TEMPLATE):
        found = Obfuscation(PRESETS["paper"], Where(hide=(name.removeprefix(TEMPLATE),)))
        check_hidden(found.where.hide, library or built_in_library())
    elif name in OBFUSCATIONS:
        found = OBFUSCATIONS[name]
    else:
        raise OptionError(f"no obfuscation {name!r}; choose from {ORIGINAL}, {', '.join(OBFUSCATIONS)}, {TEMPLATE}NAME")
    return found.with_networks_at_hand(substitutes or {}).for_dataset(dataset)


def check_names(**tables: Collection[str]) -> None:
    """Raise OptionError for a name that cannot name a folder, or that another obfuscation has. tables: the names of an
    experiment's own obfuscations, by what their tables are called."""
    seen: set[str] = set()
    for table, names in tables.items():
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name):
                raise OptionError(f"[{table}.{name}] cannot be named so; use letters, digits, - and _")
            if name in (ORIGINAL, *OBFUSCATIONS, *seen) or name.startswith(TEMPLATE):
                raise OptionError(f"[{table}.{name}] has the name of another obfuscation; choose another name")
            seen.add(name)

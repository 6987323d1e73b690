"""The method that made an output, recreated for attacks that are allowed to know it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Self

from .._core.atomic_files import read_small_text
from .._core.errors import OptionError
from .._core.types import Clip
from ..detection.templates import TemplateLibrary, default_library
from ..obfuscation.factory import Networks, assemble, make_filler
from ..obfuscation.presets import Preset
from ..outputs.output_paths import side_paths
from ..outputs.run_manifest import file_digest
from ..pipeline.obfuscation import region_for
from ..pipeline.runner import Window, first_frames
from ..regions import Doubt, Where
from .footage import Remake


@dataclass(frozen=True)
class KnownMethod:
    """How an output was made: settings, regions, and the part of the original.

    Attributes:
        seeded: Whether anybody knows the seed of its noise.
        told: Whether this is from a run manifest, which names files without their folders.
        doubts: Moments at which the method missed somebody.
        library: Where the templates of `where` come from; None: those of `default_library`.
    """

    preset: Preset
    where: Where
    window: Window = field(default_factory=Window)
    seeded: bool = False
    told: bool = False
    doubts: tuple[Doubt, ...] = ()
    library: TemplateLibrary | None = None

    @classmethod
    def of(cls, output: str | Path) -> Self | None:
        """Read the run manifest beside an output; None if there is none, it is invalid, or it belongs to another file.

        Manifests may come from untrusted sources: they cannot refer to files elsewhere, and the worst they can do is
        to be rejected.
        """
        path = side_paths(output, preview=False, record=True).record
        try:
            record = json.loads(read_small_text(path)) if path is not None else None
            if record is None or record["output"]["sha256"] != file_digest(Path(output)):
                return None
            return replace(cls._from(record["settings"]), doubts=_doubts_of(record.get("doubts", ())))
        except Exception:
            return None

    @classmethod
    def _from(cls, settings: Mapping[str, Any]) -> Self:
        made, window = settings["method"], settings["window"]
        size = window["size"]
        preset, where = Preset.from_record(made["preset"]), Where.from_record(made["where"])
        for name in _files_of(preset, where):
            if Path(name).name != name or "://" in name:
                raise OptionError(f"invalid file name {name!r} in the manifest")
        start, end = (None if window[key] is None else float(window[key]) for key in ("start", "end"))
        rate = Fraction(window["image_rate"]).limit_denominator(100_000)
        given = str(settings["seed"]).startswith("given")
        method = cls(
            preset, where, Window(start, end, tuple(size) if isinstance(size, list) else size, rate), given, told=True
        )
        # What cannot be recreated is not accepted either.
        make_filler(preset.filler, **{k: v for k, v in preset.filler_options.items() if v != "video"})
        _ = method.attributes
        return method

    @property
    def attributes(self) -> frozenset[str]:
        """Names of the templates that were to be hidden."""
        library = self.library or default_library()
        return frozenset(library.names(self.where.hide) if self.where.needs_templates else ())

    @property
    def spares(self) -> bool:
        """Whether parts of what its names refer to were to stay visible, which the audit cannot distinguish."""
        where = self.where
        return bool(
            where.inverse or where.only_in or where.except_areas or where.except_masks or where.keep or where.leave_out
        )

    def remake(self, original: str | Path) -> Remake:
        """The method for this original, by seed. Raises MotionveilError if it cannot be recreated."""
        if self.told and (self.where.masks or self.where.except_masks):
            raise OptionError("the manifest of the output does not contain its masks")
        networks = Networks(self.preset)
        with self.window.open(original) as reader:
            info = reader.info
        frames = lru_cache(partial(first_frames, original, self.window))
        whole = self.window.end is None
        region, flow, _ = region_for(networks, info, self.where, self.library, frames=frames, whole=whole)
        return lambda seed: assemble(self.preset, region, flow, seed=seed, frames=frames)

    def for_others(self) -> KnownMethod:
        """A copy for other videos, without positions in this one."""
        elsewhere = Where(hide=self.where.hide or ("person",), strength=self.where.strength)
        if self.where.whole_frame:
            elsewhere = replace(elsewhere, whole_frame=True)
        return replace(self, where=elsewhere, window=Window(size=self.window.size, image_rate=self.window.image_rate))


def _doubts_of(told: Sequence[Mapping[str, Any]]) -> tuple[Doubt, ...]:
    """The doubts in a manifest; limited in number, with finite values only, as manifests are not trusted."""
    return tuple(
        Doubt(Fraction(float(each["time"])).limit_denominator(100_000), (*map(int, each["box"]),))  # type: ignore[arg-type]
        for each in list(told)[:_MOST_DOUBTS]
        if len(each["box"]) == 4
    )


_MOST_DOUBTS = 1000


def _files_of(preset: Preset, where: Where) -> list[str]:
    options = (preset.feature_options, preset.still_options, preset.flow_options, preset.filler_options)
    weights = [str(chosen["weights"]) for chosen in options if chosen.get("weights") is not None]
    return [*weights, *(str(path) for path in (*where.masks, *where.except_masks))]


def clips_of(source: str | Path, window: Window) -> Callable[[], Iterable[Clip]]:
    """Returns a function that reads the clips of a source from its start."""

    def read() -> Iterable[Clip]:
        with window.open(source) as reader:
            yield from reader

    return read

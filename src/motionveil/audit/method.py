"""The method that made an output, made once more: what attackers may know of it, they are given."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Self

from ..building import Networks, assemble, choose_region
from ..errors import MotionveilError
from ..pipeline import Window, first_frames
from ..places import side_paths
from ..presets import Preset
from ..record import file_digest
from ..regions import Where
from ..templates import default_library
from ..types import Clip
from .footage import Remake


@dataclass(frozen=True)
class Method:
    """How an output was made: with which settings, where, and of which part of the original."""

    preset: Preset
    where: Where
    window: Window = field(default_factory=Window)

    @classmethod
    def of(cls, output: str | Path) -> Self | None:
        """What the record beside an output says; None where there is none, or it belongs to another file."""
        path = side_paths(output, preview=False, record=True).record
        try:
            record = json.loads(path.read_text()) if path is not None else None
            if record is None or record["output"]["sha256"] != file_digest(Path(output)):
                return None
            return cls._from(record["settings"])
        except (OSError, ValueError, KeyError, TypeError, MotionveilError):
            return None

    @classmethod
    def _from(cls, settings: Mapping[str, Any]) -> Self:
        window = settings["window"]
        size = window["size"]
        return cls(
            Preset.from_record(settings["method"]["preset"]),
            Where.from_record(settings["method"]["where"]),
            Window(window["start"], window["end"], tuple(size) if isinstance(size, list) else size),
        )

    @property
    def attributes(self) -> frozenset[str]:
        """Names of the templates that were to be hidden."""
        return frozenset(default_library().names(self.where.hide) if self.where.hide else ())

    def remake(self, original: str | Path) -> Remake:
        """The method for this original, by seed. Raises what `choose_region` raises."""
        frames = lru_cache(partial(first_frames, original, self.window))
        networks = Networks(self.preset)
        region, _ = choose_region(self.where, self.preset, partial(networks.extractor, frames=frames), frames=frames)
        return lambda seed: assemble(self.preset, region, networks.flow, seed=seed, frames=frames)

    def for_others(self) -> Method:
        """The same for other videos: what names places of this one is left out."""
        elsewhere = replace(
            self.where, masks=(), except_masks=(), areas=(), except_areas=(), only_in=(), keep=(), inverse=False
        )
        hide = elsewhere.hide or ("person",)
        return replace(self, where=replace(elsewhere, hide=hide), window=Window(size=self.window.size))


def clips_of(source: str | Path, window: Window) -> Callable[[], Iterable[Clip]]:
    """Gives the clips of a source from its start, as often as it is called."""

    def read() -> Iterable[Clip]:
        with window.open(source) as reader:
            yield from reader

    return read

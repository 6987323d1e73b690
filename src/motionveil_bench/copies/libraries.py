"""The templates of a dataset: those of one file, or, for networks without templates of their own, found once in many of
its videos."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from filelock import FileLock

from motionveil._core.errors import OptionError, TemplateError
from motionveil._core.types import UInt8Array
from motionveil.detection.features import FeatureExtractor, PartsEncoder
from motionveil.detection.template_transfer import find_templates
from motionveil.detection.templates import TemplateLibrary, built_in_library
from motionveil.pipeline.runner import Window, first_frames

from ..results import hash_of

_MOST_VIDEOS, _FRAMES_OF_EACH, _SECONDS = 24, 4, 20.0
_VERSION = 1
"""To be raised when the same videos would give other templates."""
_log = logging.getLogger("motionveil.bench")


_built_in = lru_cache(1)(built_in_library)  # asked for every video


def read_library(file: str | Path | None = None) -> TemplateLibrary:
    """The built-in templates, and those of a file, which replace them. Raises TemplateError for what is no library."""
    return built_in_library().with_templates(TemplateLibrary.load(file) if file else ())


def check_hidden(names: Sequence[str], library: TemplateLibrary) -> None:
    """Raise OptionError for a name that is no template or group of this library."""
    try:
        library.names(names)
    except TemplateError as error:
        raise OptionError(
            f"{error}; a library that holds it is named by templates = FILE in the experiment, or by --templates FILE"
        ) from error


def spread(sources: Sequence[str], most: int = _MOST_VIDEOS) -> tuple[str, ...]:
    """At most so many of some sources, evenly."""
    count = min(most, len(sources))
    return tuple(sources[round(place * (len(sources) - 1) / max(1, count - 1))] for place in range(count))


def with_found(library: TemplateLibrary, extractor: FeatureExtractor, frames: Sequence[UInt8Array]) -> TemplateLibrary:
    """A library with templates for an extractor that has none of its own, as far as parts are seen in some frames.

    frames: (H, W, 3) uint8 RGB, of any sizes.
    """
    finder = PartsEncoder(short_side=768, levels=3)
    known = library.made_with(finder.fingerprint)
    absent = [template for template in known if template.name not in library.made_with(extractor.fingerprint)]
    found = find_templates(absent, frames, finder, extractor) if absent else []
    return library.with_templates(each.template for each in found)


@dataclass
class Libraries:
    """The templates of one dataset, the same for all of its videos.

    own: those of `read_library`. folder: where those that were found are kept, for all processes.
    """

    own: TemplateLibrary
    folder: Path
    _ready: dict[str, TemplateLibrary] = field(default_factory=dict)

    def told(self, hide: Sequence[str]) -> list[list[str]]:
        """What is special about the templates of these names, for hashes; nothing where all are built in."""
        if not hide:
            return []
        built_in = {(t.name, t.fingerprint): t.vector.tobytes() for t in _built_in()}
        names = self.own.names(hide)
        return sorted(
            [t.name, t.fingerprint, hash_of(t.vector.tobytes().hex())]
            for t in self.own
            if t.name in names and built_in.get((t.name, t.fingerprint)) != t.vector.tobytes()
        )

    def to_be_found(self, hide: Sequence[str], features: str) -> bool:
        """Whether videos have to be looked at for templates of these names: other networks lack the built-in ones."""
        if features == "parts" or not hide:
            return False
        built_in = {template.fingerprint for template in _built_in()}
        given = {template.name for template in self.own if template.fingerprint not in built_in}
        return not given.issuperset(self.own.names(hide))

    def found(self, extractor: FeatureExtractor, videos: Sequence[Path], contents: Sequence[str]) -> TemplateLibrary:
        """The library with what was found in some videos; looked for once. contents: digests of the videos."""
        key = hash_of([_VERSION, extractor.fingerprint, *contents, *self.told(["all"])])
        if key not in self._ready:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{key}.safetensors"
            with FileLock(path.with_name(f".{path.name}.lock")):
                if not path.exists():
                    self._find(extractor, videos).save(path)
            self._ready[key] = self.own.with_templates(TemplateLibrary.load(path))
        return self._ready[key]

    def _find(self, extractor: FeatureExtractor, videos: Sequence[Path]) -> TemplateLibrary:
        _log.info("looking for templates in %d videos, once for all", len(videos))
        frames: list[UInt8Array] = []
        for video in videos:
            frames += list(_frames_of(video))
        library = with_found(self.own, extractor, frames).made_with(extractor.fingerprint)
        if missing := [name for name in built_in_library().names("all") if name not in library]:
            _log.warning("%s: found in none of %d videos, so that nothing hides it", ", ".join(missing), len(videos))
        return library


def _frames_of(video: Path) -> Sequence[UInt8Array]:
    """A few frames from all over the beginning of a video, where at first nobody may be."""
    frames = first_frames(video, Window(), seconds=_SECONDS, count=_FRAMES_OF_EACH)
    return () if frames is None else tuple(frames)

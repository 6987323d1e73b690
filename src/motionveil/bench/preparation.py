"""Obfuscated copies of a dataset's sources, made once by the tool itself and kept by what they were made of."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from ..building import Networks
from ..errors import InputError
from ..obfuscators import Selective
from ..pipeline import obfuscate_video
from ..record import file_digest
from ..video import IMAGE_SUFFIXES, images_matching, is_pattern
from .obfuscations import Obfuscation, get_obfuscation
from .results import hash_of

_log = logging.getLogger(__name__)
VERSION = 1
"""To be raised when the same settings would make other pictures: older copies are then made again."""


class Preparation:
    """Where the sources of a dataset lie, original or obfuscated.

    root: of the originals. cache: folder for obfuscated copies, shared by all experiments; several processes may fill
    it at once. substitutes: see `Obfuscation.with_networks_at_hand`.
    """

    def __init__(self, root: Path, cache: Path, *, substitutes: Mapping[str, str] | None = None) -> None:
        self.root = root
        self.cache = cache
        self.substitutes = dict(substitutes or {})
        self._methods: dict[str, Selective] = {}
        self._digests: dict[str, str] = {}

    def is_ready(self, source: str, obfuscator: str) -> bool:
        """Whether the copy is there."""
        return self.place(source, obfuscator).exists()

    def place(self, source: str, obfuscator: str) -> Path:
        """Where a source lies, or its copy will. Raises InputError where the source is missing."""
        path = self.root / source
        if not (images_matching(str(path)) if is_pattern(path) else path.exists()):
            raise InputError(f"{path} is missing; see what else is with: motionveil bench data check")
        obfuscation = get_obfuscation(obfuscator, self.substitutes)
        if obfuscation is None:
            return path
        key = hash_of([VERSION, self._digest(source), obfuscation.as_record()])
        if is_pattern(path):  # the colour frames of a folder that holds others too
            return self.cache / obfuscator / f"{path.parent.name}-{key}.mp4"
        suffix = ".png" if path.suffix.lower() in IMAGE_SUFFIXES else ".mp4"
        return self.cache / obfuscator / f"{path.stem}-{key}{suffix}"

    def prepare(self, source: str, obfuscator: str) -> Path:
        """The path of a source as this obfuscator shows it; the copy is made where it is not there yet."""
        place = self.place(source, obfuscator)
        if place.exists() or is_pattern(place):
            return place
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(place.with_name(f".{place.name}.lock")):
            if not place.exists():  # another process may have made it meanwhile
                method = self.method(obfuscator)
                obfuscate_video(self.root / source, place, obfuscator=method)
        return place

    def method(self, obfuscator: str) -> Selective:
        """The obfuscator itself; the last one is kept. Raises as `Obfuscation.make` does."""
        if obfuscator not in self._methods:
            found = get_obfuscation(obfuscator, self.substitutes)
            assert isinstance(found, Obfuscation)
            _log.info("obfuscating with %s", obfuscator)
            self._methods = {obfuscator: found.make(Networks(found.preset))}  # one at a time: they hold networks
        return self._methods[obfuscator]

    def _digest(self, source: str) -> str:
        """sha256 of a file, or of the names and contents of the frames of a folder or pattern."""
        if source not in self._digests:
            path = self.root / source
            whole = hashlib.sha256()
            files = [path]
            if path.is_dir() or is_pattern(path):
                files = sorted(path.iterdir()) if path.is_dir() else images_matching(str(path))
            for file in files:
                whole.update(f"{file.name if file != path else ''} {file_digest(file)}\n".encode())
            self._digests[source] = whole.hexdigest()
        return self._digests[source]

"""Obfuscated copies of a dataset's sources, made once by the tool itself and kept by what they were made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from motionveil._core.atomic_files import write_file
from motionveil._core.errors import InputError
from motionveil.detection.templates import TemplateLibrary
from motionveil.learned import LearnedObfuscator, load_learned
from motionveil.obfuscation.factory import Networks
from motionveil.obfuscation.obfuscators import Obfuscator
from motionveil.outputs.run_manifest import file_digest
from motionveil.pipeline.obfuscation import obfuscate_video
from motionveil.pipeline.runner import Window, first_frames
from motionveil.video import IMAGE_SUFFIXES, images_matching, is_pattern

from ..results import hash_of
from .libraries import Libraries, read_library, spread
from .obfuscations import Obfuscation, get_obfuscation
from .selections import External, counterpart


class Digests:
    """sha256 of files, kept in one file by name, size and time of change. memory: that file."""

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        self._known: dict[str, str] = {}
        with suppress(OSError, ValueError):  # none yet, or damaged: they are computed again
            self._known = json.loads(memory.read_text(encoding="utf-8"))
        self._new = 0

    def __call__(self, files: Iterable[Path], *, named: bool = True) -> str:
        """One digest of some files in order, by what they hold, and `named` by their names too; in hexadecimal."""
        whole = hashlib.sha256()
        for file in files:
            status = file.stat()
            key = f"{file.resolve()} {status.st_size} {status.st_mtime_ns}"
            if key not in self._known:
                self._known[key] = file_digest(file) or ""
                self._new += 1
            whole.update(f"{file.name if named else ''} {self._known[key]}\n".encode())
        return whole.hexdigest()

    def save(self) -> None:
        """Keep what is new."""
        if self._new:
            write_file(self.memory, json.dumps(self._known).encode())
            self._new = 0


@dataclass(frozen=True)
class LearnedObfuscation:
    """What a trained obfuscator is to `Preparation`. record: all that its training depends on. checkpoint: its file."""

    record: Mapping[str, Any]
    checkpoint: Path
    looks: bool = False

    def as_record(self) -> dict[str, Any]:
        """All that decides what it makes, known before it is trained."""
        return dict(self.record)

    @property
    def made_from(self) -> tuple[str, ...]:
        """What its file holds, so that one that was trained again is another; empty before."""
        digest = file_digest(self.checkpoint)
        return (digest,) if digest else ()

    def networks(self) -> LearnedObfuscator:
        """The obfuscator. Raises WeightsError where it is not trained."""
        return load_learned(self.checkpoint)

    def make(self, networks: Any, frames: object) -> LearnedObfuscator:
        """The same for every source."""
        assert isinstance(networks, LearnedObfuscator)
        return networks


_MASK = "mask"
"""The folder in which `motionveil bench export` writes the masks of a video."""
Made = Obfuscation | LearnedObfuscation | External
VERSION = 6
"""To be raised when the same settings would make other pictures, as with another encoder or other templates in the
package: older copies are then made again."""


class Preparation:
    """Where the sources of a dataset lie, original or obfuscated.

    root: of the originals. work: folder for obfuscated copies, shared by all experiments; several processes may fill it
    at once. dataset: its name. substitutes: see `Obfuscation.with_networks_at_hand`. learned: what names of trained
    obfuscators mean. selective, external: obfuscations, and copies of other programs, by names of an
    experiment's own. library: templates, see `read_library`.
    sources: those in which templates are looked for that networks lack; without any, in each source by itself.
    """

    def __init__(
        self,
        root: Path,
        work: Path,
        *,
        dataset: str = "",
        substitutes: Mapping[str, str] | None = None,
        selective: Mapping[str, Obfuscation] | None = None,
        external: Mapping[str, External] | None = None,
        library: TemplateLibrary | None = None,
    ) -> None:
        self.root = root
        self.cache = work / "obfuscated"
        self.dataset = dataset
        self.substitutes = dict(substitutes or {})
        self.digests = Digests(work / "digests.json")
        self.learned: dict[str, LearnedObfuscation] = {}
        self.selective = dict(selective or {})
        self.external = dict(external or {})
        self.libraries = Libraries(library or read_library(), work / "templates")
        self.sources: Sequence[str] = ()
        self._networks: dict[str, Networks | LearnedObfuscator] = {}
        self._digests: dict[str, str] = {}
        self._made: dict[str, dict[str, str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """For loader processes: without networks, which cannot go there, and are not needed where copies are made."""
        return {**self.__dict__, "_networks": {}}

    def obfuscation(self, obfuscator: str) -> Made | None:
        """What this name means for this dataset with the networks at hand; None for `original`."""
        if obfuscator in self.learned:
            return self.learned[obfuscator]
        if obfuscator in self.external:
            return self.external[obfuscator]
        if obfuscator in self.selective:
            return self.selective[obfuscator].with_networks_at_hand(self.substitutes)
        return get_obfuscation(obfuscator, self.substitutes, dataset=self.dataset, library=self.libraries.own)

    def substitutes_of(self, obfuscator: str) -> dict[str, str]:
        """Which networks of this obfuscator others stand in for."""
        if obfuscator in self.learned or obfuscator in self.external:
            return {}
        wanted = self.selective.get(obfuscator) or get_obfuscation(obfuscator, library=self.libraries.own)
        used = () if wanted is None else (wanted.preset.features, wanted.preset.flow)
        return {name: other for name, other in self.substitutes.items() if name in used}

    def is_ready(self, source: str, obfuscator: str) -> bool:
        """Whether the copy is there."""
        found = self.obfuscation(obfuscator)
        if found is None:
            return True
        place = self.place(source, obfuscator)
        return isinstance(found, External) or place.exists()

    def place(self, source: str, obfuscator: str) -> Path:
        """Where a source lies, or its copy will. Raises InputError where the source is missing."""
        path = self.root / source
        obfuscation = self.obfuscation(obfuscator)
        if obfuscation is None:
            self._files(source)
            return path
        if isinstance(obfuscation, External):
            return counterpart(Path(obfuscation.folder), source)
        made_from = [*obfuscation.made_from, *self.made_of(obfuscation, source).values()]
        key = hash_of([VERSION, self.digest(source), obfuscation.as_record(), *made_from])
        if is_pattern(path):  # the colour frames of a folder that holds others too
            return self.cache / obfuscator / f"{path.parent.name}-{key}.mp4"
        suffix = ".png" if path.suffix.lower() in IMAGE_SUFFIXES else ".mp4"
        return self.cache / obfuscator / f"{path.stem}-{key}{suffix}"

    def prepare(self, source: str, obfuscator: str) -> Path:
        """The path of a source as this obfuscator shows it; the copy is made where it is not there yet."""
        self.prepare_unless_busy(source, obfuscator, wait=True)
        return self.place(source, obfuscator)

    def prepare_unless_busy(self, source: str, obfuscator: str, *, wait: bool = False) -> bool:
        """Make the copy where it is not there yet. wait False: returns False where another process is making it."""
        if self.is_ready(source, obfuscator):
            return True
        place = self.place(source, obfuscator)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(place.with_name(f".{place.name}.lock"), timeout=-1 if wait else 0):
                if not place.exists():  # another process may have made it meanwhile
                    obfuscate_video(self.root / source, place, obfuscator=self.method(obfuscator, source))
        except Timeout:
            return False
        return True

    def networks(self, obfuscator: str) -> Any:
        """What an obfuscator looks with; that of the last one is kept. Raises WeightsError without its weights."""
        if obfuscator not in self._networks:
            found = self.obfuscation(obfuscator)
            assert found is not None
            assert not isinstance(found, External)
            self._networks = {obfuscator: found.networks()}  # one at a time: they take memory
        return self._networks[obfuscator]

    def method(self, obfuscator: str, source: str) -> Obfuscator:
        """The obfuscator for one source. Raises as `Obfuscation.make` does."""
        found = self.obfuscation(obfuscator)
        assert found is not None
        assert not isinstance(found, External)
        networks, frames = self.networks(obfuscator), partial(first_frames, self.root / source, Window())
        if not isinstance(found, Obfuscation):
            return found.make(networks, frames)
        library = self.libraries.own
        if looked_at := self._looked_at(found, source):
            videos = [self.root / each for each in looked_at]
            library = self.libraries.found(networks.extractor(), videos, self._contents(found, source))
        masks = [counterpart(Path(folder), source, inside=_MASK) for folder in _folders_of(found)]
        return found.make(networks, frames, library, masks)

    def made_of(self, obfuscation: Made, source: str = "") -> dict[str, str]:
        """What decides what an obfuscation makes beside its settings, as hashes: templates that are not built in, masks
        and copies of other programs. source: one, or all of them. Raises InputError where files are missing."""
        key = hash_of([obfuscation.as_record(), _folders_of(obfuscation), source, *self.sources])
        if key not in self._made:
            self._made[key] = self._look_up(obfuscation, source)
        return self._made[key]

    def _look_up(self, obfuscation: Made, source: str) -> dict[str, str]:
        folders, found = _folders_of(obfuscation), dict[str, str]()
        if folders:
            kind, inside = ("copies", "") if isinstance(obfuscation, External) else ("masks", _MASK)
            sources = [source] if source else self.sources
            files = [counterpart(Path(folder), each, inside=inside) for each in sources for folder in folders]
            found[kind] = hash_of([self._digest(file) for file in files])
        if isinstance(obfuscation, Obfuscation) and obfuscation.looks:
            told, contents = self.libraries.told(obfuscation.where.hide), self._contents(obfuscation, source)
            found |= {"templates": hash_of([told, contents])} if told or contents else {}
        return found

    def _looked_at(self, obfuscation: Obfuscation, source: str) -> tuple[str, ...]:
        """The sources in which templates are looked for; none where nothing is to be found."""
        if not self.libraries.to_be_found(obfuscation.where.hide, obfuscation.preset.features):
            return ()
        return spread(self.sources) or ((source,) if source else ())

    def _contents(self, obfuscation: Obfuscation, source: str) -> list[str]:
        return [self.digest(each) for each in self._looked_at(obfuscation, source)]

    def check(self, obfuscator: str) -> None:
        """Load what an obfuscator looks with. Raises WeightsError where weights are missing, InputError for masks."""
        found = self.obfuscation(obfuscator)
        if found is not None:
            self.made_of(found)
        if found is not None and not isinstance(found, External) and found.looks:
            networks = self.networks(obfuscator)
            networks.extractor()
            _ = networks.flow

    def digest(self, source: str) -> str:
        """sha256 of a file, or of the names and contents of the frames of a folder or pattern."""
        if source not in self._digests:
            self._digests[source] = self._digest(self.root / source)
        return self._digests[source]

    def _digest(self, path: Path) -> str:
        files = _files_of(path)
        return self.digests(files, named=files != [path])

    def _files(self, source: str) -> list[Path]:
        return _files_of(self.root / source)


def _folders_of(obfuscation: Made) -> list[str]:
    """The folders with masks of all sources, or with copies that another program made."""
    if isinstance(obfuscation, External):
        return [obfuscation.folder]
    return [str(folder) for folder in obfuscation.where.masks] if isinstance(obfuscation, Obfuscation) else []


def _files_of(path: Path) -> list[Path]:
    """All files of a path or pattern. Raises InputError where there are none."""
    files = [path] if path.is_file() else []
    if path.is_dir():
        files = sorted(path.iterdir())
    elif is_pattern(path):
        files = images_matching(str(path))
    if not files:
        raise InputError(f"{path} is missing; see what else is with: motionveil bench data check")
    return files

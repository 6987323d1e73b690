"""The folder in which the studio keeps films, projects and results: one folder per project, named by chance."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import platformdirs

from .._core.atomic_files import hidden_folder, read_small_text, remove, sweep, take_place, write_file
from .._core.errors import InputError, MotionveilError, OptionError, OutputError
from .._core.file_locks import locked
from .._core.printable import printable
from ..video import CONTAINERS, HEIF_SUFFIXES, IMAGE_SUFFIXES, probe, source_name
from .project import Film, Project, now

PROJECT_FILE = "project.json"
_ID = re.compile(r"[0-9a-f]{16}")
_SUFFIXES = frozenset(
    {*CONTAINERS, *IMAGE_SUFFIXES, *HEIF_SUFFIXES, ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv",
     ".3gp", ".ogv", ".vob", ".h264", ".hevc"}
)  # fmt: skip
"""What an uploaded file may be called at its end; the rest of its name is only shown."""
_SPARE = 500_000_000
"""Bytes that stay free on the disk."""


def default_workspace() -> Path:
    """The user's own."""
    return Path(platformdirs.user_data_dir("motionveil")) / "studio"


def is_film(path: Path) -> bool:
    """Whether a file is called like something that the studio opens."""
    return path.is_file() and path.suffix.lower() in _SUFFIXES


class MissingError(MotionveilError):
    """What was asked for is not there, or not any more."""


class Workspace:
    """All projects. Every change is on the disk before anybody hears of it. Safe to use from several threads.

    Attributes:
        folder: Where it lies.
        keep_days: Days after their last change after which projects are removed; 0 keeps them.
    """

    def __init__(self, folder: Path, *, keep_days: float = 30) -> None:
        self.folder, self.keep_days = folder, keep_days
        self._lock = threading.RLock()
        self._projects: dict[str, Project] = {}

    @classmethod
    @contextmanager
    def open(cls, folder: Path, *, keep_days: float = 30) -> Iterator[Workspace]:
        """The workspace, which belongs to this process for as long as the block lasts.

        Raises OutputError where another studio works in it, or it cannot be written to.
        """
        workspace = cls(folder, keep_days=keep_days)
        with ExitStack() as stack:
            try:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                stack.enter_context(locked(folder / "studio", seconds=1))
            except OSError as error:
                raise OutputError(
                    f"{folder} cannot be written to ({error.strerror}); choose another with --workspace"
                ) from error
            except OutputError as error:
                raise OutputError(
                    f"another motionveil studio works in {folder}; close it, or choose another --workspace"
                ) from error
            sweep(folder)
            workspace._load()
            workspace.remove_old()
            yield workspace

    def _load(self) -> None:
        for path in sorted(self.folder.iterdir()):
            if _ID.fullmatch(path.name) and path.is_dir():
                # What is damaged is left alone: it may hold the only copy of somebody's work.
                with suppress(MotionveilError, ValueError, RecursionError):
                    project = Project.from_record(json.loads(read_small_text(path / PROJECT_FILE)))
                    if project.id == path.name:
                        self._projects[project.id] = project

    def remove_old(self) -> list[str]:
        """Remove projects that nobody has changed for `keep_days`; returns their names."""
        if not self.keep_days:
            return []
        last = datetime.now(UTC) - timedelta(days=self.keep_days)
        old = [project for project in self.projects() if _time(project.changed) < last]
        for project in old:
            self.delete(project.id)
        return [project.film.name for project in old]

    def projects(self) -> list[Project]:
        """All projects, the latest first."""
        with self._lock:
            return sorted(self._projects.values(), key=lambda project: project.changed, reverse=True)

    def find(self, identifier: str) -> Project:
        """One project. Raises MissingError."""
        with self._lock:
            if identifier not in self._projects:
                raise MissingError("this project is not there any more; go back to the list")
            return self._projects[identifier]

    def change(self, identifier: str, changed: Callable[[Project], Project]) -> Project:
        """Change a project and save it. Raises MissingError, and what `changed` raises: then nothing has changed."""
        with self._lock:
            project = changed(self.find(identifier))
            write_file(self.place(identifier) / PROJECT_FILE, project.as_bytes(), private=True)
            self._projects[identifier] = project
            return project

    def place(self, identifier: str) -> Path:
        """The folder of a project that is there."""
        self.find(identifier)
        return self.folder / identifier

    def source(self, project: Project) -> Path:
        """Where its film lies. Raises InputError where it has gone."""
        film = project.film
        path = Path(film.path) if film.path is not None else self.folder / project.id / str(film.stored)
        if not path.exists():
            raise InputError(f"{film.name} is not where it was; open it again")
        return path

    def run_folder(self, project: Project, run: str) -> Path:
        """The folder of one run of a project."""
        return self.folder / project.id / "runs" / run

    def check_room(self, size: int) -> None:
        """Raise OutputError where a file of this size does not fit on the disk."""
        free = shutil.disk_usage(self.folder).free
        if size > free - _SPARE:
            raise OutputError(
                f"the video has {size / 1e6:.0f} MB and {max(0, free - _SPARE) / 1e6:.0f} MB are free; delete some "
                "projects, or choose another --workspace"
            )

    @contextmanager
    def arriving(self, name: str) -> Iterator[Path]:
        """A hidden folder and in it the place for a film that somebody sends; nothing of it is left unless it is added.

        name: as the sender calls it.
        """
        folder = hidden_folder(self.folder / "arriving")
        suffix = Path(name).suffix.lower()
        try:
            yield folder / f"film{suffix if suffix in _SUFFIXES else '.mp4'}"
        finally:
            remove(folder)

    def add(self, arrived: Path, name: str) -> Project:
        """Make a project of a film that has arrived. Raises InputError where it is none."""
        shown = _shown(name)
        try:
            info = probe(arrived)
        except MotionveilError as error:
            # Its place on the disk tells nobody anything.
            raise InputError(str(error).replace(str(arrived), shown).replace(arrived.name, shown)) from error
        film = Film.of(info, name=shown, stored=arrived.name, path=None, size=arrived.stat().st_size)
        return self._new(film, arrived.parent)

    def add_path(self, path: Path) -> Project:
        """Make a project of a film that stays where it is, or find the one that there is already.

        Raises InputError where it is none.
        """
        place = path.resolve()
        for project in self.projects():
            if project.film.path == str(place):
                return project
        film = Film.of(probe(place), name=_shown(source_name(place)), stored=None, path=place, size=_size(place))
        return self._new(film, hidden_folder(self.folder / "arriving"))

    def _new(self, film: Film, folder: Path) -> Project:
        project = Project(id=secrets.token_hex(8), created=now(), changed=now(), film=film)
        write_file(folder / PROJECT_FILE, project.as_bytes(), private=True)
        with self._lock:
            take_place(folder, self.folder / project.id, overwrite=False, private=True)
            self._projects[project.id] = project
        return project

    def delete(self, identifier: str) -> None:
        """Remove a project with its uploaded film and its results. Raises MissingError."""
        with self._lock:
            place = self.place(identifier)
            del self._projects[identifier]
            remove(place)

    def size(self, project: Project) -> int:
        """Bytes that a project takes up here."""
        return _size(self.folder / project.id)


def films_in(places: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Files that were named, and films in folders that were named. Raises InputError for what is not there."""
    named, inside = [], []
    for place in places:
        if place.is_dir():
            inside += sorted(path for path in place.iterdir() if is_film(path))
        elif place.is_file():
            named.append(place)
        else:
            raise InputError(f"{place} does not exist: check the name and the folder")
    return named, inside


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())


def _shown(name: str) -> str:
    """A name from elsewhere as it may be shown, without folders."""
    return printable(re.split(r"[/\\]", name)[-1])[:120].strip() or "film"


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise OptionError(f"{text!r} is no time") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)

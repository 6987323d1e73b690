"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from .errors import OutputError


def hidden_name(path: Path) -> Path:
    """A hidden name beside a path that nobody uses."""
    return path.with_name(f".{path.name}.part-{secrets.token_hex(4)}")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def make_folders(path: Path) -> list[Path]:
    """Make a folder and those above it. Returns those that were not there, the deepest first."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    return missing


def remove_empty(folders: list[Path]) -> None:
    """Remove those of some folders, the deepest first, that hold nothing."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def take_place(temporary: Path, path: Path, *, overwrite: bool) -> None:
    """Let a complete temporary file or folder appear as `path`; what was there stays until then, also after an error.

    Raises OutputError where something is there that may not be replaced, OSError where renaming fails.
    """
    if path.exists() and not overwrite and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(f"{path} has appeared meanwhile: choose another name or allow it with --overwrite")
    if not path.is_dir():
        temporary.replace(path)
        return
    old = hidden_name(path)
    path.rename(old)
    try:
        temporary.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def check_folder(folder: Path) -> None:
    """Raise OutputError where a folder cannot be made or written into, before anything that takes long."""
    place = folder.resolve()
    above = next(each for each in (place, *place.parents) if each.exists())
    if not above.is_dir():
        raise OutputError(f"{above} is a file; choose a folder with -o")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"{above} may not be written to; choose another folder with -o")


class PendingFile:
    """A small file that is written now and appears with `commit`; a context manager that removes it otherwise.

    Raises OutputError where it cannot be written.
    """

    def __init__(self, path: Path, data: bytes, *, overwrite: bool = True) -> None:
        self.path = path
        self._overwrite = overwrite
        self._temporary = hidden_name(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary.write_bytes(data)
        except OSError as error:
            self.discard()
            raise self._refusal(error) from error

    def commit(self) -> None:
        """Let the file appear."""
        try:
            take_place(self._temporary, self.path, overwrite=self._overwrite)
        except OSError as error:
            raise self._refusal(error) from error

    def discard(self) -> None:
        """Remove what is not committed."""
        remove(self._temporary)

    def _refusal(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path} cannot be written ({error.strerror}); choose another place or free some space")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def write_file(path: Path, data: bytes) -> None:
    """Write a file and the folders above it, whole or not at all. Raises OutputError where that cannot be done."""
    with PendingFile(path, data) as pending:
        pending.commit()


def commit_all(outputs: Sequence[tuple[Path, Callable[[], None]]]) -> None:
    """Let outputs appear one after the other; where one cannot, those that are new disappear again."""
    new: list[Path] = []
    try:
        for path, commit in outputs:
            existed = path.exists()
            commit()
            if not existed:
                new.append(path)
    except BaseException:
        for path in new:
            path.unlink(missing_ok=True)
        raise

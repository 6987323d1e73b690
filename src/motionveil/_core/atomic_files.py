"""Files and folders that are there whole or not at all, and that nobody else can read before."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from .errors import InputError, OutputError
from .file_locks import is_same, try_lock
from .interrupts import interrupts

_PART = ".part-"
_held: dict[Path, int | None] = {}
"""Temporary files and folders of this process, with the descriptor whose lock says that somebody works on them."""


def hidden_name(path: Path, kind: str = _PART) -> Path:
    """A hidden name beside a path that nobody uses."""
    return path.with_name(f".{path.name}{kind}{secrets.token_hex(4)}")


def hidden_file(path: Path) -> Path:
    """A new, empty file under a hidden name beside a path, which only its owner may read; see `remove`, `take_place`.

    Raises OSError where it cannot be made.
    """
    return _new(path, lambda name: os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600))


def hidden_folder(path: Path) -> Path:
    """A new folder in the same way."""
    return _new(path, _open_new_folder)


_BINARY = getattr(os, "O_BINARY", 0)


def _open_new_folder(name: Path) -> int | None:
    name.mkdir(0o700)
    return os.open(name, os.O_RDONLY) if os.name == "posix" else None


def _new(path: Path, make: Callable[[Path], int | None]) -> Path:
    while True:
        name = hidden_name(path).absolute()
        _held[name] = None  # before it is there, so that an interrupt at any moment finds it
        try:
            made = make(name)
        except FileExistsError:
            release(name)
            continue
        except BaseException:
            remove(name)
            raise
        if os.name != "posix":  # what is open cannot be renamed there
            if made is not None:
                os.close(made)
            return name
        _held[name] = made
        # Somebody who looks for what was left behind may have come first.
        if made is None or (try_lock(made) is not False and is_same(made, name)):
            return name
        remove(name)


def release(path: Path) -> None:
    """Let go of a temporary file or folder, which stays what it is."""
    descriptor = _held.pop(path, None)
    if descriptor is not None:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    release(path)


def remove_all_hidden() -> None:
    """Remove everything temporary of this process, which is about to end."""
    for path in list(_held):
        remove(path)


def sweep(folder: Path) -> None:
    """Remove temporary files and folders that were left behind by a process that was killed.

    What a process works on is locked, also for others on other machines; where there are no locks, nothing is removed.
    """
    if os.name != "posix":
        return
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            name, _, number = entry.name.rpartition(_PART)
            if name.startswith(".") and re.fullmatch("[0-9a-f]{8}", number) and not entry.is_symlink():
                _remove_abandoned(Path(entry.path))


def _remove_abandoned(path: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        try:
            if os.fstat(descriptor).st_uid == os.geteuid() and try_lock(descriptor):
                remove(path)
        finally:
            os.close(descriptor)


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


def take_place(temporary: Path, path: Path, *, overwrite: bool, private: bool = False) -> None:
    """Let a complete temporary file or folder appear as `path`; what was there stays until then, also after an error.

    It is on the disk before it appears, so that a power cut does not leave an empty file under the name.
    private: only its owner may read it, as while it was temporary; otherwise whom the system's settings let.
    Raises OutputError where something is there that may not be replaced, OSError where renaming fails.
    """
    if path.exists() and not overwrite and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(f"{path} has appeared meanwhile: choose another name or allow it with --overwrite")
    if not private:
        with suppress(OSError):  # not every disk knows permissions
            temporary.chmod((0o777 if temporary.is_dir() else 0o666) & ~_umask())
    inside = any(folder in _held for folder in path.absolute().parents)  # of a folder that appears as a whole
    if not inside:
        _settle(temporary)
    _rename(temporary, path)
    release(temporary)
    if not inside and os.name == "posix":
        with suppress(OSError):
            _flush(path.parent)


def _rename(temporary: Path, path: Path) -> None:
    if not path.is_dir():
        temporary.replace(path)
        return
    old = hidden_name(path, ".old-")
    with interrupts.deferred():
        path.rename(old)
        try:
            temporary.rename(path)
        except BaseException:
            old.rename(path)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _settle(path: Path) -> None:
    """Wait until what was written is on the disk."""
    if not path.is_dir():
        _flush(path)
    elif hasattr(os, "sync"):
        os.sync()


def _flush(path: Path) -> None:
    # Windows flushes only what may be written.
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    """What the system's settings take away from the permissions of new files."""
    # It can only be read by setting it: to the strictest, as other threads may make files meanwhile.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def check_folder(folder: Path) -> None:
    """Raise OutputError where a folder cannot be made or written into, before anything that takes long."""
    place = folder.resolve()
    above = next(each for each in (place, *place.parents) if each.exists())
    if not above.is_dir():
        raise OutputError(f"{above} is a file; choose a folder with -o")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"{above} may not be written to; choose another folder with -o")


def read_small_text(path: Path, *, most: int = 10_000_000) -> str:
    """The text of a file, in UTF-8. Raises InputError where it is no file, larger than `most` bytes, or no text."""
    if not path.is_file():
        raise InputError(f"{path} is {'no file' if path.exists() else 'not there'}; give a file")
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise InputError(f"{path} has more than {most // 1_000_000} MB, too much for what it should be")
        return data.decode("utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text; give a text file in UTF-8") from error


class PendingFile:
    """A small file that is written now and appears with `commit`; a context manager that removes it otherwise.

    private: see `take_place`. Raises OutputError where it cannot be written.
    """

    def __init__(self, path: Path, data: bytes, *, overwrite: bool = True, private: bool = False) -> None:
        self.path = path
        self._overwrite, self._private = overwrite, private
        self._temporary: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._temporary = hidden_file(path)
            self._temporary.write_bytes(data)
        except OSError as error:
            self.discard()
            raise self._refusal(error) from error

    def commit(self) -> None:
        """Let the file appear."""
        assert self._temporary is not None
        try:
            take_place(self._temporary, self.path, overwrite=self._overwrite, private=self._private)
        except OSError as error:
            raise self._refusal(error) from error

    def discard(self) -> None:
        """Remove what is not committed."""
        if self._temporary is not None:
            remove(self._temporary)

    def _refusal(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path} cannot be written ({error.strerror}); choose another place or free some space")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def write_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file and the folders above it, whole or not at all. private: see `take_place`.

    Raises OutputError where that cannot be done.
    """
    with PendingFile(path, data, private=private) as pending:
        pending.commit()


def commit_all(outputs: Sequence[tuple[Path, Callable[[], None]]]) -> None:
    """Let outputs appear one after the other; where one cannot, those that are new disappear again.

    An interrupt waits until all are there.
    """
    new: list[Path] = []
    with interrupts.deferred():
        try:
            for path, commit in outputs:
                existed = path.exists()
                commit()
                if not existed:
                    new.append(path)
        except BaseException:
            for path in new:
                remove(path)
            raise

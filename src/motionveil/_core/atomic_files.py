"""Atomic files and folders: they appear complete or not at all, and are unreadable to others before."""

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
"""Temporary files and folders of this process, with the descriptor that locks each while it is in use."""


def hidden_name(path: Path, kind: str = _PART) -> Path:
    """An unused hidden name beside a path."""
    return path.with_name(f".{path.name}{kind}{secrets.token_hex(4)}")


def hidden_file(path: Path) -> Path:
    """Create an empty file under a hidden name beside a path, readable by its owner only; see `remove`, `take_place`.

    Raises:
        OSError: If it cannot be created.
    """
    return _new(path, lambda name: os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o600))


def hidden_folder(path: Path) -> Path:
    """Create a folder in the same way."""
    return _new(path, _open_new_folder)


_BINARY = getattr(os, "O_BINARY", 0)


def _open_new_folder(name: Path) -> int | None:
    name.mkdir(0o700)
    return os.open(name, os.O_RDONLY) if os.name == "posix" else None


def _new(path: Path, make: Callable[[Path], int | None]) -> Path:
    while True:
        name = hidden_name(path).absolute()
        _held[name] = None  # registered before it exists, so that an interrupt at any time finds it
        try:
            made = make(name)
        except FileExistsError:
            release(name)
            continue
        except BaseException:
            remove(name)
            raise
        if os.name != "posix":  # open files cannot be renamed there
            if made is not None:
                os.close(made)
            return name
        _held[name] = made
        # Another process that cleans up leftovers may have removed it first.
        if made is None or (try_lock(made) is not False and is_same(made, name)):
            return name
        remove(name)


def release(path: Path) -> None:
    """Release the lock of a temporary file or folder and keep it."""
    descriptor = _held.pop(path, None)
    if descriptor is not None:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file or a folder, if possible."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    release(path)


def remove_all_hidden() -> None:
    """Remove all temporary files of this process, before it exits."""
    for path in list(_held):
        remove(path)


def sweep(folder: Path) -> None:
    """Remove temporary files and folders left behind by killed processes.

    Files in use are locked, also across machines; where locks are not supported, nothing is removed.
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
    """Create a folder and its parents. Returns the created ones, deepest first."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    return missing


def remove_empty(folders: list[Path]) -> None:
    """Remove the empty ones of these folders, given deepest first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def take_place(temporary: Path, path: Path, *, overwrite: bool, private: bool = False) -> None:
    """Move a complete temporary file or folder to `path`. An existing one is kept until then, also on errors.

    The content is flushed to disk first, so that a power failure does not leave an empty file under the name.

    Args:
        temporary: The complete file or folder.
        path: Its final name.
        overwrite: Replace an existing file.
        private: Keep it readable by its owner only; otherwise apply the default permissions.

    Raises:
        OutputError: If `path` exists and may not be replaced.
        OSError: If renaming fails.
    """
    if path.exists() and not overwrite and not (path.is_dir() and not any(path.iterdir())):
        raise OutputError(f"{path} was created meanwhile: choose another name or pass `overwrite=True`")
    if not private:
        with suppress(OSError):  # not every file system supports permissions
            temporary.chmod((0o777 if temporary.is_dir() else 0o666) & ~_umask())
    inside = any(folder in _held for folder in path.absolute().parents)  # of a folder that is moved as a whole
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
    """Wait until the content is on disk."""
    if not path.is_dir():
        _flush(path)
    elif hasattr(os, "sync"):
        os.sync()


def _flush(path: Path) -> None:
    # Windows flushes only files that are open for writing.
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    """The umask of this process."""
    # It can only be read by setting it; the strictest value is used, as other threads may create files meanwhile.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def check_folder(folder: Path) -> None:
    """Raise OutputError early if a folder cannot be created or is not writable."""
    place = folder.resolve()
    above = next(each for each in (place, *place.parents) if each.exists())
    if not above.is_dir():
        raise OutputError(f"{above} is a file; choose a folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise OutputError(f"{above} is not writable; choose another folder")


def read_small_text(path: Path, *, most: int = 10_000_000) -> str:
    """The text of a UTF-8 file.

    Raises:
        InputError: If it is not a file, larger than `most` bytes, or not text.
    """
    if not path.is_file():
        raise InputError(f"{path} {'is not a file' if path.exists() else 'does not exist'}; give a file")
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
        if len(data) > most:
            raise InputError(f"{path} is larger than {most // 1_000_000} MB; give a file of the expected type")
        return data.decode("utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file; give one in UTF-8") from error


class PendingFile:
    """A small file that is written now and appears with `commit`; a context manager that removes it otherwise.

    private: see `take_place`.

    Raises:
        OutputError: If it cannot be written.
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
        """Make the file appear."""
        assert self._temporary is not None
        try:
            take_place(self._temporary, self.path, overwrite=self._overwrite, private=self._private)
        except OSError as error:
            raise self._refusal(error) from error

    def discard(self) -> None:
        """Remove the file unless committed."""
        if self._temporary is not None:
            remove(self._temporary)

    def _refusal(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path} cannot be written ({error.strerror}); choose another path or free some space")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def write_file(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file atomically, and create its parent folders. private: see `take_place`.

    Raises:
        OutputError: If it cannot be written.
    """
    with PendingFile(path, data, private=private) as pending:
        pending.commit()


def commit_all(outputs: Sequence[tuple[Path, Callable[[], None]]]) -> None:
    """Make outputs appear one after the other; if one fails, the new ones are removed again.

    Interrupts are deferred until all are there.
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

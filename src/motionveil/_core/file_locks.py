"""Locks on files, by which processes know of each other; they end with the process, however it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OutputError

try:
    import fcntl
except ImportError:  # Windows; what is open there cannot be removed by others
    fcntl = None  # type: ignore[assignment]

_EVERY = 0.02


def try_lock(descriptor: int) -> bool | None:
    """Lock an open file or folder for this process: whether that worked, None where there are no such locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network folders
        return None
    return True


def is_same(descriptor: int, path: Path) -> bool:
    """Whether an open file or folder is what lies under a name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


@contextmanager
def locked(path: Path, *, seconds: float = 30.0) -> Iterator[None]:
    """One process at a time for as long as the block lasts, by a lock file beside a path.

    Raises OutputError where another one does not finish in time, or the folder cannot be written to.
    """
    place = path.with_name(f".{path.name}.lock")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); choose another place") from error
    try:
        deadline = time.monotonic() + seconds
        while try_lock(descriptor) is False:
            if time.monotonic() > deadline:
                raise OutputError(f"{path} is being changed by another process; wait for it, then try again")
            time.sleep(_EVERY)
        yield
    finally:
        os.close(descriptor)

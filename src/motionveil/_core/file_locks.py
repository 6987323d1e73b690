"""File locks between processes; they end with the process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import OutputError

try:
    import fcntl
except ImportError:  # Windows, where open files cannot be removed by others
    fcntl = None  # type: ignore[assignment]

_EVERY = 0.02


def try_lock(descriptor: int) -> bool | None:
    """Lock an open file or folder for this process. Returns whether it succeeded; None if locks are unsupported."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems
        return None
    return True


def is_same(descriptor: int, path: Path) -> bool:
    """Whether an open file or folder is the one at this path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


@contextmanager
def locked(path: Path, *, seconds: float = 30.0) -> Iterator[None]:
    """Exclude other processes within the block, with a lock file beside the path.

    Raises:
        OutputError: If another process does not finish in time, or the folder is not writable.
    """
    place = path.with_name(f".{path.name}.lock")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}); choose another path") from error
    try:
        deadline = time.monotonic() + seconds
        while try_lock(descriptor) is False:
            if time.monotonic() > deadline:
                raise OutputError(f"{path} is being changed by another process; wait for it and try again")
            time.sleep(_EVERY)
        yield
    finally:
        os.close(descriptor)

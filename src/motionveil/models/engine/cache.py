"""The cache of converted and compiled networks: folders with checksums, which appear complete or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import platformdirs

from ..._core.atomic_files import hidden_folder, make_folders, release, remove, sweep

_DIGEST = "sha256"
_MOST_BYTES = 2_000_000_000


def cache_folder() -> Path:
    """The folder of the cache: MOTIONVEIL_CACHE, or the user's cache directory. Safe to delete."""
    return Path(os.environ.get("MOTIONVEIL_CACHE") or Path(platformdirs.user_cache_dir("motionveil")) / "networks")


def entry(name: str, *parts: object) -> Path:
    """The folder of what is called `name` and was made from these parts; it may not exist."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
    return cache_folder() / f"{name}-{digest.hexdigest()[:24]}"


def is_intact(folder: Path) -> bool:
    """Whether an entry is complete and unchanged; marks it as recently used."""
    with contextlib.suppress(OSError):
        if folder.is_dir() and (folder / _DIGEST).read_text() == _digest(folder):
            os.utime(folder)
            return True
    return False


def keep(folder: Path, write: Callable[[Path], object]) -> None:
    """Make an entry of the files that `write` puts into the folder that it is given, and remove the oldest ones.

    Raises:
        OSError: If that is not possible, in which case there is no entry.
    """
    make_folders(folder.parent)
    sweep(folder.parent)
    working = hidden_folder(folder)
    try:
        write(working)
        (working / _DIGEST).write_text(_digest(working))
        if folder.exists():
            remove(folder)
        working.rename(folder)
        release(working)
    finally:
        remove(working)
    _prune(folder.parent)


def _prune(cache: Path) -> None:
    """Remove the least recently used entries while the cache exceeds `_MOST_BYTES`."""
    folders = sorted(
        (path for path in cache.iterdir() if (path / _DIGEST).is_file()), key=lambda path: -path.stat().st_mtime
    )
    total = 0
    for folder in folders:
        total += sum(path.stat().st_size for path in folder.iterdir())
        if total > _MOST_BYTES:
            remove(folder)


def _digest(folder: Path) -> str:
    """sha256 of all files of an entry, in hexadecimal."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name != _DIGEST:
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()

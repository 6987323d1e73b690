"""Locates and verifies weights on this machine."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import platformdirs

from ..._core.atomic_files import PendingFile
from ..._core.errors import WeightsError
from .table import Weights, get_weights

LOCK = "weights.lock.json"
"""Stored beside the files: their digests when first recorded."""


@dataclass(frozen=True)
class Digest:
    """The identity of a file. sha256: 64 hexadecimal digits. size: bytes."""

    sha256: str
    size: int

    @classmethod
    def of(cls, path: Path) -> Digest:
        """The digest of a file."""
        with path.open("rb") as file:
            return cls(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def weights_folders() -> tuple[Path, ...]:
    """Folders that are searched for weights, in order; new files go to the first.

    MOTIONVEIL_WEIGHTS (a folder that contains the files), then the user's data directory.
    """
    own = Path(platformdirs.user_data_dir("motionveil")) / "weights"
    chosen = os.environ.get("MOTIONVEIL_WEIGHTS")
    return (Path(chosen), own) if chosen else (own,)


def locate(weights: Weights) -> Path | None:
    """The path of a file with this name, unverified; None if there is none."""
    candidates = (folder / weights.file for folder in weights_folders())
    return next((path for path in candidates if path.is_file()), None)


def find_weights(name: str, path: str | Path | None = None) -> Path:
    """Locate and verify weights. Never uses the network.

    A file under its published name must have the published digest, or the recorded one if none is published; a file
    under another name is accepted as it is.

    Args:
        name: A name in `WEIGHTS`.
        path: A file to use instead of searching `weights_folders`.

    Returns:
        The path of the file.

    Raises:
        WeightsError: If the name is unknown, the file is missing, or verification fails.
    """
    weights = get_weights(name)
    if path is not None:
        path = Path(path)
        if not path.is_file():
            raise WeightsError(f"{path} does not exist; check the path, or omit it to search for {name}")
        if path.name != weights.file:
            return path
    found = path or locate(weights)
    if found is None:
        part = f", as {weights.member}" if weights.member else ""
        raise WeightsError(
            f"the weights {name} are not installed: {weights.file} is missing in {weights_folders()[0]}; download it "
            f"with: motionveil weights fetch {name} (published at {weights.url}{part})"
        )
    check(weights, found, _digest_of(found))
    return found


def weights_sha256(path: str | Path) -> str:
    """sha256 of a weights file in hexadecimal, for fingerprints; cached for unmodified files."""
    return _digest_of(Path(path)).sha256


def _digest_of(path: Path) -> Digest:
    state = path.stat()
    return _remembered(path.resolve(), state.st_size, state.st_mtime_ns, state.st_ino)


@lru_cache(maxsize=32)
def _remembered(path: Path, size: int, changed: int, inode: int) -> Digest:
    return Digest.of(path)


def read_lock(folder: Path) -> dict[str, Digest]:
    """Recorded digests by file name. Raises WeightsError if the lock file is damaged."""
    path = folder / LOCK
    try:
        entries = json.loads(path.read_bytes())
        return {name: Digest(str(entry["sha256"]), int(entry["size"])) for name, entry in entries.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{path} is damaged; remove it, then record the files again with: motionveil weights import FILE"
        ) from error


def pending_lock(path: Path, digest: Digest) -> PendingFile:
    """The updated lock file beside a file, with its current digest; it appears with `commit`.

    Raises:
        WeightsError: If the lock file is damaged.
        OutputError: If it cannot be written.
    """
    entries = {**read_lock(path.parent), path.name: digest}
    text = json.dumps({name: asdict(entries[name]) for name in sorted(entries)}, indent=2)
    return PendingFile(path.parent / LOCK, f"{text}\n".encode())


def known(weights: Weights, folder: Path) -> Digest | None:
    """The digest that a file must have: as published, otherwise as recorded in the folder; None if unknown."""
    return Digest(weights.sha256, weights.size) if weights.sha256 else read_lock(folder).get(weights.file)


def check(weights: Weights, path: Path, digest: Digest) -> None:
    """Raise WeightsError if a file in a weights folder fails verification."""
    expected = known(weights, path.parent)
    if not digest.sha256.startswith(weights.digits):
        raise WeightsError(
            f"{path} is damaged or a different file: its sha256 begins with {digest.sha256[:8]}, not {weights.digits}; "
            f"download it again with: motionveil weights fetch {weights.name} --overwrite"
        )
    if expected and digest != expected:
        raise WeightsError(
            f"{path} is damaged or a different file: sha256 {digest.sha256[:8]}… and {digest.size} bytes instead of "
            f"{expected.sha256[:8]}… and {expected.size}; download it again with: "
            f"motionveil weights fetch {weights.name} --overwrite"
        )


def looks_right(weights: Weights, path: Path) -> bool:
    """Whether a file in a weights folder has the expected size, without reading it."""
    expected, size = known(weights, path.parent), path.stat().st_size
    return size == expected.size if expected else is_near(size, weights)


def is_near(size: int, weights: Weights) -> bool:
    """Whether a size is close to that of weights whose exact size is not published; any size if that is unknown."""
    return not weights.size or abs(size - weights.size) <= 0.02 * weights.size


def verify_weights(weights: Weights, path: Path) -> bool:
    """Verify a file in a weights folder. False if its digest is unknown.

    Raises:
        WeightsError: If verification fails.
    """
    check(weights, path, Digest.of(path))
    return known(weights, path.parent) is not None

"""Finds weights on this machine and says whether they are what they should be."""

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
"""Lies beside the files: what each of them was when it first came."""


@dataclass(frozen=True)
class Digest:
    """What identifies a file. sha256: 64 hexadecimal digits. size: bytes."""

    sha256: str
    size: int

    @classmethod
    def of(cls, path: Path) -> Digest:
        """The digest of a file as it is now."""
        with path.open("rb") as file:
            return cls(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def weights_folders() -> tuple[Path, ...]:
    """Where weights are looked for, in this order; the first is where new ones are put.

    MOTIONVEIL_WEIGHTS (a folder that holds the files), then the user's data folder.
    """
    own = Path(platformdirs.user_data_dir("motionveil")) / "weights"
    chosen = os.environ.get("MOTIONVEIL_WEIGHTS")
    return (Path(chosen), own) if chosen else (own,)


def locate(weights: Weights) -> Path | None:
    """Where a file of this name lies, whatever it holds; None where it is not here."""
    candidates = (folder / weights.file for folder in weights_folders())
    return next((path for path in candidates if path.is_file()), None)


def find_weights(name: str, path: str | Path | None = None) -> Path:
    """The file that holds these weights, checked.

    Looked for at `path`, where one is given, otherwise in `weights_folders`. A file that lies under its published name
    must be what was published, or, where no sha256 is known, what it was when it first came; a file under another
    name is taken as it is. Never uses the network.
    Raises WeightsError where the name is unknown, the file is not there, or it is another.
    """
    weights = get_weights(name)
    if path is not None:
        path = Path(path)
        if not path.is_file():
            raise WeightsError(f"there is no file {path}; check the path, or leave it out to look for {name}")
        if path.name != weights.file:
            return path
    found = path or locate(weights)
    if found is None:
        part = f", as {weights.member}" if weights.member else ""
        raise WeightsError(
            f"the weights {name} are not here: {weights.file} is missing in {weights_folders()[0]}; fetch it with: "
            f"motionveil weights fetch {name} (published at {weights.url}{part})"
        )
    check(weights, found, _digest_of(found))
    return found


def weights_sha256(path: str | Path) -> str:
    """sha256 of a file of weights in hexadecimal, for fingerprints; a file that stays as it is is read once."""
    return _digest_of(Path(path)).sha256


def _digest_of(path: Path) -> Digest:
    state = path.stat()
    return _remembered(path.resolve(), state.st_size, state.st_mtime_ns, state.st_ino)


@lru_cache(maxsize=32)
def _remembered(path: Path, size: int, changed: int, inode: int) -> Digest:
    return Digest.of(path)


def read_lock(folder: Path) -> dict[str, Digest]:
    """File name → what it was when it first came. Raises WeightsError where the lock file is damaged."""
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
    """The lock file beside a file, with what that is now; it appears with `commit`.

    Raises WeightsError where the lock file is damaged, OutputError where it cannot be written.
    """
    entries = {**read_lock(path.parent), path.name: digest}
    text = json.dumps({name: asdict(entries[name]) for name in sorted(entries)}, indent=2)
    return PendingFile(path.parent / LOCK, f"{text}\n".encode())


def known(weights: Weights, folder: Path) -> Digest | None:
    """What a file must be, as published, otherwise as recorded in a folder; None where nobody knows."""
    return Digest(weights.sha256, weights.size) if weights.sha256 else read_lock(folder).get(weights.file)


def check(weights: Weights, path: Path, digest: Digest) -> None:
    """Raise WeightsError where a file in a weights folder is not what it must be."""
    expected = known(weights, path.parent)
    if expected and digest != expected:
        raise WeightsError(
            f"{path} is damaged or another file: sha256 {digest.sha256[:8]}… and {digest.size} bytes instead of "
            f"{expected.sha256[:8]}… and {expected.size}; fetch it again with: "
            f"motionveil weights fetch {weights.name} --overwrite"
        )


def looks_right(weights: Weights, path: Path) -> bool:
    """Whether the size of a file in a weights folder is what it must be; reads nothing of it."""
    expected, size = known(weights, path.parent), path.stat().st_size
    return size == expected.size if expected else is_near(size, weights)


def is_near(size: int, weights: Weights) -> bool:
    """Whether a number of bytes is about that of weights whose exact size nobody has published."""
    return abs(size - weights.size) <= 0.02 * weights.size


def verify_weights(weights: Weights, path: Path) -> bool:
    """Read a file in a weights folder again and compare it. False where nobody knows what it must be.

    Raises WeightsError where it is another.
    """
    check(weights, path, Digest.of(path))
    return known(weights, path.parent) is not None

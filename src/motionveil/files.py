"""Small files, written whole or not at all."""

from __future__ import annotations

import secrets
from pathlib import Path

from .errors import OutputError


def write_file(path: Path, data: bytes) -> None:
    """Write a file and the folders above it; a temporary file is renamed at the end, so nothing partial is ever there.

    Raises OutputError where that cannot be done.
    """
    temporary = path.with_name(f".{path.name}.part-{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be written ({error.strerror}); choose another place or free some space"
        ) from error

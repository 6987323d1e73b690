"""The record of a run: enough to know how a file was made, nothing that would help to undo it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .templates import Template
from .video import source_name

_LIBRARIES = ("av", "numpy", "opencv-python-headless", "openvino", "torch")


def library_versions() -> dict[str, str]:
    """Versions of motionveil, Python and what does the work."""
    found = {"python": platform.python_version()}
    for name in ("motionveil", *_LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def file_digest(path: Path) -> str | None:
    """sha256 of a file in hexadecimal, None for anything else (folders, cameras, streams)."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def source_digest(source: str | Path | int) -> str | None:
    """sha256 of a source that is a file, None for any other."""
    return None if isinstance(source, int) else file_digest(Path(source))


def plain(value: Any) -> Any:
    """A value as JSON can hold it: settings become dictionaries, fractions numbers, paths text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: plain(item) for key, item in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, Fraction):
        return float(value)
    return str(value) if isinstance(value, Path) else value


def make_record(
    *,
    source: str | Path | int,
    target: Path,
    output: Path,
    templates: Sequence[Template],
    settings: Mapping[str, Any],
    **more: Any,
) -> bytes:
    """The record as JSON. output: where the output that will be `target` lies now.

    Files are named without their folders, addresses without passwords and parameters; a seed is never in it.
    """
    record = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": {"name": source_name(source), "sha256": source_digest(source)},
        "output": {"name": target.name, "sha256": file_digest(output)},
        "templates": {template.name: template.fingerprint for template in templates},
        "settings": plain(settings),
        **plain(more),
        "versions": library_versions(),
    }
    # Bytes of a name that are no text become escapes, which JSON has for them.
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")

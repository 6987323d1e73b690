"""The run manifest: how a file was made, without anything that would help to reverse it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from .._core.atomic_files import read_small_text
from .._core.errors import InputError
from .._core.file_locks import is_same
from ..detection.templates import Template, TemplateLibrary, default_library
from ..obfuscation.obfuscators import Obfuscator, Recorded, Selective
from ..obfuscation.presets import Preset
from ..regions import TemplateSaliency, Where, everything_in
from ..video import source_name
from .output_paths import side_paths

_LIBRARIES = ("av", "numpy", "opencv-python-headless", "openvino", "torch")


def library_versions() -> dict[str, str]:
    """Versions of motionveil, Python and the libraries that determine results."""
    found = {"python": platform.python_version()}
    for name in ("motionveil", *_LIBRARIES):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def file_digest(path: Path) -> str | None:
    """sha256 of a file in hexadecimal; None for anything else (folders, cameras, streams)."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def source_digest(source: str | Path | int) -> str | None:
    """sha256 of a source that is a file; None for any other."""
    return None if isinstance(source, int) else file_digest(Path(source))


class HeldSource:
    """Holds a source open while it is read, so that its hash is that of the data read, even if the file is replaced.

    A context manager, to be entered before the source is opened for reading. Does nothing for sources that are not
    files.
    """

    def __init__(self, source: str | Path | int) -> None:
        self._path = Path(str(source))
        self._file = None
        if not isinstance(source, int) and self._path.is_file():
            with suppress(OSError):  # the reader will report why
                self._file = self._path.open("rb")
        self._begin = self._state()

    def _state(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        status = os.fstat(self._file.fileno())
        return status.st_size, status.st_mtime_ns

    def check(self) -> None:
        """Check that the path still refers to the same file; call this once the reader has opened it.

        Raises:
            InputError: If it does not.
        """
        if self._file is not None and not is_same(self._file.fileno(), self._path):
            raise InputError(f"{self._path} was replaced while it was being opened: run the command again")

    def digest(self, *, reopened: bool = False) -> tuple[str | None, str | None]:
        """sha256 of the data read, and a notice if the file was changed or replaced meanwhile.

        The hash is None for sources that are not files, and if the data read is uncertain: the file was modified, or
        replaced while its reader opened it several times (`reopened`).
        """
        if self._file is None:
            return None, None
        self._file.seek(0)
        found = hashlib.file_digest(self._file, "sha256").hexdigest()
        name = source_name(self._path)
        if self._state() != self._begin:
            return None, f"{name} was modified while it was read, so the manifest contains no hash of it"
        if is_same(self._file.fileno(), self._path):
            return found, None
        if reopened:
            return None, f"{name} was replaced while it was read, so the manifest contains no hash of it"
        return found, f"{name} was replaced while it was read; the manifest describes the version that was read"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()


def plain(value: Any) -> Any:
    """Convert a value for JSON: settings to dictionaries, fractions to numbers, paths to text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: plain(item) for key, item in asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, Fraction):
        return float(value)
    return str(value) if isinstance(value, Path) else value


def recipe_of(preset: Preset, where: Where, library: TemplateLibrary | None = None) -> dict[str, Any]:
    """The part of a manifest from which a selective method can be recreated, and compared with another one.

    library: the templates of `where`; None for those of `default_library`.
    """
    digest = hashlib.sha256()
    if where.needs_templates:
        library = library or default_library()
        names = set(library.names(where.hide))
        for template in library:
            if template.name in names:
                digest.update(f"{template.name} {template.fingerprint} ".encode())
                digest.update(np.ascontiguousarray(template.vector, "<f4").tobytes())
    return {
        "preset": preset.name,
        "method": {"preset": preset.as_record(), "where": where.as_record()},
        "templates_sha256": digest.hexdigest(),
    }


def is_complete(
    source: str | Path | int,
    target: Path,
    *,
    recipe: Mapping[str, Any],
    window: Any,
    encoding: Any,
    seed: int | None = None,
) -> bool:
    """Whether the manifest beside `target` shows that it was made from this source with these settings.

    Source and target must be files with the hashes in the manifest. If in doubt, False, so that the work is repeated.

    recipe: see `recipe_of`.
    """
    path = side_paths(target, preview=False, record=True).record
    digest = source_digest(source)
    if path is None or digest is None:
        return False
    try:
        record = json.loads(read_small_text(path))
        settings = record["settings"]
        same = record["source"]["sha256"] == digest and record["output"]["sha256"] == file_digest(target)
        settings["encoding"].pop("overwrite")
        wanted = {**recipe, "window": window, "encoding": encoding, "seed": _seed_text(seed)}
        # Through JSON, where tuples become lists.
        wanted = json.loads(json.dumps(plain(wanted)))
        wanted["encoding"].pop("overwrite")
        return bool(
            same
            and record["versions"]["motionveil"] == library_versions()["motionveil"]
            and all(settings.get(key) == value for key, value in wanted.items())
        )
    except (InputError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _seed_text(seed: int | None) -> str:
    return "drawn by the system, not kept" if seed is None else "given by the user, not kept"


def settings_of(method: Obfuscator, window: Any, encoding: Any) -> dict[str, Any]:
    """The settings in a manifest, read from the objects that made the file."""
    if not isinstance(method, Selective):
        told = method.as_record() if isinstance(method, Recorded) else repr(method)
        return {"obfuscator": told, "window": window, "encoding": encoding}
    seed = getattr(method.filler, "seed", None)
    templated = templated_in(method)
    return {
        "preset": None,
        "region": repr(method.region),
        "coverage": templated[0].coverage if templated else None,
        "extractor": repr(templated[0].extractor if templated else None),
        "flow": repr(method.flow),
        "filler": repr(method.filler),
        "window": window,
        "encoding": encoding,
        "seed": _seed_text(seed),
    }


def templated_in(method: Obfuscator) -> list[TemplateSaliency]:
    """All regions of a method that use templates."""
    if not isinstance(method, Selective):
        return []
    return [region for region in everything_in(method.region) if isinstance(region, TemplateSaliency)]


def make_record(
    *,
    source: str | Path | int,
    digest: str | None,
    target: Path,
    output: Path,
    templates: Sequence[Template],
    settings: Mapping[str, Any],
    **more: Any,
) -> bytes:
    """The manifest as JSON.

    Files are named without their folders, URLs without passwords and parameters; a seed is never included. Names that
    are not valid Unicode are escaped.

    Args:
        source: The source.
        digest: Its sha256, see `HeldSource`.
        target: The final path of the output.
        output: Its current, temporary path.
        templates: Templates used.
        settings: See `settings_of`.
        more: Further entries.
    """
    record = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": {"name": source_name(source), "sha256": digest},
        "output": {"name": target.name, "sha256": file_digest(output)},
        "templates": {template.name: template.fingerprint for template in templates},
        "settings": plain(settings),
        **plain(more),
        "versions": library_versions(),
    }
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")

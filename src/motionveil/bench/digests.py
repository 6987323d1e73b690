"""What files hold, remembered, so that a large dataset is not read anew at every start."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .._core.atomic_files import write_file
from ..outputs.run_manifest import file_digest


class Digests:
    """sha256 of files, kept in one file by name, size and time of change. memory: that file."""

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        self._known: dict[str, str] = {}
        with suppress(OSError, ValueError):  # none yet, or damaged: they are computed again
            self._known = json.loads(memory.read_text(encoding="utf-8"))
        self._new = 0

    def __call__(self, files: Iterable[Path], *, named: bool = True) -> str:
        """One digest of some files in order, by what they hold, and `named` by their names too; in hexadecimal."""
        whole = hashlib.sha256()
        for file in files:
            status = file.stat()
            key = f"{file.resolve()} {status.st_size} {status.st_mtime_ns}"
            if key not in self._known:
                self._known[key] = file_digest(file) or ""
                self._new += 1
            whole.update(f"{file.name if named else ''} {self._known[key]}\n".encode())
        return whole.hexdigest()

    def save(self) -> None:
        """Keep what is new."""
        if self._new:
            write_file(self.memory, json.dumps(self._known).encode())
            self._new = 0

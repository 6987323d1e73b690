"""The ledger of a batch: what is to be made, what is being made, what is done, and what failed and why."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Literal, NamedTuple, Self

from .._core.errors import OutputError

LEDGER = ".motionveil.sqlite"
"""Its name in the output folder."""
State = Literal["waiting", "running", "done", "failed"]
_VERSION = 1
_TABLE = """
CREATE TABLE IF NOT EXISTS files (
    name TEXT PRIMARY KEY,           -- of the output, in the folder
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    settings TEXT,                   -- sha256 of what it is made with
    input TEXT, output TEXT,         -- sha256 of both files
    input_mark TEXT, output_mark TEXT, -- their sizes and times of change
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    began TEXT, ended TEXT
) WITHOUT ROWID
"""


class Entry(NamedTuple):
    """What the ledger says of one output; see its columns."""

    name: str
    state: State
    settings: str | None
    input: str | None
    output: str | None
    input_mark: str | None
    output_mark: str | None
    attempts: int
    error: str | None
    began: str | None
    ended: str | None


class Ledger:
    """A SQLite file with one row for every output of a batch; a context manager.

    Only the process that runs the batch writes to it, and no second one can meanwhile. Every change is on the disk
    when the call returns, or is found again from the write-ahead log; a kill at any moment leaves a valid ledger.
    Sources are not named.

    Args:
        folder: The output folder; None keeps the ledger in memory.

    Raises:
        OutputError: If it cannot be written, is damaged, or is in use. All methods raise it too.
    """

    def __init__(self, folder: Path | None) -> None:
        self.path = None if folder is None else folder / LEDGER
        with self._as_output_errors():
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._base = sqlite3.connect(self.path or ":memory:", isolation_level=None, timeout=2)
            try:
                self._open()
            except BaseException:
                self._base.close()
                raise

    def _open(self) -> None:
        # Without other processes there is no shared memory, so that network file systems will do.
        self._base.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        (version,) = self._base.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise OutputError(f"{self.path} was written by another version of motionveil; move it away")
        self._base.execute(_TABLE)
        self._base.execute(f"PRAGMA user_version = {_VERSION}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def entry(self, name: str) -> Entry | None:
        """What is known of an output."""
        with self._as_output_errors():
            row = self._base.execute("SELECT * FROM files WHERE name = ?", (name,)).fetchone()
        return None if row is None else Entry(*row)

    def entries(self) -> list[Entry]:
        """Everything, sorted by name."""
        with self._as_output_errors():
            return [Entry(*row) for row in self._base.execute("SELECT * FROM files ORDER BY name")]

    def expect(self, names: Iterable[str]) -> None:
        """Write down that these outputs are to be made; what is done already stays done."""
        with self._as_output_errors():
            self._base.execute("BEGIN")
            self._base.executemany(
                "INSERT INTO files (name, state) VALUES (?, 'waiting') "
                "ON CONFLICT (name) DO UPDATE SET state = 'waiting' WHERE state != 'done'",
                ((name,) for name in names),
            )
            self._base.execute("COMMIT")

    def begin(self, name: str, *, settings: str | None, input_mark: str | None) -> None:
        """An attempt begins. settings: sha256 of what it is made with. input_mark: see `mark`."""
        self._set(
            name, state="running", settings=settings, input=None, output=None, input_mark=input_mark, output_mark=None,
            error=None, began=_now(), ended=None,
        )  # fmt: skip
        with self._as_output_errors():
            self._base.execute("UPDATE files SET attempts = attempts + 1 WHERE name = ?", (name,))

    def complete(
        self,
        name: str,
        *,
        settings: str | None,
        digests: tuple[str | None, str | None],
        marks: tuple[str | None, str | None],
    ) -> None:
        """An output is there. digests: sha256 of input and output. marks: see `mark`."""
        self._set(
            name, state="done", settings=settings, input=digests[0], output=digests[1], input_mark=marks[0],
            output_mark=marks[1], error=None, ended=_now(),
        )  # fmt: skip

    def fail(self, name: str, error: str) -> None:
        """An attempt failed."""
        self._set(name, state="failed", error=error, ended=_now())

    def _set(self, name: str, **values: str | None) -> None:
        wanted = ", ".join(f"{column} = ?" for column in values)
        with self._as_output_errors():
            self._base.execute(f"UPDATE files SET {wanted} WHERE name = ?", (*values.values(), name))

    @contextmanager
    def _as_output_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if "locked" in str(error):
                told = "is in use by another run into the same folder; wait for it"
            elif isinstance(error, sqlite3.OperationalError | OSError):
                told = f"cannot be written ({error}); free some space or check the folder, and run it with --resume"
            else:
                told = f"is damaged ({error}); remove it, and run it with --resume: results are known by their records"
            raise OutputError(f"{self.path} {told}") from error


def mark(path: str | Path | int) -> str | None:
    """Size and time of change of a file, by which a change of it is noticed; None for what is no file."""
    try:
        status = Path(str(path)).stat()
    except (OSError, ValueError):
        return None
    return f"{status.st_size} {status.st_mtime_ns}" if S_ISREG(status.st_mode) else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

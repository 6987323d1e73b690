"""Reading annotation files: every complaint names the file and the line."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motionveil._core.errors import InputError


@dataclass(frozen=True)
class Entry:
    """One line of an annotation file, its values by column."""

    path: Path
    line: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def integer(self, column: str) -> int:
        """The value of a column as a whole number. Raises InputError where it is none."""
        try:
            return int(self[column])
        except ValueError:
            raise self.wrong(f"{column} must be a whole number, not {self[column]!r}") from None

    def span(self, first: str, last: str) -> tuple[int, int]:
        """Frames from two columns, which count from 1 and hold the last one too, as start and stop from 0."""
        start, stop = self.integer(first) - 1, self.integer(last)
        if not 0 <= start < stop:
            raise self.wrong(f"the clip goes from frame {start + 1} to {stop}")
        return start, stop

    def choice(self, column: str, allowed: Sequence[str]) -> str:
        """The value of a column where it is one of some. Raises InputError where it is not."""
        if self[column] not in allowed:
            raise self.wrong(f"{column} must be one of {', '.join(allowed)}, not {self[column]!r}")
        return self[column]

    def wrong(self, reason: str) -> InputError:
        """The error that says what is wrong with this line."""
        return InputError(
            f"{self.path}, line {self.line}: {reason}; mend the line, or take the file from the original archive again"
        )


def read_text(path: Path) -> str:
    """The text of a file, UTF-8. Raises InputError where it is missing or no text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(
            f"the annotation file {path} cannot be read ({error.strerror}); give the folder that holds it"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text file in UTF-8; take it from the original archive again") from error


def read_table(path: Path, columns: Sequence[str], *, ends_early: bool = False) -> list[Entry]:
    """The lines of a CSV file whose first line names its columns; further columns are read too.

    ends_early: whether lines may leave out their last values, which are then empty.

    Raises InputError where a column is missing, a line has another number of values, or there are no lines.
    """
    lines = list(csv.reader(read_text(path).splitlines()))
    names = [name.strip() for name in lines[0]] if lines else []
    missing = [column for column in columns if column not in names]
    if missing:
        raise InputError(f"{path}, line 1: there is no column {missing[0]!r}; expected {', '.join(columns)}")
    body = lines[1:]
    if ends_early:
        body = [[*values, *[""] * (len(names) - len(values))] for values in body]
    return _entries(path, names, body, first=2)


def read_list(path: Path, columns: Sequence[str], *, separator: str | None = None) -> list[Entry]:
    """The lines of a file without heading, cut at white space or at `separator`, as these columns.

    Raises InputError where a line has another number of values, or there are no lines.
    """
    lines = [line.split(separator) for line in read_text(path).splitlines()]
    return _entries(path, columns, lines, first=1)


def _entries(path: Path, names: Sequence[str], lines: Sequence[Sequence[str]], first: int) -> list[Entry]:
    entries = []
    for number, values in enumerate(lines, first):
        if not any(value.strip() for value in values):
            continue
        entry = Entry(path, number, dict(zip(names, (value.strip() for value in values), strict=False)))
        if len(values) != len(names):
            raise entry.wrong(f"it has {len(values)} values where {len(names)} belong ({', '.join(names)})")
        entries.append(entry)
    if not entries:
        raise InputError(f"{path} names no clip; take it from the original archive again")
    return entries


def line_with(path: Path, text: str) -> int:
    """The first line of a file that holds a text, from 1; 1 where none does."""
    lines = enumerate(read_text(path).splitlines(), 1)
    return next((number for number, line in lines if text in line), 1)


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises InputError, with the line, where it is damaged."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}, line {error.lineno}: this is no JSON ({error.msg}); take it from the original archive again"
        ) from error

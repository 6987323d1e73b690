"""Results: rows of figures, appended to a file and never changed."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from math import isfinite
from pathlib import Path
from typing import Any

from filelock import FileLock

from .._core.atomic_files import read_small_text
from .._core.errors import InputError
from .._core.printable import printable

LEVELS = ("frame", "clip")
_NUMBERS = ("value", "prior")
_MOST_BYTES = 1_000_000_000
PROTOCOLS = ("frozen", "retrained", "two_fold")


@dataclass(frozen=True)
class Row:
    """One figure.

    dataset, task, network, level ('frame' or 'clip'), obfuscator: by the names of their tables. protocol: 'frozen', the
    network was trained on original video; 'retrained', on video that this obfuscator made; 'two_fold', see the learned
    methods. metric: 'top1', 'top5', 'cmap', 'loss' …; value and prior (the same figure of whoever knows only how often
    each class occurs) in [0, 1] for rates. interval: 95 % by bootstrap over the test clips. seed, fold: of the training
    and of the split. num_clips: test clips behind the value. configuration: all else that matters; its hash and the
    commit of the code say whether two rows can be compared. detail: what does not fit a number, for instance the
    confusion matrix.
    """

    dataset: str
    task: str
    network: str
    level: str
    obfuscator: str
    protocol: str
    metric: str
    value: float
    prior: float
    seed: int
    fold: int
    num_clips: int
    configuration: Mapping[str, Any]
    interval: tuple[float, float] | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    commit: str = ""

    @property
    def configuration_hash(self) -> str:
        """Of the configuration, 12 hexadecimal digits."""
        return hash_of(self.configuration)


def hash_of(value: Any) -> str:
    """Twelve hexadecimal digits that are the same for the same JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def append_rows(path: Path, rows: Iterable[Row]) -> None:
    """Add rows at the end of a file, all at once; several processes may do so at the same time."""
    lines = []
    for row in rows:
        told = {key: value for key, value in asdict(row).items() if value is not None}
        lines.append(json.dumps({**told, "configuration_hash": row.configuration_hash}, sort_keys=True) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path), path.open("a+b") as file:
        # A process that was killed while it wrote may have left half a line, which would spoil the next one.
        file.seek(0)
        there = file.read()
        file.truncate(there.rfind(b"\n") + 1)
        file.write("".join(lines).encode())


def read_rows(path: Path) -> list[Row]:
    """The rows of a file, which may come from anybody. Raises InputError, with the line, where one is damaged."""
    if not path.is_file():
        raise InputError(f"there are no results {path}; make them with: motionveil bench run EXPERIMENT.toml")
    known = {item.name for item in fields(Row)}
    rows = []
    whole, _, _ = read_small_text(path, most=_MOST_BYTES).rpartition("\n")  # what follows the last line is half a row
    for number, line in enumerate(whole.split("\n") if whole else [], 1):
        try:
            told = json.loads(line)
            given = {key: value for key, value in told.items() if key in known}
            if given.get("interval") is not None:
                given["interval"] = tuple(given["interval"])
            row = Row(**given)
            _check(row)
            rows.append(row)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"{path}, line {number}, is no row of results ({error}); remove that line") from error
    return rows


def _check(row: Row) -> None:
    """Raise TypeError or ValueError for values that are no values of a row."""
    for item in fields(Row):
        value = getattr(row, item.name)
        if item.name in _NUMBERS:
            fits = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        elif item.name in ("seed", "fold", "num_clips"):
            fits = type(value) is int and 0 <= value < 10**12
        elif item.name in ("configuration", "detail"):
            fits = isinstance(value, Mapping)
        elif item.name == "interval":
            fits = value is None or (len(value) == 2 and all(type(end) in (int, float) for end in value))
        else:
            fits = isinstance(value, str) and len(value) < 1000 and value == printable(value)
        if not fits:
            raise TypeError(f"{item.name} is {value!r:.60}")


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f".{path.name}.lock"))


def merged(rows: Sequence[Row]) -> list[Row]:
    """Rows without those that a later one repeats: same figure, same configuration, seed and fold."""
    last: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        last[identity(row)] = row
    return list(last.values())


def identity(row: Row) -> tuple[Any, ...]:
    """What two rows have in common that are the same figure, perhaps of two runs."""
    names = (row.dataset, row.task, row.network, row.level, row.obfuscator, row.protocol, row.metric)
    return (*names, row.seed, row.fold, row.configuration_hash)


def current_commit() -> str:
    """The commit of the code that runs, with '+' where files were changed; empty outside a checkout."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()

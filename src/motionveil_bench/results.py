"""Results: rows of metrics, appended to a file and never changed."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
from filelock import FileLock
from msgspec import Meta

from motionveil._core.atomic_files import read_small_text
from motionveil._core.errors import InputError
from motionveil._core.printable import printable

LEVELS = ("frame", "clip")
_MOST_BYTES = 1_000_000_000
Name = Annotated[str, Meta(max_length=999)]
Number = Annotated[int, Meta(ge=0, lt=10**12)]
PROTOCOLS = ("frozen", "retrained", "two_fold")


@dataclass(frozen=True)
class Row:
    """One metric of one trained network.

    Attributes:
        dataset: A name in its table, as are task, network and obfuscator.
        level: 'frame' or 'clip'.
        protocol: 'frozen': the network was trained on original videos; 'retrained': on videos processed by this
            obfuscator; 'two_fold': see the learned methods.
        metric: 'top1', 'top5', 'cmap', 'loss' …
        value: In [0, 1] for rates.
        prior: The same metric for a predictor that knows only the class frequencies.
        interval: 95 %, by bootstrap over the test clips.
        seed: Seed of the training.
        fold: Fold of the split.
        num_clips: Number of test clips.
        configuration: Everything else that matters. Rows are comparable if its hash and the commit of the code agree.
        detail: Further results, for instance the confusion matrix.
    """

    dataset: Name
    task: Name
    network: Name
    level: Name
    obfuscator: Name
    protocol: Name
    metric: Name
    value: float
    prior: float
    seed: Number
    fold: Number
    num_clips: Number
    configuration: Mapping[str, Any]
    interval: tuple[float, float] | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    commit: Name = ""

    @property
    def configuration_hash(self) -> str:
        """Hash of the configuration, 12 hexadecimal digits."""
        return hash_of(self.configuration)


def hash_of(value: Any) -> str:
    """12 hexadecimal digits, the same for equal JSON values regardless of the order of keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def append_rows(path: Path, rows: Iterable[Row]) -> None:
    """Append rows to a file in one write; several processes may do so at the same time."""
    lines = []
    for row in rows:
        told = {key: value for key, value in asdict(row).items() if value is not None}
        lines.append(json.dumps({**told, "configuration_hash": row.configuration_hash}, sort_keys=True) + "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path), path.open("a+b") as file:
        # A process killed while writing may have left half a line, which would corrupt the next one.
        file.seek(0)
        there = file.read()
        file.truncate(there.rfind(b"\n") + 1)
        file.write("".join(lines).encode())


def read_rows(path: Path) -> list[Row]:
    """Read the rows of a file. The file is not trusted. Raises InputError, with the line, if one is damaged."""
    if not path.is_file():
        raise InputError(f"there are no results {path}; make them with: motionveil bench run EXPERIMENT.toml")
    rows = []
    whole, _, _ = read_small_text(path, most=_MOST_BYTES).rpartition("\n")  # the rest is an incomplete row
    for number, line in enumerate(whole.split("\n") if whole else [], 1):
        try:
            row = msgspec.json.decode(line, type=Row)
            if odd := [value for value in vars(row).values() if isinstance(value, str) and value != printable(value)]:
                raise ValueError(f"{odd[0]!r:.60} cannot be printed")
            rows.append(row)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number}, is no row of results ({error}); remove that line") from error
    return rows


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f".{path.name}.lock"))


def merged(rows: Sequence[Row]) -> list[Row]:
    """Rows without those that a later one repeats: same metric, configuration, seed and fold."""
    last: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        last[identity(row)] = row
    return list(last.values())


def identity(row: Row) -> tuple[Any, ...]:
    """The identity of a row, shared with repetitions in other runs."""
    names = (row.dataset, row.task, row.network, row.level, row.obfuscator, row.protocol, row.metric)
    return (*names, row.seed, row.fold, row.configuration_hash)


def current_commit() -> str:
    """The commit of the running code, with '+' if files were changed; empty outside a checkout."""
    folder = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()

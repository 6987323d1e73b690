"""One film in the studio: what was chosen, what was made of it, and which moments somebody has looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from .._core.errors import InputError, OptionError
from .._core.types import VideoInfo
from ..pipeline.settings_file import PROJECT_FORMAT, Settings

State = Literal["waiting", "running", "done", "failed", "cancelled"]
"""Of a run."""
MARKS = ("fine", "fixed")
"""What somebody may say of a moment of doubt."""
_MOST_TEXT = 200


@dataclass(frozen=True)
class Film:
    """The source of a project.

    Attributes:
        name: What people call it; never used as a path.
        stored: Name of the file in the project's folder; None for a film that stays where it is, at `path`.
        seconds: Its length; None where nobody knows.
    """

    name: str
    stored: str | None
    path: str | None
    size: int
    width: int
    height: int
    frame_rate: float
    seconds: float | None
    is_image: bool
    has_audio: bool

    @classmethod
    def of(cls, info: VideoInfo, *, name: str, stored: str | None, path: Path | None, size: int) -> Film:
        """A film of which `probe` has said this. Raises InputError for what cannot be read twice."""
        if info.is_live:
            raise InputError(f"{name} is no file; the studio opens files")
        seconds = None if info.duration is None else float(info.duration)
        if seconds is None and info.num_frames is not None and not info.is_image:
            seconds = info.num_frames / float(info.frame_rate)
        return cls(
            name, stored, None if path is None else str(path), size, info.width, info.height, float(info.frame_rate),
            seconds, info.is_image, info.has_audio,
        )  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """A moment of doubt, see `regions.Doubt`. time: seconds. box: (left, top, width, height) in pixels."""

    time: float
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Row:
    """A piece of what is hidden, followed by where it is: one person, for as long as nobody touches them.

    Attributes:
        start: Seconds.
        end: Seconds.
        places: (time, left, top, width, height) now and then, in seconds and pixels.
    """

    start: float
    end: float
    places: tuple[tuple[float, int, int, int, int], ...]


@dataclass(frozen=True)
class Audit:
    """The audit of a result.

    Attributes:
        level: Of its verdict, see `audit.Audit`.
        headline: Its verdict in a sentence.
        error: One sentence, where it failed.
    """

    state: State
    level: str | None = None
    headline: str | None = None
    error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Run:
    """One time that the film was made.

    Attributes:
        settings: As they were then.
        output: Name of the result, in the run's folder.
        moments: Moments of doubt.
        rows: What is hidden, piece by piece.
        audit: Of the result, if somebody has asked for it.
        error: One sentence, where it failed.
    """

    id: str
    state: State
    created: str
    settings: Settings
    with_preview: bool = False
    finished: str | None = None
    output: str | None = None
    frames: int = 0
    seconds: float = 0.0
    notices: tuple[str, ...] = ()
    moments: tuple[Moment, ...] = ()
    rows: tuple[Row, ...] = ()
    audit: Audit | None = None
    error: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Mark:
    """That somebody has looked at a moment of doubt. moment: its index in the run."""

    run: str
    moment: int
    time: float
    mark: str
    who: str
    when: str


@dataclass(frozen=True)
class Project:
    """Everything about one film. revision: rises with every change of what a person chose."""

    id: str
    created: str
    changed: str
    film: Film
    settings: Settings = field(default_factory=Settings)
    runs: tuple[Run, ...] = ()
    marks: tuple[Mark, ...] = ()
    revision: int = 0

    def run(self, identifier: str) -> Run | None:
        """One of its runs."""
        return next((run for run in self.runs if run.id == identifier), None)

    def with_settings(self, settings: Settings) -> Project:
        """The project with other settings."""
        return replace(self, settings=settings, revision=self.revision + 1, changed=now())

    def with_run(self, run: Run) -> Project:
        """The project with one more run, or with one that has changed."""
        others = tuple(run if each.id == run.id else each for each in self.runs)
        runs = others if self.run(run.id) else (*self.runs, run)
        return replace(self, runs=runs, changed=now())

    def without_run(self, identifier: str) -> Project:
        """The project without one run and what was said about it."""
        return replace(
            self,
            runs=tuple(run for run in self.runs if run.id != identifier),
            marks=tuple(mark for mark in self.marks if mark.run != identifier),
            changed=now(),
        )

    def with_mark(self, run: str, moment: int, mark: str | None, who: str) -> Project:
        """The project with a word about a moment; None takes it back. Raises OptionError where that makes no sense."""
        found = self.run(run)
        if found is None or not 0 <= moment < len(found.moments):
            raise OptionError("there is no such moment; load the page again")
        if mark is not None and mark not in MARKS:
            raise OptionError(f"a moment is marked as {' or '.join(MARKS)}, not as {mark[:40]!r}")
        others = tuple(each for each in self.marks if (each.run, each.moment) != (run, moment))
        if mark is not None:
            time = found.moments[moment].time
            others = (*others, Mark(run, moment, time, mark, who.strip()[:_MOST_TEXT], now()))
        return replace(self, marks=others, changed=now())

    def as_record(self) -> dict[str, Any]:
        """All of it as JSON can hold it; the project file."""
        record = asdict(self)
        record["settings"] = self.settings.as_record()
        for told, run in zip(record["runs"], self.runs, strict=True):
            told["settings"] = run.settings.as_record()
        return {"format": PROJECT_FORMAT, **record}

    def as_bytes(self) -> bytes:
        """The project file."""
        return (json.dumps(self.as_record(), indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")

    @classmethod
    def from_record(cls, record: object) -> Project:
        """What `as_record` made. Raises OptionError for anything else."""
        if not isinstance(record, Mapping) or record.get("format") != PROJECT_FORMAT:
            raise OptionError("this is no project of this version of motionveil studio")
        try:
            return cls(
                id=str(record["id"]),
                created=str(record["created"]),
                changed=str(record["changed"]),
                film=Film(**record["film"]),
                settings=Settings.from_record(record["settings"]),
                runs=tuple(_run(each) for each in record["runs"]),
                marks=tuple(Mark(**each) for each in record["marks"]),
                revision=int(record["revision"]),
            )
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise OptionError(f"this is no project of this version of motionveil studio ({error})") from error


def _run(record: Mapping[str, Any]) -> Run:
    if record["state"] not in get_args(State):
        raise ValueError(f"no state {record['state']!r}")
    given = {
        **record,
        "settings": Settings.from_record(record["settings"]),
        "notices": tuple(record["notices"]),
        "moments": moments_of(record["moments"]),
        "rows": rows_of(record.get("rows", ())),
        "audit": None if record.get("audit") is None else Audit(**record["audit"]),
    }
    return Run(**given)


def rows_of(records: Sequence[Mapping[str, Any]]) -> tuple[Row, ...]:
    """Rows from JSON."""

    def place(numbers: Sequence[Any]) -> tuple[float, int, int, int, int]:
        time, left, top, width, height = numbers
        return float(time), int(left), int(top), int(width), int(height)

    return tuple(Row(float(each["start"]), float(each["end"]), tuple(map(place, each["places"]))) for each in records)


def moments_of(records: Sequence[Mapping[str, Any]]) -> tuple[Moment, ...]:
    """Moments of doubt from JSON."""
    found = []
    for record in records:
        left, top, width, height = (int(number) for number in record["box"])
        found.append(Moment(float(record["time"]), (left, top, width, height)))
    return tuple(found)


def now() -> str:
    """The time, as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")

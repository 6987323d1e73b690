"""What is there of a dataset, what is missing, and how many clips its splits have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from textwrap import dedent

from motionveil._core.errors import InputError
from motionveil.video import is_pattern

from ..records import Record
from .dataset import AnnotatedDataset, Origin

_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Fold:
    """One split in numbers.

    clips, subjects: in training, validation and test. fault: why it cannot be made; empty where it can.
    """

    clips: tuple[int, int, int]
    subjects: tuple[int, int, int]
    fault: str = ""


@dataclass(frozen=True)
class TaskCounts:
    """One task in numbers. clips: per class; with several labels at once a clip counts for each of them."""

    name: str
    num_clips: int
    clips: dict[str, int]
    folds: tuple[Fold, ...]


@dataclass(frozen=True)
class Report:
    """What `check` found. missing: the sources that are not there, sorted."""

    name: str
    root: Path
    origin: Origin
    num_sources: int
    missing: tuple[str, ...]
    tasks: tuple[TaskCounts, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all sources are there."""
        return not self.missing

    def lines(self, *, shown: int = 5) -> Iterator[str]:
        """The report for a terminal. shown: how many missing sources are named."""
        yield f"{self.name}: {self.origin.title}"
        for task in self.tasks:
            fewest, most = min(task.clips, key=task.clips.__getitem__), max(task.clips, key=task.clips.__getitem__)
            each = f"{fewest} {task.clips[fewest]} to {most} {task.clips[most]}"
            if task.clips[fewest] == task.clips[most]:
                each = f"{task.clips[most]} of each"
            yield f"  {task.name}: {task.num_clips} clips, {len(task.clips)} classes ({each})"
            for fold, alike in groupby(range(len(task.folds)), task.folds.__getitem__):
                numbers = list(alike)
                which = f"fold {numbers[0]}" if len(numbers) == 1 else f"folds {numbers[0]} to {numbers[-1]}"
                if fold.fault:
                    yield f"    {which} cannot be made: {fold.fault}"
                    continue
                parts = " + ".join(f"{count} {part}" for count, part in zip(fold.clips, _PARTS, strict=True))
                people = f", {' + '.join(map(str, fold.subjects))} subjects" if any(fold.subjects) else ""
                yield f"    {which}: {parts}{people}"
        if self.is_complete:
            yield f"  {self.num_sources} files or folders, all below {self.root}"
            return
        yield f"  missing: {len(self.missing)} of {self.num_sources} files or folders below {self.root}:"
        yield from (f"    {source}" for source in self.missing[:shown])
        if len(self.missing) > shown:
            yield f"    … and {len(self.missing) - shown} more"
        yield f"  Get it from {self.origin.url}"
        yield f"  ({self.origin.size}; {self.origin.licence}), and lay it out like this:"
        yield from (f"    {line}" for line in dedent(self.origin.layout).splitlines())


def check(dataset: AnnotatedDataset) -> Report:
    """Look for every source and count what the splits have; no video is opened."""
    records = [record for task in dataset.tasks for record in dataset.records(task)]
    sources = sorted({record.source for record in records})
    return Report(
        name=dataset.name,
        root=dataset.root,
        origin=dataset.origin,
        num_sources=len(sources),
        missing=tuple(source for source in sources if not is_there(dataset.root, source)),
        tasks=tuple(_counts(dataset, task) for task in dataset.tasks),
    )


def is_there(root: Path, source: str) -> bool:
    """Whether a source exists: a file, a folder, or anything of a pattern."""
    path = root / source
    return any(path.parent.glob(path.name)) if is_pattern(path) else path.exists()


def _counts(dataset: AnnotatedDataset, task: str) -> TaskCounts:
    records = dataset.records(task)
    held = Counter(label for record in records for label in _labels(record, task))
    return TaskCounts(
        name=task,
        num_clips=len(records),
        clips={name: held[name] for name in dataset.tasks[task].classes},
        folds=tuple(_fold(dataset, task, fold) for fold in range(dataset.num_folds(task))),
    )


def _fold(dataset: AnnotatedDataset, task: str, fold: int) -> Fold:
    try:
        split = dataset.split(task, fold)
    except InputError as error:
        return Fold((0, 0, 0), (0, 0, 0), str(error))
    parts = (split.train, split.validation, split.test)
    clips = (len(split.train), len(split.validation), len(split.test))
    train, validation, test = (len({record.subject for record in part} - {""}) for part in parts)
    return Fold(clips, (train, validation, test))


def _labels(record: Record, task: str) -> tuple[str, ...]:
    label = record.labels[task]
    return (label,) if isinstance(label, str) else label

"""What all datasets have in common: a folder, annotations, tasks and folds."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from motionveil._core.errors import InputError, OptionError
from motionveil.video import IMAGE_SUFFIXES

from ..records import Record, Split, Task

Part = Literal["train", "validation", "test", ""]
"""Where a clip goes in a split; empty where it is left out."""
Item = TypeVar("Item", bound=Hashable)

_OPPOSITE = {"left": "right", "right": "left", "clockwise": "anticlockwise", "anticlockwise": "clockwise"}
_SIDE = re.compile("anticlockwise|clockwise|left|right")

VIDEO_SUFFIXES = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"})


@dataclass(frozen=True)
class Origin:
    """Where a dataset comes from: its publisher's page, licence, size, and the folders that are expected."""

    title: str
    url: str
    licence: str
    size: str
    layout: str


class AnnotatedDataset(ABC):
    """A dataset in its original layout, read from its annotation files; a subclass says how. No video is opened.

    root: the folder of the videos. annotations: the folder of the annotation files; None looks in the places below
    `root` where the publisher has them. Raises InputError where they are missing or wrong.
    """

    name: ClassVar[str]
    origin: ClassVar[Origin]
    places: ClassVar[tuple[str, ...]] = ("",)
    """Folders below the root where the annotation files may be."""
    key_file: ClassVar[str] = ""
    """An annotation file that tells the place."""
    folds: ClassVar[tuple[int, int]] = (1, 1)
    """How many splits there are of the task `action`, and of every other."""
    views: ClassVar[int] = 0
    """Frames of a test clip whose logits networks for frames average; 0 for as many as a network says."""

    tasks: Mapping[str, Task]

    def __init__(self, root: str | Path, annotations: str | Path | None = None) -> None:
        self.root = Path(root)
        for folder in (self.root, self.root if annotations is None else Path(annotations)):
            if not folder.is_dir():
                raise InputError(f"there is no folder {folder}; {self.name} can be had from {self.origin.url}")
        self.annotations = self._place() if annotations is None else Path(annotations)
        self.tasks = self._make_tasks()
        self._clips = tuple(self._read())
        self._check_names()
        for task in self.tasks.values():
            self._check_classes(task)

    def _place(self) -> Path:
        for place in self.places:
            if (self.root / place / self.key_file).exists():
                return self.root / place
        raise InputError(
            f"{self.key_file}, the annotation of {self.name}, is in none of the usual places below {self.root} "
            f"({', '.join(place or '.' for place in self.places)}); say where with --annotations"
        )

    @abstractmethod
    def _make_tasks(self) -> Mapping[str, Task]:
        """The tasks, whose classes may be read from the annotations."""

    @abstractmethod
    def _read(self) -> Iterable[Record]:
        """All clips."""

    def num_folds(self, task: str) -> int:
        """How many official (or documented) splits a task has. Raises OptionError where there is no such task."""
        self.records(task)
        return self.folds[task != "action"]

    @abstractmethod
    def _split(self, task: str, fold: int) -> Split:
        """One split of a task and a fold that exist."""

    def records(self, task: str) -> tuple[Record, ...]:
        """All clips that have a label for a task. Raises OptionError where there is no such task."""
        if task not in self.tasks:
            raise OptionError(f"{self.name} has no task {task!r}; it has {', '.join(self.tasks)}")
        return self._records[task]

    def split(self, task: str, fold: int = 0) -> Split:
        """One split of a task, in three disjoint parts.

        Raises OptionError where there is no such task or fold, InputError where a part would be empty or a class would
        be tested that no clip is left to learn from.
        """
        self.records(task)
        if not 0 <= fold < self.num_folds(task):
            raise OptionError(f"{self.name} has no fold {fold} for {task}; it has 0 to {self.num_folds(task) - 1}")
        split = self._split(task, fold)
        for part in ("train", "validation", "test"):
            if not getattr(split, part):
                raise InputError(f"{self.annotations}: no clip is left for {part} in fold {fold} of {task}; add clips")
        if untaught := sorted(_classes_in(split.test, task) - _classes_in(split.train, task)):
            more = f" and {len(untaught) - 5} more" if len(untaught) > 5 else ""
            raise InputError(
                f"{self.annotations}: in fold {fold} of {task} no training clip shows what is tested as "
                f"{', '.join(untaught[:5])}{more}; add such clips (of other people, where folds go by people), or "
                "leave all of them out"
            )
        return split

    def partitions(self, task: str) -> tuple[tuple[int, ...], ...]:
        """The folds in groups whose results may be pooled: over the folds of a group no clip is tested twice.

        Folds that follow one another are together as long as that holds. Raises OptionError where there is no such
        task.
        """
        groups: list[tuple[int, ...]] = []
        tested: set[str] = set()
        for fold in range(self.num_folds(task)):
            names = {record.name for record in self._split(task, fold).test}
            if groups and not tested & names:
                groups[-1] += (fold,)
                tested |= names
            else:
                groups.append((fold,))
                tested = names
        return tuple(groups)

    @cached_property
    def _records(self) -> Mapping[str, tuple[Record, ...]]:
        return {task: tuple(clip for clip in self._clips if task in clip.labels) for task in self.tasks}

    def _check_names(self) -> None:
        twice = [name for name, count in Counter(clip.name for clip in self._clips).items() if count > 1]
        if twice:
            raise InputError(f"{self.annotations}: the clip {twice[0]} occurs twice; keep one of them")

    def _check_classes(self, task: Task) -> None:
        found = _classes_in(self._records[task.name], task.name)
        missing = [name for name in task.classes if name not in found]
        if missing:
            raise InputError(
                f"{self.annotations}: no clip is labelled {missing[0]!r} in the task {task.name}; "
                "take the annotations from the original archive again"
            )

    def _source(self, *candidates: str) -> str:
        """The first of these paths below the root that exists; where none does, the first, so that it is missed."""
        return next((path for path in candidates if (self.root / path).exists()), candidates[0])


def mirrored_names(classes: Sequence[str]) -> dict[str, str]:
    """Of each class whose name tells a side or a sense of rotation (throw_left, clockwise) the class that has the
    opposite in its place, where there is one: see `Task.mirrored`.
    """
    opposites = {name: _SIDE.sub(lambda found: _OPPOSITE[found[0]], name.lower()) for name in classes}
    own = {name.lower(): name for name in classes}
    return {name: own[other] for name, other in opposites.items() if other != name.lower() and other in own}


def _classes_in(records: Iterable[Record], task: str) -> set[str]:
    labels = (record.labels[task] for record in records)
    return {name for label in labels for name in ((label,) if isinstance(label, str) else label)}


def split_by(records: Sequence[Record], part_of: Callable[[Record], Part]) -> Split:
    """Each record in the part that a function says, the order kept."""
    parts: dict[str, list[Record]] = {"train": [], "validation": [], "test": [], "": []}
    for record in records:
        parts[part_of(record)].append(record)
    return Split(tuple(parts["train"]), tuple(parts["validation"]), tuple(parts["test"]))


def rotated(items: Iterable[Item], fold: int, folds: int = 3) -> dict[Item, Part]:
    """A part for each of some items in order: over all folds, every one is in the test part exactly once.

    Every `folds`-th is for the test, every fifth of the others, from the first, for validation.
    """
    distinct = list(dict.fromkeys(items))
    parts: dict[Item, Part] = dict.fromkeys(distinct[fold::folds], "test")
    others = [item for item in distinct if item not in parts]
    parts.update({item: "train" if index % 5 else "validation" for index, item in enumerate(others)})
    return parts


def carve(records: Sequence[Record], task: str, share: float, *, by_subject: bool = True) -> frozenset[str]:
    """The names of the records that go from training to validation.

    Of each class at least this share, in whole subjects (whole clips without `by_subject`), those with the fewest clips
    first, so that there are many. One subject of each class at least stays for training: one that is the last of any
    class is passed over.
    """
    groups = {record.name: record.subject if by_subject and record.subject else record.name for record in records}
    sizes = Counter(groups.values())
    of_class: dict[str, Counter[str]] = {}
    for record in records:
        of_class.setdefault(str(record.labels[task]), Counter())[groups[record.name]] += 1
    left = {label: set(counts) for label, counts in of_class.items()}
    for label, counts in of_class.items():
        taken = sum(counts[group] for group in counts.keys() - left[label])
        for group in sorted(left[label], key=lambda group: (sizes[group], group)):
            if taken >= share * counts.total():
                break
            if not any(others == {group} for others in left.values()):
                taken += counts[group]
                for others in left.values():
                    others.discard(group)
    stay = set().union(*left.values())
    return frozenset(name for name, group in groups.items() if group not in stay)


def split_off(train: Sequence[Record], test: Sequence[Record], task: str, **how: Any) -> Split:
    """A split from its training and test parts, validation taken from the training part by `carve`."""
    held = carve(train, task, **how)
    return Split(
        tuple(record for record in train if record.name not in held),
        tuple(record for record in train if record.name in held),
        tuple(test),
    )


def split_tested(records: Sequence[Record], tested: Callable[[Record], bool], task: str, **how: Any) -> Split:
    """A split whose test part is known; validation is taken from the others by `carve`."""
    train = [record for record in records if not tested(record)]
    return split_off(train, [record for record in records if tested(record)], task, **how)


def is_clip(path: Path) -> bool:
    """Whether a path is a video file or a folder that holds pictures; hidden ones are not."""
    if path.name.startswith("."):
        return False
    if path.is_dir():
        return any(child.suffix.lower() in IMAGE_SUFFIXES for child in path.iterdir())
    return path.suffix.lower() in VIDEO_SUFFIXES

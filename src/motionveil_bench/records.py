"""What a dataset is made of: clips with labels by name, and how they are split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from motionveil._core.errors import OptionError

Label = str | tuple[str, ...]
"""The name of a class; for a task with several labels at once, the names of those that hold (perhaps none)."""


@dataclass(frozen=True)
class Task:
    """A question about a clip: its name, the names of its classes in order, and whether several may hold at once.

    mirrored: the class that the mirrored clip of a class shows (throw_left -> throw_right); a class that is not in it
    stays what it is.
    """

    name: str
    classes: tuple[str, ...]
    multilabel: bool = False
    mirrored: Mapping[str, str] = field(default_factory=dict, hash=False)

    def index(self, label: str) -> int:
        """The number of a class. Raises OptionError where the task has no such class."""
        try:
            return self.classes.index(label)
        except ValueError:
            raise OptionError(
                f"the task {self.name} has no class {label!r}; it has {', '.join(self.classes)}"
            ) from None


@dataclass(frozen=True)
class Record:
    """One labelled clip.

    name: unique in its dataset. source: the video file, picture, folder of frames, or pattern of their names
    (``s01s02/01/001/rgb*.png``) that holds it, below the root of the dataset, with ``/``. start, stop: its
    frames in the source, counted from 0, stop excluded; None is the end.
    labels: label by task. subject: who is seen, or any group that no split may tear apart; empty where unknown.
    """

    name: str
    source: str
    labels: Mapping[str, Label]
    subject: str = ""
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Split:
    """Which clips a network learns from, which choose the moment to stop, and which judge it. Disjoint."""

    train: tuple[Record, ...]
    validation: tuple[Record, ...]
    test: tuple[Record, ...]

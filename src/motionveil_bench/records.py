"""Contents of a dataset: clips with labels by name, and splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from motionveil._core.errors import OptionError

Label = str | tuple[str, ...]
"""The name of a class; for tasks with several labels, the names of those that apply, possibly none."""


@dataclass(frozen=True)
class Task:
    """A classification task.

    Attributes:
        name: Its name.
        classes: The names of the classes, in order.
        multilabel: Whether several may apply at once.
        mirrored: The class shown by a mirrored clip of a class (throw_left -> throw_right); others do not change.
    """

    name: str
    classes: tuple[str, ...]
    multilabel: bool = False
    mirrored: Mapping[str, str] = field(default_factory=dict, hash=False)

    def index(self, label: str) -> int:
        """The index of a class. Raises OptionError if the task does not have it."""
        try:
            return self.classes.index(label)
        except ValueError:
            raise OptionError(
                f"the task {self.name} has no class {label!r}; it has {', '.join(self.classes)}"
            ) from None


@dataclass(frozen=True)
class Record:
    """A labelled clip.

    Attributes:
        name: Unique within its dataset.
        source: The video file, image, folder of frames, or pattern (``s01s02/01/001/rgb*.png``) below the root of the
            dataset, with ``/``.
        start: First frame in the source, counted from 0.
        stop: Last frame, exclusive; None for the end.
        labels: Label by task.
        subject: The person shown, or any other group that splits must not divide; empty if unknown.
    """

    name: str
    source: str
    labels: Mapping[str, Label]
    subject: str = ""
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Split:
    """Disjoint sets of clips: for training, for validation, and for testing."""

    train: tuple[Record, ...]
    validation: tuple[Record, ...]
    test: tuple[Record, ...]

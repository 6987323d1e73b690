"""Datasets with their files and frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..copies.preparation import Preparation
from ..datasets import AnnotatedDataset
from ..records import Split
from ..results import hash_of
from .frames import FrameStore


@dataclass(frozen=True)
class Footage:
    """A dataset, its files and its frames. without_test: remove test clips from all splits, so that they cannot be
    used.
    """

    dataset: AnnotatedDataset
    preparation: Preparation
    store: FrameStore
    without_test: bool = False

    def split(self, task: str, fold: int) -> Split:
        """One split of the dataset."""
        split = self.dataset.split(task, fold)
        return replace(split, test=()) if self.without_test else split

    def digest(self, split: Split, task: str) -> str:
        """A hash of the clips of a split, their labels, and the contents of their files."""
        return hash_of(
            [
                [[r.name, r.labels[task], r.start, r.stop, self.preparation.digest(r.source)] for r in part]
                for part in (split.train, split.validation, split.test)
            ]
        )

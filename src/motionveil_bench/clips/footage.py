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
    """A dataset, where its files are, and their frames. without_test: no split has test clips, so that nothing that
    works on it can look at them."""

    dataset: AnnotatedDataset
    preparation: Preparation
    store: FrameStore
    without_test: bool = False

    def split(self, task: str, fold: int) -> Split:
        """One split of the dataset."""
        split = self.dataset.split(task, fold)
        return replace(split, test=()) if self.without_test else split

    def digest(self, split: Split, task: str) -> str:
        """A hash of the clips of a split, of their labels, and of what their files hold."""
        return hash_of(
            [
                [[r.name, r.labels[task], r.start, r.stop, self.preparation.digest(r.source)] for r in part]
                for part in (split.train, split.validation, split.test)
            ]
        )

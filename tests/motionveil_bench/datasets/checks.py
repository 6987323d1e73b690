"""What must hold for every split of every dataset."""

from __future__ import annotations

from collections import Counter

from motionveil_bench.datasets import AnnotatedDataset
from motionveil_bench.records import Split

PARTS = ("train", "validation", "test")


def sizes(split: Split) -> tuple[int, int, int]:
    return len(split.train), len(split.validation), len(split.test)


def check_splits(dataset: AnnotatedDataset, task: str, folds: range | None = None, *, whole: bool = False) -> None:
    """Parts are disjoint, not empty and made of the task's clips; `whole`: over the folds each is tested once."""
    records = dataset.records(task)
    assert len({record.name for record in records}) == len(records)
    tested: Counter[str] = Counter()
    for fold in folds or range(dataset.num_folds(task)):
        split = dataset.split(task, fold)
        names = [record.name for part in PARTS for record in getattr(split, part)]
        assert len(names) == len(set(names))
        assert set(names) <= {record.name for record in records}
        assert min(sizes(split)) > 0
        tested.update(record.name for record in split.test)
        assert split == dataset.split(task, fold)
    if whole:
        assert tested == Counter(record.name for record in records)


def subjects_apart(dataset: AnnotatedDataset, task: str, folds: range | None = None) -> None:
    """No subject is in two parts of a split."""
    for fold in folds or range(dataset.num_folds(task)):
        split = dataset.split(task, fold)
        parts = [{record.subject for record in getattr(split, part)} for part in PARTS]
        assert sum(map(len, parts)) == len(set.union(*parts))
        assert "" not in set.union(*parts)

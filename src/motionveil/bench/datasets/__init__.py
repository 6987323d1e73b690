"""Datasets in their original layouts."""

from pathlib import Path

from ...errors import OptionError
from .class_folder import ClassFolder
from .dataset import AnnotatedDataset, Origin
from .procedural import Procedural
from .ut_interaction import UTInteraction

__all__ = ["DATASETS", "AnnotatedDataset", "ClassFolder", "Origin", "Procedural", "UTInteraction", "get_dataset"]

DATASETS: dict[str, type[AnnotatedDataset]] = {
    dataset.name: dataset for dataset in (ClassFolder, Procedural, UTInteraction)
}
"""Datasets by name; a new one is one file and one entry here."""


def get_dataset(name: str, root: str | Path, annotations: str | Path | None = None) -> AnnotatedDataset:
    """A dataset by name, from the folder of its videos and the one of its annotations.

    Raises OptionError where there is none of that name, InputError where its annotations are missing or wrong.
    """
    if name not in DATASETS:
        raise OptionError(f"no dataset {name!r}; choose from {', '.join(DATASETS)}")
    return DATASETS[name](root, annotations)

"""Datasets in their original layouts."""

from .class_folder import ClassFolder
from .dataset import AnnotatedDataset, Origin
from .procedural import Procedural
from .ut_interaction import UTInteraction

__all__ = ["DATASETS", "AnnotatedDataset", "ClassFolder", "Origin", "Procedural", "UTInteraction"]

DATASETS: dict[str, type[AnnotatedDataset]] = {
    dataset.name: dataset for dataset in (ClassFolder, Procedural, UTInteraction)
}
"""Datasets by name; a new one is one file and one entry here."""

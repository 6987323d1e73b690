"""Datasets in their original layouts."""

from pathlib import Path

from motionveil._core.errors import OptionError

from .class_folder import ClassFolder
from .dataset import AnnotatedDataset, Origin
from .hmdb51 import HMDB51
from .ipn import IPNHand
from .kth import KTH
from .pa_hmdb51 import PAHMDB51
from .procedural import Procedural
from .published import IPNPublished, KTHPublished, SBUPublished
from .sbu import SBU
from .ucf101 import UCF5, UCF101
from .ut_interaction import UTInteraction
from .vispr import VISPR

__all__ = [
    "DATASETS",
    "HMDB51",
    "KTH",
    "PAHMDB51",
    "SBU",
    "UCF5",
    "UCF101",
    "VISPR",
    "AnnotatedDataset",
    "ClassFolder",
    "IPNHand",
    "IPNPublished",
    "KTHPublished",
    "Origin",
    "Procedural",
    "SBUPublished",
    "UTInteraction",
    "get_dataset",
]

DATASETS: dict[str, type[AnnotatedDataset]] = {
    "kth": KTH,
    "ipn": IPNHand,
    "sbu": SBU,
    "kth_published": KTHPublished,
    "ipn_published": IPNPublished,
    "sbu_published": SBUPublished,
    "ut_interaction": UTInteraction,
    "ucf101": UCF101,
    "ucf101_5": UCF5,
    "hmdb51": HMDB51,
    "pa_hmdb51": PAHMDB51,
    "vispr": VISPR,
    "class_folder": ClassFolder,
    "procedural": Procedural,
}
"""Datasets by name; a new one is one file and one line here."""


def get_dataset(name: str, root: str | Path, annotations: str | Path | None = None) -> AnnotatedDataset:
    """A dataset by name, from the folder of its videos and the one of its annotations.

    Raises OptionError where there is none of that name, InputError where its annotations are missing or wrong.
    """
    if name not in DATASETS:
        raise OptionError(f"no dataset {name!r}; choose from {', '.join(DATASETS)}")
    return DATASETS[name](root, annotations)

"""The three datasets of Ilic et al. (CVPR 2024) in the units that their figures were measured in.

The paper does not give the sizes of its test sets. They follow from Table 1, whose figures are fractions of them, and
from the lists of its code. Where these splits are more lenient than those of `kth`, `ipn` and `sbu`, it is said below:
compare with published figures here, and judge methods there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from ..records import Record, Split
from .annotations import Entry, read_table
from .dataset import split_by, split_off
from .ipn import PARTS, IPNHand, gender_of
from .kth import KTH
from .sbu import FOLDS, SBU

SUFFIX = "_published"


def base_name(dataset: str) -> str:
    """The name of the dataset whose videos these are: `kth` for `kth_published`."""
    return dataset.removesuffix(SUFFIX)


class KTHPublished(KTH):
    """KTH by whole videos: 300 of them test actions, 150 the identity.

    Inferred from Table 1: 89.67 (I3D) is 269 of 300, 88.33 (CSN) 265 of 300; 87.33 (ResNet-18) is 131 of 150, and 150
    videos are the test of metadata.csv. Which 300 they are is not said, but that all 25 people train and test: here two
    settings of each person and action train, of which some are for validation, and the other two test. **The same
    people are in all parts**, so actions are easier than in `kth`.
    """

    name = f"kth{SUFFIX}"

    def _clips_of(self, entry: Entry) -> Iterable[tuple[str, int, int | None]]:
        yield entry["name"], 0, None

    def _split(self, task: str, fold: int) -> Split:
        split = split_by(self.records(task), self._part_of_video)
        if task != "action":
            return split
        return split_off(split.train, (*split.validation, *split.test), task, share=0.2, by_subject=False)


class IPNPublished(IPNHand):
    """IPN Hand; the gender is told from whole videos, of which 52 test.

    Inferred from Table 1: 88.46 (ResNet-18) is 46 of 52, 94.23 (ViT-B/16) 49 of 52, and metadata_test.csv has 52
    videos. Actions and people are as in `ipn`; nobody is in two parts.
    """

    name = f"ipn{SUFFIX}"

    def _read(self) -> Iterable[Record]:
        yield from super()._read()
        for part in PARTS:
            for entry in read_table(self.annotations / f"metadata_{part}.csv", ("video", "label")):
                video = entry["video"]
                if part == "test":
                    self._tested.add(video)
                yield Record(video, self._source_of(video), {"gender": gender_of(entry)}, self._subject_of(video))

    @cached_property
    def _records(self) -> Mapping[str, tuple[Record, ...]]:
        whole = [clip for clip in self._clips if "action" not in clip.labels]
        return {"action": tuple(clip for clip in self._clips if "action" in clip.labels), "gender": tuple(whole)}


class SBUPublished(SBU):
    """SBU by the lists of 188 and 94 clips for both tasks; privacy networks see 16 frames.

    Inferred from Table 1: 90.43 (ResNet-18) is 85 of 94, 92.55 (MViT) 87 of 94. (87.50 is 77 of 88, 91.11 82 of 90: the
    last batch seems to have been left out for some networks; here all 94 count.) **Clips of one set are in all parts.**
    """

    name = f"sbu{SUFFIX}"
    folds = (1, 1)
    views = 16

    def _split(self, task: str, fold: int) -> Split:
        return super()._split(task, len(FOLDS))

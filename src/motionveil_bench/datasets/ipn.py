"""IPN Hand: thirteen gestures of fifty people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..records import Record, Split, Task
from .annotations import Entry, read_table
from .dataset import AnnotatedDataset, Origin, mirrored_names, split_tested

GENDERS = {"M": "man", "W": "woman"}
NON_GESTURE = "D0X"
PARTS = ("train", "test")


def gender_of(entry: Entry) -> str:
    """The class of a line of the metadata. Raises InputError for another label than M and W."""
    return GENDERS[entry.choice("label", tuple(GENDERS))]


class IPNHand(AnnotatedDataset):
    """IPN Hand (Benitez-Garcia et al., 2021): 4218 gestures of 13 kinds in 200 videos of 50 people.

    Read from ``classIdx.txt``, ``Annot_trainList.txt``, ``Annot_testList.txt`` (label and frames, from 1, both ends
    included) and ``metadata_train.csv``, ``metadata_test.csv`` (M or W). One clip is one gesture; the 1431 spans
    without one (D0X) are left out, as in Ilic et al. (CVPR 2024).

    Tasks `action` and `gender`, one fold each, the publisher's: 37 people for training, 13 for the test. Of the
    training people some of each gender are for validation; nobody is in two parts.
    """

    name = "ipn"
    origin = Origin(
        title="IPN Hand",
        url="https://gibranbenitez.github.io/IPN_Hand/",
        licence="CC BY 4.0",
        size="200 videos 640x480, about 800000 frames",
        layout="""\
            ROOT/
              frames/1CM1_1_R_#217/1CM1_1_R_#217_000001.jpg …   (or videos/1CM1_1_R_#217.avi)
              annotations/classIdx.txt, Annot_trainList.txt, metadata_train.csv …""",
    )
    places = ("annotations", "", "splits")
    key_file = "Annot_trainList.txt"

    def _make_tasks(self) -> Mapping[str, Task]:
        classes = read_table(self.annotations / "classIdx.txt", ("id", "label", "readable"))
        self._gestures = {entry["label"]: entry["readable"] for entry in classes if entry["label"] != NON_GESTURE}
        gestures = tuple(self._gestures.values())
        return {
            "action": Task("action", gestures, mirrored=mirrored_names(gestures)),
            "gender": Task("gender", tuple(GENDERS.values())),
        }

    def _read(self) -> Iterable[Record]:
        self._tested: set[str] = set()
        for part in PARTS:
            metadata = read_table(self.annotations / f"metadata_{part}.csv", ("video", "label"))
            genders = {entry["video"]: gender_of(entry) for entry in metadata}
            for entry in read_table(self.annotations / f"Annot_{part}List.txt", ("video", "label", "t_start", "t_end")):
                if entry["video"] not in genders:
                    raise entry.wrong(f"{entry['video']} is not in metadata_{part}.csv")
                if entry["label"] == NON_GESTURE:
                    continue
                record = self._record(entry, genders[entry["video"]])
                if part == "test":
                    self._tested.add(record.name)
                yield record

    def _record(self, entry: Entry, gender: str) -> Record:
        video, (start, stop) = entry["video"], entry.span("t_start", "t_end")
        gesture = self._gestures[entry.choice("label", tuple(self._gestures))]
        labels = {"action": gesture, "gender": gender}
        return Record(f"{video}_{start:06}", self._source_of(video), labels, self._subject_of(video), start, stop)

    def _source_of(self, video: str) -> str:
        return self._source(f"frames/{video}", f"videos/{video}.avi", video, f"{video}.avi")

    @staticmethod
    def _subject_of(video: str) -> str:
        return video.rsplit("_", 2)[0]  # 1CM1_4_R_#229: the fourth person of the first recording

    def _split(self, task: str, fold: int) -> Split:
        return split_tested(self.records(task), lambda record: record.name in self._tested, "gender", share=0.15)

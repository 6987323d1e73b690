"""KTH: six actions of 25 people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from ..records import Record, Split, Task
from .annotations import Entry, read_table
from .dataset import AnnotatedDataset, Origin, Part, split_by

ACTIONS = ("boxing", "handclapping", "handwaving", "jogging", "running", "walking")
PEOPLE = tuple(f"person{number:02}" for number in range(1, 26))
TRAINING = (11, 12, 13, 14, 15, 16, 17, 18)
VALIDATION = (19, 20, 21, 23, 24, 25, 1, 4)
"""The people of the official parts; the other nine are for the test."""
MISSING = "person13_handclapping_d3"
"""Not in the archive. Lists that have it repeat the times of d2."""
_NAME = re.compile(r"(person\d\d)_([a-z]+)_(d[1-4])")


class KTH(AnnotatedDataset):
    """KTH actions (Schüldt et al., 2004): 2391 sequences in 599 videos, 6 actions, 25 people, 4 settings.

    Read from ``sequences.csv`` (the times of up to four sequences per video, as in the publisher's 00sequences.txt)
    and ``metadata.csv`` (training or test, per video, for the identity), both as the code of Ilic et al. (CVPR 2024)
    has them. One clip is one sequence, as between sequences nobody may be there. Sequences of some videos overlap by
    a few frames, as published; none reaches into another video.

    Task `action`, one fold: the publisher's, by people, 8 for training, 8 for validation, 9 for the test.
    Task `identity`, one fold: metadata.csv has one test video of each person and action; of the three others one,
    which changes its setting from person to person and action to action, is for validation (a single one trains).
    """

    name = "kth"
    origin = Origin(
        title="KTH actions; lists from github.com/f-ilic/SelectivePrivacyPreservation, data/splits/kth",
        url="https://www.csc.kth.se/cvap/actions/",
        licence="research use, with reference to Schüldt, Laptev and Caputo (2004)",
        size="1.1 GB, 599 videos, 160x120",
        layout="""\
            ROOT/
              boxing/person01_boxing_d1_uncomp.avi …   (or folders of frames; the six folders may be missing)
              sequences.csv, metadata.csv              (or elsewhere: --annotations)""",
    )
    places = ("", "splits", "annotations")
    key_file = "sequences.csv"

    def _make_tasks(self) -> Mapping[str, Task]:
        return {"action": Task("action", ACTIONS), "identity": Task("identity", PEOPLE)}

    def _read(self) -> Iterable[Record]:
        self._test_videos = self._read_metadata()
        for entry in read_table(self.annotations / self.key_file, ("name", "s1_start", "s1_end"), ends_early=True):
            video = entry["name"]
            match = _NAME.fullmatch(video)
            if match is None or match[1] not in PEOPLE or match[2] not in ACTIONS:
                raise entry.wrong(f"{video!r} is not named like person01_boxing_d1")
            if video == MISSING:
                continue
            if video not in self._test_videos:
                raise entry.wrong(f"{video} is not in metadata.csv")
            stem = f"{video}_uncomp"
            folder = f"{match[2]}/{stem}"
            source = self._source(f"{folder}.avi", f"{stem}.avi", folder, stem)
            labels = {"action": match[2], "identity": match[1]}
            for name, start, stop in self._clips_of(entry):
                yield Record(name, source, labels, match[1], start, stop)

    def _clips_of(self, entry: Entry) -> Iterable[tuple[str, int, int | None]]:
        """Name, start and stop of the clips of one video."""
        for number in range(1, 5):
            if entry.values.get(f"s{number}_start"):
                yield f"{entry['name']}_{number}", *entry.span(f"s{number}_start", f"s{number}_end")

    def _read_metadata(self) -> dict[str, bool]:
        entries = read_table(self.annotations / "metadata.csv", ("video", "set"))
        return {
            entry["video"].removesuffix("_uncomp"): entry.choice("set", ("train", "test")) == "test"
            for entry in entries
        }

    def _split(self, task: str, fold: int) -> Split:
        return split_by(self.records(task), _part_of_person if task == "action" else self._part_of_video)

    def _part_of_video(self, record: Record) -> Part:
        video = PurePosixPath(record.source).name.partition("_uncomp")[0]
        if self._test_videos[video]:
            return "test"
        stem, setting = video[:-1], int(video[-1])
        training = [n for n in range(1, 5) if not self._test_videos.get(f"{stem}{n}", True) and f"{stem}{n}" != MISSING]
        turn = PEOPLE.index(record.subject) + ACTIONS.index(str(record.labels["action"]))
        return "validation" if training != [setting] and setting == training[turn % len(training)] else "train"


def _part_of_person(record: Record) -> Part:
    number = int(record.subject.removeprefix("person"))
    return "train" if number in TRAINING else "validation" if number in VALIDATION else "test"

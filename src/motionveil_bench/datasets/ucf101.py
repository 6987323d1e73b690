"""UCF101, and the five of its classes that people recognise without any appearance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import ClassVar

from motionveil._core.errors import InputError

from ..records import Record, Split, Task
from .annotations import Entry, read_list
from .dataset import AnnotatedDataset, Origin, split_tested

FIVE = ("JumpingJack", "Lunges", "PullUps", "PushUps", "Swing")
_NAME = re.compile(r"(\w+)/(v_\w+_g\d\d)_c\d\d\.avi")


class UCF101(AnnotatedDataset):
    """UCF101 (Soomro et al., 2012): 13320 clips, 101 actions.

    Read from ``classInd.txt``, ``trainlist01.txt`` to ``trainlist03.txt`` and ``testlist01.txt`` to ``testlist03.txt``.
    Task `action`, three folds, the publisher's: clips of one group (gNN of a class, cut from one video) are never in
    two parts. Of each class some whole groups of the training part are for validation.
    """

    name = "ucf101"
    origin = Origin(
        title="UCF101 and its 'Train/Test Splits for Action Recognition'",
        url="https://www.crcv.ucf.edu/data/UCF101.php",
        licence="research use, with reference to Soomro, Zamir and Shah (2012); videos from YouTube",
        size="6.5 GB, 13320 videos 320x240",
        layout="""\
            ROOT/
              ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi …     (or folders of frames; may lie in UCF-101/)
              ucfTrainTestlist/classInd.txt, trainlist01.txt …   (or elsewhere: --annotations)""",
    )
    places = ("", "ucfTrainTestlist", "splits", "annotations")
    key_file = "classInd.txt"
    chosen: ClassVar[tuple[str, ...] | None] = None
    """The classes that are used; None for all."""
    lists: ClassVar[int] = 3
    """How many splits there have to be."""

    def _make_tasks(self) -> Mapping[str, Task]:
        entries = read_list(self.annotations / self.key_file, ("number", "name"))
        self._numbers = {entry["name"]: entry.integer("number") for entry in entries}
        missing = [name for name in self.chosen or () if name not in self._numbers]
        if missing:
            raise InputError(f"{self.annotations / self.key_file} has no class {missing[0]}; take the original file")
        return {"action": Task("action", self.chosen or tuple(self._numbers))}

    def _read(self) -> Iterable[Record]:
        self._tested: list[frozenset[str]] = []
        self._known: dict[str, Record] = {}
        first: set[str] = set()
        for number in range(1, 4):
            if number > self.lists and not (self.annotations / f"trainlist{number:02}.txt").exists():
                break
            train = self._read_list(f"trainlist{number:02}.txt", ("path", "number"))
            test = self._read_list(f"testlist{number:02}.txt", ("path",))
            both = sorted(train & test)
            if both:
                raise InputError(
                    f"{self.annotations}: {both[0]} is in trainlist{number:02}.txt and in testlist{number:02}.txt"
                )
            first = first or train | test
            if train | test != first:
                odd = min((train | test) ^ first)
                raise InputError(f"{self.annotations}: {odd} is in split 1 or split {number}, but not in both")
            self._tested.append(frozenset(test))
        return [self._known[name] for name in sorted(first)]

    def _read_list(self, file: str, columns: tuple[str, ...]) -> set[str]:
        """The names of the clips of a list; their records are kept."""
        found = set()
        for entry in read_list(self.annotations / file, columns):
            record = self._known.get(PurePosixPath(entry["path"]).stem) or self._record(entry)
            if "number" in columns and entry.integer("number") != self._numbers[str(record.labels["action"])]:
                raise entry.wrong(f"{entry['path']} is not of the class number {entry['number']}")
            if record.labels["action"] in self.tasks["action"].classes:
                self._known[record.name] = record
                found.add(record.name)
        return found

    def _record(self, entry: Entry) -> Record:
        path = entry["path"]
        match = _NAME.fullmatch(path)
        if match is None or match[1] not in self._numbers:
            raise entry.wrong(f"{path!r} is not of the form class/v_class_g01_c01.avi")
        folder = path.removesuffix(".avi")
        source = self._source(path, f"UCF-101/{path}", folder, f"UCF-101/{folder}")
        return Record(PurePosixPath(folder).name, source, {"action": match[1]}, match[2])

    def num_folds(self, task: str) -> int:
        """As many as there are lists: three."""
        self.records(task)
        return len(self._tested)

    def _split(self, task: str, fold: int) -> Split:
        return split_tested(self.records(task), lambda record: record.name in self._tested[fold], task, share=0.15)


class UCF5(UCF101):
    """Five classes of UCF101: those of the study with people of Ilic et al. (ECCV 2022, "Is Appearance Free Action
    Recognition Possible?"; their code names them), recognised from motion alone nearly as well as from video.

    Read from the lists of UCF101, of which only lines of the five classes count; the first split has to be there.
    """

    name = "ucf101_5"
    chosen = FIVE
    lists = 1

"""SBU Kinect Interaction: eight actions of two people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..records import Record, Split, Task
from .annotations import read_table
from .dataset import AnnotatedDataset, Origin, split_tested

ACTIONS = (
    "approaching", "departing", "kicking", "pushing", "shaking_hands", "hugging", "exchanging_object", "punching",
)  # fmt: skip
"""Folders 01 to 08."""
PAIRS = (
    "s01s02", "s01s03", "s01s07", "s02s03", "s02s06", "s02s07", "s03s04", "s03s05", "s03s06", "s02s04", "s04s06",
    "s02s05", "s03s07",
)  # fmt: skip
"""Actor pairs, whoever of them acts, in the order of the numbers in the lists."""
FOLDS = (
    ("s01s02", "s03s04", "s05s02", "s06s04"),
    ("s02s03", "s02s07", "s03s05", "s05s03"),
    ("s01s03", "s01s07", "s07s01", "s07s03"),
    ("s02s01", "s02s06", "s03s02", "s03s06"),
    ("s04s02", "s04s03", "s04s06", "s06s02", "s06s03"),
)
"""The publisher's five folds of the 21 sets; in a set, the first actor acts and the second reacts."""
_NAME = re.compile(r"(s\d\ds\d\d)/(0[1-8])/(\d{3})")


class SBU(AnnotatedDataset):
    """SBU Kinect Interaction (Yun et al., 2012): 282 clips, 8 actions, 21 sets of 13 actor pairs of 7 people.

    Read from ``train.txt`` and ``test.txt`` (188 and 94 clips), as the code of Ilic et al. (CVPR 2024) has them.

    Task `action`: folds 0 to 4 are the publisher's, by sets; some sets of the training part are for validation. The
    same seven people act in all folds. Fold 5 is that of the lists, where clips of one set are in both parts.
    Task `identity`: which of the 13 pairs it is, one fold, that of the lists; of each pair some training clips are for
    validation.
    """

    name = "sbu"
    origin = Origin(
        title="SBU Kinect Interaction, clean version; lists from github.com/f-ilic/SelectivePrivacyPreservation",
        url="https://www3.cs.stonybrook.edu/~kyun/research/kinect_interaction/index.html",
        licence="research use, with reference to Yun et al. (2012)",
        size="282 clips 640x480 at 15 fps, colour and depth",
        layout="""\
            ROOT/
              s01s02/01/001/rgb_000001.png …   (set/action/take; depth pictures may lie beside)
              train.txt, test.txt              (or elsewhere: --annotations)""",
    )
    places = ("", "splits", "annotations")
    key_file = "train.txt"
    folds = (len(FOLDS) + 1, 1)

    def _make_tasks(self) -> Mapping[str, Task]:
        return {"action": Task("action", ACTIONS), "identity": Task("identity", PAIRS)}

    def _read(self) -> Iterable[Record]:
        self._tested: set[str] = set()
        for part in ("train", "test"):
            for entry in read_table(self.annotations / f"{part}.txt", ("name", "t_start", "t_end", "person", "action")):
                name = entry["name"]
                match = _NAME.fullmatch(name)
                if match is None:
                    raise entry.wrong(f"{name!r} is not of the form s01s02/01/001")
                actor, other = match[1][:3], match[1][3:]
                pair, action = "".join(sorted((actor, other))), int(match[2]) - 1
                if pair not in PAIRS or entry.integer("person") != PAIRS.index(pair):
                    raise entry.wrong(f"{name} is not of the pair number {entry['person']}")
                if entry.integer("action") != action:
                    raise entry.wrong(f"{name} does not show the action number {entry['action']}")
                if part == "test":
                    self._tested.add(name)
                start, stop = entry.span("t_start", "t_end")
                labels = {"action": ACTIONS[action], "identity": pair}
                yield Record(name, self._frames(name), labels, match[1], start, stop)

    def _frames(self, name: str) -> str:
        """The folder of frames, or, as depth lies beside colour in the archive, the pattern of those in colour."""
        folder = self._source(name, f"{name[:6]}/{name}")
        suffixes = [suffix for suffix in ("png", "jpg") if any((self.root / folder).glob(f"rgb*.{suffix}"))]
        return f"{folder}/rgb*.{suffixes[0]}" if suffixes else folder

    def _split(self, task: str, fold: int) -> Split:
        records = self.records(task)
        if task == "action" and fold < len(FOLDS):
            tested = {record.name for record in records if record.subject in FOLDS[fold]}
        else:
            tested = self._tested
        by_subject = task == "action"
        return split_tested(records, lambda record: record.name in tested, task, share=0.1, by_subject=by_subject)

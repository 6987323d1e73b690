"""UT-Interaction, segmented: six actions of two people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from motionveil._core.errors import InputError

from ..records import Record, Split, Task
from .annotations import read_table
from .dataset import AnnotatedDataset, Origin, Part, rotated, split_by

ACTIONS = ("handshake", "hug", "kick", "point", "punch", "push")
"""In the order of the labels 0 to 5 of the archive."""
PAIRS = tuple(f"seq{number:02}" for number in range(1, 21))
"""The sequences: 1 to 10 are set 1, 11 to 20 are set 2. Each shows one pair in its own clothes."""

LABELS = "labels.csv"
_NAME = re.compile(r"(\d+)_(\d+)_([0-5])")


class UTInteraction(AnnotatedDataset):
    """UT-Interaction (Ryoo and Aggarwal, 2010), the 120 segmented clips: 6 actions, 20 sequences in two sets.

    Read from ``labels.csv`` (columns path, sequence_pair, action), or, where there is none, from the names of the
    original files, ``index_sequence_label.avi``.

    Task `action`: folds 0 to 2 partition the twenty sequences, both sets in each; three of the others are for
    validation. Folds 3 to 22 are the usual leave-one-sequence-out within a set: fold 2 + n tests on sequence n, and
    the one after it in its set is for validation.

    Task `identity`: which of the twenty pairs it is. Fold k tests on the actions k and k + 3, of which neither training
    nor validation has seen any; over three folds every clip is tested once. A pair is known by its clothes too, as the
    same people come back in others. Crops of `point` show one of the two.

    Sequence 6 has no punch and sequence 8 has two (``43_8_4`` and ``44_8_4``). That is no wrong label: both show the
    black jacket and the red hood of sequence 8, not the striped shirts of sequence 6, and the archive's index, which
    runs with the time of recording, has both among the clips of sequence 8. They stay as published.
    """

    name = "ut_interaction"
    origin = Origin(
        title="UT-Interaction, segmented set 1 and set 2",
        url="https://cvrc.ece.utexas.edu/SDHA2010/Human_Interaction.html",
        licence="research use, with reference to Ryoo and Aggarwal (2010)",
        size="30 MB, 120 clips",
        layout="""\
            ROOT/
              labels.csv                                         (optional)
              ut-interaction_segmented_set1/segmented_set1/0_1_4.avi …   (index_sequence_label, any folder)
              ut-interaction_segmented_set2/segmented_set2/0_11_4.avi …""",
    )
    folds = (3 + len(PAIRS), 3)

    def _make_tasks(self) -> Mapping[str, Task]:
        return {"action": Task("action", ACTIONS), "identity": Task("identity", PAIRS)}

    def _read(self) -> Iterable[Record]:
        if not (self.annotations / LABELS).exists():
            yield from self._read_names()
            return
        for entry in read_table(self.annotations / LABELS, ("path", "sequence_pair", "action")):
            path = PurePosixPath(entry["path"])
            action, pair = entry.choice("action", ACTIONS), entry.choice("sequence_pair", PAIRS)
            yield Record(path.stem, str(path), {"action": action, "identity": pair}, pair)

    def _read_names(self) -> Iterable[Record]:
        paths = [path for path in self.root.rglob("*.avi") if not path.name.startswith(".")]
        if not paths:
            raise InputError(
                f"{self.root} holds neither {LABELS} nor any .avi; unpack the segmented sets from {self.origin.url}"
            )
        found: dict[tuple[int, int, int], str] = {}
        for path in paths:
            match = _NAME.fullmatch(path.stem)
            if match is None or not 1 <= int(match[2]) <= len(PAIRS):
                raise InputError(f"{path} is not named index_sequence_label.avi as in the archive; take it out")
            sequence, index, label = int(match[2]), int(match[1]), int(match[3])
            found[sequence, index, label] = path.relative_to(self.root).as_posix()
        for (sequence, index, label), source in sorted(found.items()):
            labels = {"action": ACTIONS[label], "identity": PAIRS[sequence - 1]}
            yield Record(f"{index}_{sequence}_{label}", source, labels, PAIRS[sequence - 1])

    def partitions(self, task: str) -> tuple[tuple[int, ...], ...]:
        """The three folds together; for `action` the sequences of set 1, and those of set 2, too."""
        self.records(task)
        groups = (range(3), range(3, 13), range(13, 23))
        return tuple(tuple(group) for group in (groups if task == "action" else groups[:1]))

    def _split(self, task: str, fold: int) -> Split:
        by, parts = "identity", dict[str, Part]()
        if task == "identity":
            by, parts = "action", rotated(ACTIONS, fold)
        elif fold < 3:
            parts = rotated(PAIRS, fold)
        else:
            number, one_set = (fold - 3) % 10, PAIRS[:10] if fold < 13 else PAIRS[10:]
            parts = {
                **dict.fromkeys(one_set, "train"),
                one_set[number]: "test",
                one_set[(number + 1) % 10]: "validation",
            }
        return split_by(self.records(task), lambda record: parts.get(str(record.labels[by]), ""))

"""PA-HMDB51: privacy attributes of every frame of some clips of HMDB51."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from motionveil._core.errors import InputError

from ..records import Label, Record, Split, Task
from .annotations import Entry, line_with, read_json, read_list
from .dataset import AnnotatedDataset, Origin, rotated, split_by, split_off
from .hmdb51 import FOLDER, film_of, read_splits

COEXISTING = "coexisting"
ATTRIBUTES = {
    "gender": ("unidentifiable", "male", "female", COEXISTING),
    "face": ("invisible", "partial", "complete"),
    "nudity": ("no_nudity", "partial_nudity", "semi_nudity"),
    "skin_color": ("unidentifiable", "white", "brown_or_yellow", "black", COEXISTING),
    "relationship": ("unidentifiable", "identifiable"),
}
"""The names of the values 0, 1, 2 …; several values at once are the last one of those that have it."""
Value = TypeVar("Value")


class PAHMDB51(AnnotatedDataset):
    """PA-HMDB51 (Wu et al., TPAMI 2020): five attributes, frame by frame, of clips of HMDB51.

    Read from ``raw_pa_hmdb51_annos/<action>.json`` (or ``PrivacyAttributes/``, the later edition, which knows several
    values at once), ``test_set/<action>.txt`` (without it, all that is annotated) and the lists of HMDB51, which lie
    beside them, in ``../hmdb51`` or below the root. Values are spans [first frame, last frame, value] from 0; where
    spans overlap, the later one counts, as in the published code. Frames without a value belong to no clip.

    The early edition's files of five actions repeat the clips of others (climb_stairs in dive, and so on), 76 names in
    all; a clip counts only under the action in its name. That leaves 506 of the 582 lines of the test lists.

    Task `action`: fold 0 is the published one: the test lists are the test, all other clips of HMDB51 train. Fold 1 is
    the same without the clips of tested films in training. Some films of the training part are for validation.
    Tasks `gender`, `face`, `nudity`, `skin_color`, `relationship`: a clip is a run of frames with one value. Task
    `attributes`: which of the five have a value other than 0 (several may hold), as in the published evaluation; a clip
    is a run of frames where that is known and does not change. Its classes are those of VISPR's task of the same name,
    so that networks can be trained there, as published. For these six tasks there are three folds by films.
    """

    name = "pa_hmdb51"
    origin = Origin(
        title="PA-HMDB51, annotations of HMDB51",
        url="https://github.com/VITA-Group/PA-HMDB51",
        licence="non-commercial research, with reference to Wu et al. (annotations); clips: see hmdb51",
        size="1 MB of annotations; clips: see hmdb51",
        layout="""\
            ROOT/                                                     (that of hmdb51)
              brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi …
              testTrainMulti_7030_splits/brush_hair_test_split1.txt …
            ANNOTATIONS/
              raw_pa_hmdb51_annos/brush_hair.json …  (or PrivacyAttributes/)
              test_set/brush_hair.txt …""",
    )
    places = ("", "pa_hmdb51", "PA-HMDB51", "splits/pa_hmdb51")
    _editions = ("raw_pa_hmdb51_annos", "PrivacyAttributes")
    folds = (2, 3)

    def _place(self) -> Path:
        for place in self.places:
            if any((self.root / place / edition).is_dir() for edition in self._editions):
                return self.root / place
        raise InputError(
            f"there is no folder {' or '.join(self._editions)} below {self.root}; say where with --annotations"
        )

    def _make_tasks(self) -> Mapping[str, Task]:
        places = (self.annotations, self.annotations.parent / "hmdb51", self.root, self.root / "splits")
        lists = next((place / FOLDER for place in places if (place / FOLDER).is_dir()), None)
        if lists is None:
            raise InputError(f"the lists of HMDB51, {FOLDER}, are missing; put that folder into {self.annotations}")
        self._actions, _ = read_splits(lists)
        folder = next(
            (self.annotations / edition for edition in self._editions if (self.annotations / edition).is_dir()), None
        )
        if folder is None:
            raise InputError(
                f"{self.annotations} has no folder {' or '.join(self._editions)}; say where with --annotations"
            )
        self._values = self._read_values(folder)
        self._tested = self._read_tested()
        tasks = {"action": Task("action", tuple(sorted(set(self._actions.values()))))}
        for attribute, names in ATTRIBUTES.items():
            found = {value for video in self._tested for value in self._values.get(video, {}).get(attribute, ())}
            tasks[attribute] = Task(attribute, tuple(name for name in names if name != COEXISTING or name in found))
        return {**tasks, "attributes": Task("attributes", tuple(ATTRIBUTES), multilabel=True)}

    def _read_values(self, folder: Path) -> dict[str, dict[str, list[str | None]]]:
        """Per video and attribute the value of every frame."""
        values: dict[str, dict[str, list[str | None]]] = {}
        files = sorted(folder.glob("*.json"))
        if not files:
            raise InputError(f"{folder} holds no annotation; take it from {self.origin.url}")
        for path in files:
            for video, told in read_json(path).items():
                if video not in self._actions:
                    raise _wrong(path, video, "HMDB51 has no such clip")
                if self._actions[video] == path.stem:
                    values[video] = {attribute: _frames(path, video, attribute, told) for attribute in ATTRIBUTES}
        return values

    def _read_tested(self) -> frozenset[str]:
        folder = self.annotations / "test_set"
        if not folder.is_dir():
            return frozenset(self._values)
        tested: set[str] = set()
        for path in sorted(folder.glob("*.txt")):
            for entry in read_list(path, ("video",)):
                tested.update(self._known(entry, path.stem))
        return frozenset(tested)

    def _known(self, entry: Entry, action: str) -> tuple[str, ...]:
        video = entry["video"]
        if video not in self._actions:
            raise entry.wrong(f"HMDB51 has no clip {video}")
        if self._actions[video] != action:
            return ()
        if video not in self._values:
            raise entry.wrong(f"{video} is not annotated")
        return (video,)

    def _read(self) -> Iterable[Record]:
        for video, action in sorted(self._actions.items(), key=lambda item: (item[1], item[0])):
            stem, film = video.removesuffix(".avi"), film_of(video, action)
            source = self._source(f"{action}/{video}", f"{action}/{stem}")
            yield Record(stem, source, {"action": action}, film)
            if video not in self._tested:
                continue
            frames = self._values[video]
            for attribute, values in frames.items():
                for start, stop, value in _runs(values):
                    yield Record(f"{stem}:{attribute}:{start}", source, {attribute: value}, film, start, stop)
            for start, stop, identifiable in _runs(_identifiable(frames)):
                labels: dict[str, Label] = {"attributes": identifiable}
                yield Record(f"{stem}:attributes:{start}", source, labels, film, start, stop)

    def _split(self, task: str, fold: int) -> Split:
        records = self.records(task)
        if task != "action":
            of_film = rotated(sorted({record.subject for record in records}), fold)
            return split_by(records, lambda record: of_film[record.subject])
        tested = [record for record in records if f"{record.name}.avi" in self._tested]
        films = {record.subject for record in tested} if fold else set()
        others = [
            record for record in records if f"{record.name}.avi" not in self._tested and record.subject not in films
        ]
        return split_off(others, tested, task, share=0.1)


def _frames(path: Path, video: str, attribute: str, told: Any) -> list[str | None]:
    """The name of the value in every frame; None where there is none."""
    names, frames = ATTRIBUTES[attribute], list[str | None]()
    spans = told.get(attribute) if isinstance(told, dict) else None
    if not isinstance(spans, list):
        raise _wrong(path, video, f"{attribute} is missing")
    for span in spans:
        first, last, value = span if isinstance(span, list) and len(span) == 3 else (0, -1, 0)
        found = value if isinstance(value, list) else [value]
        known = range(len(names) - (COEXISTING in names))
        if not (isinstance(first, int) and isinstance(last, int) and 0 <= first <= last) or not set(found) <= set(
            known
        ):
            raise _wrong(path, video, f"{attribute} has {span}, which is not [first frame, last frame, value]")
        several = [number for number in found if number] or [0]
        frames += [None] * (last + 1 - len(frames))
        frames[first : last + 1] = [names[several[0]] if len(several) == 1 else COEXISTING] * (last + 1 - first)
    return frames


def _identifiable(frames: Mapping[str, Sequence[str | None]]) -> list[tuple[str, ...] | None]:
    """Per frame the attributes with a value other than 0; None where one of the values is not known."""
    known = zip(*frames.values(), strict=False)  # as far as the shortest goes
    return [
        None if None in values else tuple(
            attribute for attribute, value in zip(frames, values, strict=True) if value != ATTRIBUTES[attribute][0]
        )
        for values in known
    ]  # fmt: skip


def _runs(values: Iterable[Value | None]) -> Iterator[tuple[int, int, Value]]:
    """(start, stop, value) of consecutive equal values, those that are None left out."""
    start = 0
    for value, run in groupby(values):
        stop = start + len(list(run))
        if value is not None:
            yield start, stop, value
        start = stop


def _wrong(path: Path, video: str, reason: str) -> InputError:
    return InputError(
        f"{path}, line {line_with(path, video)}: {video}: {reason}; take this file from the archive again"
    )

"""Videos of one's own: a folder per class."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from motionveil._core.errors import InputError

from ..records import Record, Split, Task
from .annotations import read_table
from .dataset import AnnotatedDataset, Origin, Part, is_clip, mirrored_names, rotated, split_by

SUBJECTS = "subjects.csv"


class ClassFolder(AnnotatedDataset):
    """Any folder that is laid out as class/video, a video being a file or a folder of pictures.

    Task `action`: the name of the folder. Three folds, over which each clip is tested once. Names that differ in
    nothing but left and right (or clockwise and anticlockwise) are each other's mirror image.
    ``subjects.csv`` (columns video, subject; optional) says who is seen in each video, by its path class/video. Then no
    split of `action` tears a subject apart (each action needs at least three), and there is a task `identity`, in whose
    folds the clips of each subject are divided. Without it, clips of one person can be in training and test: say so
    with any figure.
    """

    name = "class_folder"
    origin = Origin(
        title="A folder of videos of your own",
        url="your own videos",
        licence="yours to know",
        size="any; at least three clips per class",
        layout="""\
            ROOT/
              subjects.csv         (optional; columns video,subject)
              wave/anna_1.mp4 …
              walk/ben_1.mp4 …     (or folders of pictures)""",
    )
    folds = (3, 3)

    def _make_tasks(self) -> Mapping[str, Task]:
        self._subjects = self._read_subjects()
        folders = sorted(folder for folder in self.root.iterdir() if folder.is_dir() and folder.name[0] not in "._")
        self._videos = {
            folder.name: sorted(path.name for path in folder.iterdir() if is_clip(path)) for folder in folders
        }
        for label, videos in self._videos.items():
            if len(videos) < 3:
                raise InputError(
                    f"{self.root / label} holds {len(videos)} videos; a class needs at least three, "
                    "one each for training, validation and test"
                )
        if len(self._videos) < 2:
            raise InputError(
                f"{self.root} holds {len(self._videos)} folders of videos; give a folder per class, at least two"
            )
        actions = tuple(self._videos)
        tasks = {"action": Task("action", actions, mirrored=mirrored_names(actions))}
        if self._subjects:
            tasks["identity"] = Task("identity", tuple(sorted(set(self._subjects.values()))))
        return tasks

    def _read_subjects(self) -> dict[str, str]:
        path = self.annotations / SUBJECTS
        if not path.exists():
            return {}
        entries = read_table(path, ("video", "subject"))
        for entry in entries:
            if not entry["subject"] or not (self.root / entry["video"]).exists():
                reason = (
                    f"there is no {entry['video']} below {self.root}" if entry["subject"] else "the subject is empty"
                )
                raise entry.wrong(reason)
        twice = [video for video, count in Counter(entry["video"] for entry in entries).items() if count > 1]
        if twice:
            raise InputError(f"{path} names {twice[0]} twice; keep one of the lines")
        return {entry["video"]: entry["subject"] for entry in entries}

    def _read(self) -> Iterable[Record]:
        for label, videos in self._videos.items():
            for video in videos:
                source = f"{label}/{video}"
                if self._subjects and source not in self._subjects:
                    raise InputError(f"{self.annotations / SUBJECTS} has no line for {source}; add one")
                subject = self._subjects.get(source, "")
                identity = {"identity": subject} if subject else {}
                yield Record(source, source, {"action": label, **identity}, subject)

    def _split(self, task: str, fold: int) -> Split:
        records = self.records(task)
        if task == "action" and self._subjects:
            if len(people := set(self._subjects.values())) < 3:
                raise InputError(
                    f"{self.annotations / SUBJECTS} names {len(people)} subjects; with fewer than three no split of "
                    "action can keep them apart: add videos of others, or take the file away"
                )
            of_subject = rotated(sorted(people), fold)
            return split_by(records, lambda record: of_subject[record.subject])
        alike = defaultdict[str, list[str]](list)
        for record in records:
            alike[str(record.labels[task])].append(record.name)
        parts: dict[str, Part] = {}
        for names in alike.values():
            parts |= rotated(names, fold)
        return split_by(records, lambda record: parts[record.name])

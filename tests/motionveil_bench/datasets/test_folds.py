"""Folds that may be pooled, splits that can be learned, and classes that turn into others in a mirror."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil_bench.datasets import DATASETS, HMDB51, KTH, ClassFolder, UTInteraction
from motionveil_bench.datasets.dataset import AnnotatedDataset, carve, mirrored_names
from motionveil_bench.datasets.procedural import make
from motionveil_bench.records import Record

from . import archives
from .archives import write
from .checks import PARTS


def pooled(dataset: AnnotatedDataset, task: str) -> tuple[tuple[int, ...], ...]:
    """The groups, after a look whether every fold is in one group, and no group tests a clip twice."""
    groups = dataset.partitions(task)
    assert sorted(fold for group in groups for fold in group) == list(range(dataset.num_folds(task)))
    for group in groups:
        tested = Counter(record.name for fold in group for record in dataset.split(task, fold).test)
        assert set(tested.values()) == {1}
    return groups


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("kth", {"action": ((0,),), "identity": ((0,),)}),
        ("ipn", {"action": ((0,),), "gender": ((0,),)}),
        ("sbu", {"action": ((0, 1, 2, 3, 4), (5,)), "identity": ((0,),)}),
        ("ucf101", {"action": ((0, 1, 2),)}),
        ("ucf101_5", {"action": ((0,),)}),
        ("hmdb51", {"action": ((0,), (1,), (2,))}),
        ("pa_hmdb51", {"action": ((0,), (1,)), "gender": ((0, 1, 2),), "attributes": ((0, 1, 2),)}),
    ],
)
def test_official_folds_that_may_be_pooled(
    name: str, groups: dict[str, tuple[tuple[int, ...], ...]], data_dir: Path, tmp_path: Path
) -> None:
    dataset = DATASETS[name](tmp_path, data_dir / "splits" / name)
    assert {task: pooled(dataset, task) for task in groups} == groups


@pytest.mark.data
def test_folds_of_ut_interaction_that_may_be_pooled(data_dir: Path) -> None:
    dataset = UTInteraction(data_dir / "ut_interaction")
    assert pooled(dataset, "action") == ((0, 1, 2), tuple(range(3, 13)), tuple(range(13, 23)))
    assert pooled(dataset, "identity") == ((0, 1, 2),)
    with pytest.raises(OptionError, match="no task 'gender'"):
        dataset.partitions("gender")


def test_folds_that_may_be_pooled(tmp_path: Path) -> None:
    """The same without the official lists."""
    assert pooled(HMDB51(archives.hmdb51(tmp_path / "hmdb51")), "action") == ((0, 1, 2),)  # apart in these
    assert pooled(KTH(archives.kth(tmp_path / "kth")), "action") == ((0,),)
    actors = make(tmp_path / "actors", num_subjects=3, num_clips=3, size=32, num_frames=2)
    assert pooled(actors, "action") == pooled(actors, "identity") == ((0, 1, 2),)


def clip(name: str, label: str, subject: str) -> Record:
    return Record(name, name, {"action": label}, subject)


def test_validation_takes_the_last_subject_of_no_class() -> None:
    """A subject may be the last of one class only after it was taken for another."""
    shown = (("A", "1"), ("A", "2"), ("B", "2"), *[("B", "3")] * 5, *[("B", "4")] * 5)
    records = [clip(f"{number}", label, subject) for number, (label, subject) in enumerate(shown)]
    for share in (0.1, 0.3, 0.6, 1.0):
        held = carve(records, "action", share)
        train = [record for record in records if record.name not in held]
        assert {record.labels["action"] for record in train} == {"A", "B"}, share
        assert not {record.subject for record in train} & {r.subject for r in records if r.name in held}


def test_validation_passes_over_a_subject_that_is_the_last_of_another_class() -> None:
    records = [clip("a1", "A", "1"), clip("b1", "B", "1"), clip("b2", "B", "2"), clip("b3", "B", "2")]
    assert carve(records, "action", 0.3) == {"b2", "b3"}


def _with_subjects(root: Path, walk: str, wave: str) -> ClassFolder:
    lines = []
    for label, subjects in (("walk", walk), ("wave", wave)):
        for number, subject in enumerate(subjects):
            write(root / label / f"{number}.mp4")
            lines.append(f"{label}/{number}.mp4,{subject}")
    write(root / "subjects.csv", "video,subject", *lines)
    return ClassFolder(root)


def test_what_is_tested_has_to_be_taught(tmp_path: Path) -> None:
    dataset = _with_subjects(tmp_path, "abcabc", "aaaaaa")
    with pytest.raises(InputError, match=r"in fold 0 of action no training clip shows what is tested as wave; add"):
        dataset.split("action", 0)
    assert all(getattr(dataset.split("action", 1), part) for part in PARTS)


def test_two_people_are_too_few_to_be_kept_apart(tmp_path: Path) -> None:
    dataset = _with_subjects(tmp_path, "aaabbb", "aaabbb")
    with pytest.raises(InputError, match=r"subjects\.csv names 2 subjects; with fewer than three"):
        dataset.split("action", 0)
    assert {r.subject for r in dataset.split("identity", 0).train} == {"a", "b"}


def test_a_single_training_video_trains(tmp_path: Path) -> None:
    """KTH, the identity: of several training videos of a person and action one is for validation."""
    path = archives.kth(tmp_path) / "metadata.csv"
    text = path.read_text()
    for kept in (("1",), ("1", "3"), ()):
        for setting in "134":
            if setting not in kept:
                name = f"person07_jogging_d{setting}_uncomp"
                path.write_text(path.read_text().replace(f"{name},train", f"{name},test"))
        split = KTH(tmp_path).split("identity")
        found = [{r.source for r in part if "person07_jogging" in r.source} for part in (split.train, split.validation)]
        assert [len(part) for part in found] == {0: [0, 0], 1: [1, 0], 2: [1, 1]}[len(kept)]
        path.write_text(text)


def test_mirrored_names() -> None:
    names = ("Throw_left", "Throw_right", "turnLeft", "turnRight", "clockwise", "anticlockwise", "left_alone", "bright")
    assert mirrored_names(names) == {
        "Throw_left": "Throw_right", "Throw_right": "Throw_left", "turnLeft": "turnRight", "turnRight": "turnLeft",
        "clockwise": "anticlockwise", "anticlockwise": "clockwise",
    }  # fmt: skip


def test_own_classes_by_side(tmp_path: Path) -> None:
    for label in ("turn_left", "turn_right", "stand"):
        for number in range(3):
            write(tmp_path / label / f"{number}.mp4")
    assert ClassFolder(tmp_path).tasks["action"].mirrored == {"turn_left": "turn_right", "turn_right": "turn_left"}


@pytest.mark.data
def test_which_official_classes_know_a_side(data_dir: Path, tmp_path: Path) -> None:
    """Throws to the left and right of IPN alone: no other name tells a direction."""
    found = {}
    for name in ("kth", "ipn", "sbu", "ucf101", "hmdb51", "pa_hmdb51"):
        for task in DATASETS[name](tmp_path, data_dir / "splits" / name).tasks.values():
            if sided := {label for label in task.classes if mirrored_names([label, *_turned(label)])}:
                found[name, task.name] = (sided, task.mirrored)
    pair = {"Throw_left": "Throw_right", "Throw_right": "Throw_left"}
    assert found == {("ipn", "action"): (set(pair), pair)}


def _turned(label: str) -> list[str]:
    """Names that would be the opposite."""
    label = label.lower()
    pairs = (("left", "right"), ("right", "left"), ("anticlockwise", "clockwise"), ("clockwise", "anticlockwise"))
    return [label.replace(one, other) for one, other in pairs if one in label]

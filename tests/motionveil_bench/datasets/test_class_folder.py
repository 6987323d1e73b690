from __future__ import annotations

from pathlib import Path

import pytest

from motionveil._core.errors import InputError
from motionveil_bench.datasets import ClassFolder

from .checks import check_splits, sizes, subjects_apart


def folders(root: Path) -> Path:
    for label in ("walk", "wave"):
        (root / label).mkdir()
        for number in range(8):
            (root / label / f"{number}.mp4").touch()
        (root / label / "notes.txt").touch()
        (root / label / ".hidden.mp4").touch()
        (root / label / "frames").mkdir()
        (root / label / "frames" / "000001.jpg").touch()
    return root


def test_clips_of_each_class_are_divided(tmp_path: Path) -> None:
    dataset = ClassFolder(folders(tmp_path))
    assert dataset.tasks["action"].classes == ("walk", "wave")
    assert len(dataset.records("action")) == 18
    assert {record.source for record in dataset.records("action")} >= {"walk/7.mp4", "wave/frames"}
    check_splits(dataset, "action", whole=True)
    assert [sizes(dataset.split("action", fold)) for fold in range(3)] == [(8, 4, 6)] * 3
    for fold in range(3):
        assert {record.labels["action"] for record in dataset.split("action", fold).validation} == {"walk", "wave"}


def test_subjects_stay_together_and_are_a_task(tmp_path: Path) -> None:
    folders(tmp_path)
    videos = sorted(
        f"{label}/{name}" for label in ("walk", "wave") for name in [*(f"{n}.mp4" for n in range(8)), "frames"]
    )
    lines = [f"{video},{'abc'[index % 3]}" for index, video in enumerate(videos)]
    (tmp_path / "subjects.csv").write_text("\n".join(["video,subject", *lines]))
    dataset = ClassFolder(tmp_path)
    check_splits(dataset, "action", whole=True)
    subjects_apart(dataset, "action")
    check_splits(dataset, "identity", whole=True)
    assert dataset.tasks["identity"].classes == ("a", "b", "c")
    for fold in range(3):
        split = dataset.split("identity", fold)
        assert {record.subject for record in split.train} == {record.subject for record in split.test} == set("abc")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("walk/0.mp4,anna\nwalk/9.mp4,anna", "line 3: there is no walk/9.mp4"),
        ("walk/0.mp4,", "line 2: the subject is empty"),
        ("walk/0.mp4,anna,2", "line 2: it has 3 values where 2 belong"),
        ("walk/0.mp4,anna", "has no line for walk/1.mp4"),
        ("walk/0.mp4,anna\nwalk/0.mp4,ben", "names walk/0.mp4 twice"),
    ],
)
def test_wrong_subjects_are_refused(tmp_path: Path, lines: str, message: str) -> None:
    (folders(tmp_path) / "subjects.csv").write_text(f"video,subject\n{lines}\n")
    with pytest.raises(InputError, match=message):
        ClassFolder(tmp_path)


def test_too_few_videos_or_classes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "walk").mkdir()
    with pytest.raises(InputError, match="at least three"):
        ClassFolder(tmp_path)
    for number in range(3):
        (tmp_path / "walk" / f"{number}.mp4").touch()
    with pytest.raises(InputError, match="at least two"):
        ClassFolder(tmp_path)

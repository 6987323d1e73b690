"""The numbers that the official files imply."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from motionveil_bench.datasets import DATASETS, AnnotatedDataset
from motionveil_bench.datasets.published import base_name
from motionveil_bench.datasets.vispr import OF_PA_HMDB51

from .checks import check_splits, sizes, subjects_apart

pytestmark = pytest.mark.data


def read(name: str, data_dir: Path, tmp_path: Path) -> AnnotatedDataset:
    return DATASETS[name](tmp_path, data_dir / "splits" / base_name(name))


@pytest.mark.parametrize(
    ("name", "task", "classes", "clips", "subjects", "folds"),
    [
        ("kth", "action", 6, 2391, 25, [(760, 768, 863)]),
        ("kth", "identity", 25, 2391, 25, [(1194, 599, 598)]),
        ("ipn", "action", 13, 4218, 50, [(2613, 504, 1101)]),
        ("ipn", "gender", 2, 4218, 50, [(2613, 504, 1101)]),
        (
            "sbu", "action", 8, 282, 21,
            [(179, 48, 55), (182, 48, 52), (178, 48, 56), (180, 48, 54), (156, 61, 65), (153, 35, 94)],
        ),
        ("sbu", "identity", 13, 282, 21, [(166, 22, 94)]),
        ("kth_published", "action", 6, 599, 25, [(239, 60, 300)]),
        ("kth_published", "identity", 25, 599, 25, [(299, 150, 150)]),
        ("ipn_published", "action", 13, 4218, 50, [(2613, 504, 1101)]),
        ("ipn_published", "gender", 2, 200, 50, [(124, 24, 52)]),
        ("sbu_published", "action", 8, 282, 21, [(153, 35, 94)]),
        ("sbu_published", "identity", 13, 282, 21, [(166, 22, 94)]),
        ("ucf101", "action", 101, 13320, 2525, [(7902, 1635, 3783), (7961, 1625, 3734), (7975, 1649, 3696)]),
        ("ucf101_5", "action", 5, 583, 125, [(337, 72, 174)]),
        ("hmdb51", "action", 51, 6766, 1407, [(2954, 616, 1530), (2962, 608, 1530), (2957, 613, 1530)]),
        ("pa_hmdb51", "action", 51, 6766, 1407, [(5537, 723, 506), (3418, 455, 506)]),
        ("pa_hmdb51", "gender", 3, 508, 370, [(289, 66, 153), (277, 65, 166), (249, 70, 189)]),
        ("pa_hmdb51", "face", 3, 884, 370, [(464, 135, 285), (482, 103, 299), (477, 107, 300)]),
        ("pa_hmdb51", "nudity", 3, 515, 371, [(268, 72, 175), (290, 70, 155), (265, 65, 185)]),
        ("pa_hmdb51", "skin_color", 4, 512, 369, [(267, 75, 170), (256, 68, 188), (288, 70, 154)]),
        ("pa_hmdb51", "relationship", 2, 509, 370, [(289, 67, 153), (275, 65, 169), (251, 71, 187)]),
        ("pa_hmdb51", "attributes", 5, 699, 368, [(355, 86, 258), (382, 96, 221), (379, 100, 220)]),
    ],
)  # fmt: skip
def test_counts(
    name: str, task: str, classes: int, clips: int, subjects: int, folds: list[tuple[int, int, int]],
    data_dir: Path, tmp_path: Path,
) -> None:  # fmt: skip
    dataset = read(name, data_dir, tmp_path)
    records = dataset.records(task)
    assert len(dataset.tasks[task].classes) == classes
    assert len(records) == clips
    assert len({record.subject for record in records}) == subjects
    assert [sizes(dataset.split(task, fold)) for fold in range(dataset.num_folds(task))] == folds
    check_splits(dataset, task)


def test_kth(data_dir: Path, tmp_path: Path) -> None:
    """Per class as published; the identity has one test video and one for validation of each person and action."""
    dataset = read("kth", data_dir, tmp_path)
    assert Counter(record.labels["action"] for record in dataset.records("action")) == {
        "boxing": 397, "handclapping": 396, "handwaving": 398, "jogging": 400, "running": 400, "walking": 400,
    }  # fmt: skip
    assert len({record.source for record in dataset.records("action")}) == 599
    subjects_apart(dataset, "action")
    action = dataset.split("action")
    assert [len({r.subject for r in part}) for part in (action.train, action.validation, action.test)] == [8, 8, 9]
    identity = dataset.split("identity")
    videos = [{r.source for r in part} for part in (identity.train, identity.validation, identity.test)]
    assert [len(part) for part in videos] == [299, 150, 150]
    for part, count in zip(videos[1:], (1, 1), strict=True):
        per = Counter(Path(video).stem.rsplit("_", 2)[0] for video in part)
        assert len(per) == 150
        assert set(per.values()) == {count}


def test_ipn(data_dir: Path, tmp_path: Path) -> None:
    dataset = read("ipn", data_dir, tmp_path)
    subjects_apart(dataset, "action")
    subjects_apart(dataset, "gender")
    split = dataset.split("gender")
    people = [{(r.subject, r.labels["gender"]) for r in part} for part in (split.train, split.validation, split.test)]
    assert [Counter(gender for _, gender in part) for part in people] == [
        {"man": 22, "woman": 9}, {"man": 4, "woman": 2}, {"man": 8, "woman": 5},
    ]  # fmt: skip
    counts = Counter(record.labels["action"] for record in dataset.records("action"))
    assert (counts["Pointing_1_finger"], counts["Pointing_2_fingers"], counts["Throw_down"]) == (1010, 1007, 201)


def test_sbu(data_dir: Path, tmp_path: Path) -> None:
    dataset = read("sbu", data_dir, tmp_path)
    check_splits(dataset, "action", range(5), whole=True)
    subjects_apart(dataset, "action", range(5))
    assert len({record.labels["identity"] for record in dataset.split("identity").train}) == 13
    assert len({record.labels["identity"] for record in dataset.split("identity").validation}) == 13


def test_ucf101(data_dir: Path, tmp_path: Path) -> None:
    dataset = read("ucf101", data_dir, tmp_path)
    check_splits(dataset, "action")
    subjects_apart(dataset, "action")
    tested = [{record.name for record in dataset.split("action", fold).test} for fold in range(3)]
    assert len(set.union(*tested)) == sum(map(len, tested)) == 11213  # groups 22 to 25 are always trained on
    for fold in range(3):
        assert len({record.labels["action"] for record in dataset.split("action", fold).validation}) == 101
    five = read("ucf101_5", data_dir, tmp_path).split("action").test
    assert {r.name for r in five} == {r.name for r in dataset.split("action").test if r.labels["action"] in {
        "JumpingJack", "Lunges", "PullUps", "PushUps", "Swing"
    }}  # fmt: skip


def test_hmdb51(data_dir: Path, tmp_path: Path) -> None:
    dataset = read("hmdb51", data_dir, tmp_path)
    for fold in range(3):
        split = dataset.split("action", fold)
        learned = Counter(record.labels["action"] for record in (*split.train, *split.validation))
        assert set(learned.values()) == {70}
        assert set(Counter(record.labels["action"] for record in split.test).values()) == {30}
        assert not {r.subject for r in split.train} & {r.subject for r in split.validation}


def test_pa_hmdb51(data_dir: Path, tmp_path: Path) -> None:
    dataset = read("pa_hmdb51", data_dir, tmp_path)
    for task in ("gender", "face", "attributes"):
        check_splits(dataset, task, whole=True)
        subjects_apart(dataset, task)
    subjects_apart(dataset, "action", range(1, 2))
    # Every frame that the files give a value is in exactly one clip of the attribute.
    frames = Counter(record.source for record in dataset.records("face") for _ in range(record.start, record.stop or 0))
    own = 0
    for path in (data_dir / "splits" / "pa_hmdb51" / "test_set").glob("*.txt"):
        told = json.loads((path.parent.parent / "raw_pa_hmdb51_annos" / f"{path.stem}.json").read_text())
        for video in path.read_text().split():
            if f"_{path.stem}_" in video:
                known = {frame for first, last, _ in told[video]["face"] for frame in range(first, last + 1)}
                assert frames[f"{path.stem}/{video}"] == len(known)
                own += 1
    assert own == 506


def test_the_attributes_are_those_of_vispr(data_dir: Path) -> None:
    lines = (data_dir / "splits" / "pa_hmdb51" / "attributes_pa_hmdb51.csv").read_text().splitlines()[1:]
    told: dict[int, tuple[str, ...]] = {}
    for line in lines:
        number, name = line.split("\t")[:2]
        told[int(number)] = (*told.get(int(number), ()), name)
    assert [told[number] for number in sorted(told)] == list(OF_PA_HMDB51.values())

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from motionveil._core.errors import InputError
from motionveil_bench.datasets import PAHMDB51, VISPR

from . import archives
from .archives import write
from .checks import check_splits, subjects_apart

Spans = dict[str, list[list[Any]]]


def annotated(face: list[list[Any]], gender: list[list[Any]] | None = None) -> Spans:
    rest = {"nudity": [[0, 99, 1]], "skin_color": [[0, 99, 3]], "relationship": [[0, 99, 0]]}
    return {**rest, "face": face, "gender": [[0, 99, 1]] if gender is None else gender}


def video(film: int, action: str = "wave") -> str:
    return f"film{film}_{action}_f_cm_np1_fr_bad_0.avi"


def write_all(root: Path, told: dict[str, Spans], folder: str = "raw_pa_hmdb51_annos", action: str = "wave") -> Path:
    path = archives.hmdb51(root) / folder / f"{action}.json"
    write(path, json.dumps(told, indent=1))
    return root


VALUES = (0, 1, 2, 0, 0, 1, 2, 1, 2, 1)
"""Of face and gender, film by film: in each of three folds all that is tested is taught."""
VARIED: Spans = {
    "nudity": [[0, 50, 0], [51, 99, 2]], "skin_color": [[0, 30, 0], [31, 60, 1], [61, 99, 2]],
    "relationship": [[0, 99, 1]],
}  # fmt: skip
USUAL = {
    video(film): {**annotated([[0, 49, value], [50, 99, 2]], [[0, 99, value]]), **(VARIED if film in (4, 9) else {})}
    for film, value in enumerate(VALUES)
}


def test_clips_are_runs_of_frames_with_one_value(tmp_path: Path) -> None:
    told = USUAL | {video(0): annotated([[60, 99, 0], [0, 9, 2], [5, 9, 1], [10, 19, 1]])}
    dataset = PAHMDB51(write_all(tmp_path, told))
    faces = [r for r in dataset.records("face") if r.source == f"wave/{video(0)}"]
    assert [(r.start, r.stop, r.labels["face"]) for r in faces] == [
        (0, 5, "complete"), (5, 20, "partial"), (60, 100, "invisible"),
    ]  # fmt: skip
    clips = [r for r in dataset.records("attributes") if r.source == f"wave/{video(0)}"]
    assert [(r.start, r.stop, r.labels["attributes"]) for r in clips] == [
        (0, 20, ("gender", "face", "nudity", "skin_color")),
        (60, 100, ("gender", "nudity", "skin_color")),
    ]
    assert dataset.tasks["gender"].classes == ("unidentifiable", "male", "female")
    for task in ("gender", "face", "nudity", "skin_color", "relationship", "attributes"):
        check_splits(dataset, task, whole=True)
        subjects_apart(dataset, task)


def test_several_values_at_once(tmp_path: Path) -> None:
    told = USUAL | {video(1): annotated([[0, 99, 1]], [[0, 9, [1, 2]], [10, 99, [0, 1]]])}
    dataset = PAHMDB51(write_all(tmp_path, told, "PrivacyAttributes"))
    assert dataset.tasks["gender"].classes[-1] == "coexisting"
    values = [r.labels["gender"] for r in dataset.records("gender") if r.source == f"wave/{video(1)}"]
    assert values == ["coexisting", "male"]


def test_the_tested_clips_do_not_train(tmp_path: Path) -> None:
    root = write_all(tmp_path, USUAL)
    write(root / "test_set" / "wave.txt", *(video(film) for film in (0, 1, 2, 9)), end="\r\n")
    write(root / "test_set" / "dive.txt", video(0, "wave"))  # a stray line, as in the published lists
    dataset = PAHMDB51(root)
    check_splits(dataset, "action")
    assert {r.name for r in dataset.split("action").test} == {video(film)[:-4] for film in (0, 1, 2, 9)}
    strict = dataset.split("action", 1)
    assert {r.subject for r in strict.test} == {"film0", "film1", "film2", "film9"}
    subjects_apart(dataset, "action", range(1, 2))
    assert len(dataset.split("action").train) > len(strict.train)


def test_a_clip_counts_under_its_own_action_only(tmp_path: Path) -> None:
    root = write_all(tmp_path, USUAL)
    before = PAHMDB51(root).records("face")
    write_all(tmp_path, {video(0): annotated([[0, 99, 2]])}, action="dive")
    assert PAHMDB51(root).records("face") == before


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({video(0): annotated([[9, 3, 1]])}, r"wave\.json, line 2: film0_.*: face has \[9, 3, 1\]"),
        ({video(0): annotated([[0, 3, 7]])}, r"face has \[0, 3, 7\]"),
        ({video(0): annotated([[0, 3]])}, r"face has \[0, 3\]"),
        ({video(0): annotated([], [[0, 3, 3]])}, r"gender has \[0, 3, 3\]"),
        ({video(0): {"face": []}}, "gender is missing"),
        ({video(77): annotated([])}, "HMDB51 has no such clip"),
    ],
)
def test_wrong_annotations(tmp_path: Path, told: dict[str, Spans], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PAHMDB51(write_all(tmp_path, told))


def test_missing_and_damaged_annotations(tmp_path: Path) -> None:
    archives.hmdb51(tmp_path)
    with pytest.raises(InputError, match="there is no folder raw_pa_hmdb51_annos or PrivacyAttributes"):
        PAHMDB51(tmp_path)
    write(tmp_path / "raw_pa_hmdb51_annos" / "wave.json", "{", '"a": ]')
    with pytest.raises(InputError, match=r"wave\.json, line 2: this is no JSON"):
        PAHMDB51(tmp_path)
    write_all(tmp_path, USUAL)
    write(tmp_path / "test_set" / "dive.txt", video(3, "dive"))
    with pytest.raises(InputError, match=r"dive\.txt, line 1: film3_dive_f_cm_np1_fr_bad_0\.avi is not annotated"):
        PAHMDB51(tmp_path)


def vispr(root: Path, part: str, number: int, labels: Any, folder: str = "annotations") -> None:
    told = {"image_path": f"images/{part}/2017_{number}.jpg", "labels": labels}
    write(root / folder / part / f"2017_{number}.json", json.dumps(told))


def test_vispr_has_the_attributes_of_pa_hmdb51(tmp_path: Path) -> None:
    from motionveil_bench.datasets.vispr import ALL

    assert len(ALL) == len(set(ALL)) == 68
    for part in ("train2017", "val2017", "test2017"):
        vispr(tmp_path, part, 1, list(ALL))
        vispr(tmp_path, part, 2, ["a0_safe"])
        vispr(tmp_path, part, 3, ["a10_face_partial", "a1_age_approx", "a65_rel_social"])
    (tmp_path / "images" / "val2017").mkdir(parents=True)
    (tmp_path / "images" / "val2017" / "2017_3.jpg").touch()
    dataset = VISPR(tmp_path)
    split = dataset.split("attributes")
    assert [r.labels["attributes"] for r in split.train] == [
        dataset.tasks["attributes"].classes,
        (),
        ("face", "relationship"),
    ]
    assert [r.source for r in split.validation] == [
        "val2017/2017_1.jpg", "val2017/2017_2.jpg", "images/val2017/2017_3.jpg",
    ]  # fmt: skip
    assert split.test[2].labels["vispr"] == ("a1_age_approx", "a10_face_partial", "a65_rel_social")
    assert dataset.tasks["attributes"].multilabel
    check_splits(dataset, "vispr")
    assert PAHMDB51(write_all(tmp_path, USUAL)).tasks["attributes"] == dataset.tasks["attributes"]


def test_vispr_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="train2017 holds no JSON file; unpack train2017_anno"):
        VISPR(tmp_path)
    vispr(tmp_path, "train2017", 1, ["a200_shoes"])
    with pytest.raises(InputError, match=r"2017_1\.json, line 1: a200_shoes is no attribute"):
        VISPR(tmp_path)
    vispr(tmp_path, "train2017", 1, "a0_safe")
    with pytest.raises(InputError, match="no list labels"):
        VISPR(tmp_path)

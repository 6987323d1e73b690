"""Datasets of the lists that their publishers or the research code give, on small files of the same formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil_bench.datasets import HMDB51, KTH, SBU, UCF5, UCF101, IPNHand, get_dataset

from . import archives
from .archives import write
from .checks import check_splits, sizes, subjects_apart


def test_kth_sequences_and_parts(tmp_path: Path) -> None:
    dataset = KTH(archives.kth(tmp_path))
    assert len(dataset.records("action")) == 2 * 599  # one video is missing from the archive
    record = dataset.records("action")[1]
    assert (record.name, record.start, record.stop) == ("person01_boxing_d1_2", 50, 90)
    assert record.labels == {"action": "boxing", "identity": "person01"}
    check_splits(dataset, "action")
    subjects_apart(dataset, "action")
    check_splits(dataset, "identity")
    split = dataset.split("identity")
    assert sizes(split) == (2 * 299, 2 * 150, 2 * 150)
    assert {record.name.split("_")[2] for record in split.validation} == {"d1", "d3", "d4"}


def test_kth_videos_and_folders_of_frames_are_found(tmp_path: Path) -> None:
    archives.kth(tmp_path)
    (tmp_path / "boxing" / "person01_boxing_d1_uncomp").mkdir(parents=True)
    (tmp_path / "person01_boxing_d2_uncomp.avi").touch()
    sources = {record.name: record.source for record in KTH(tmp_path).records("action")}
    assert sources["person01_boxing_d1_1"] == "boxing/person01_boxing_d1_uncomp"
    assert sources["person01_boxing_d2_1"] == "person01_boxing_d2_uncomp.avi"
    assert sources["person01_boxing_d3_1"] == "boxing/person01_boxing_d3_uncomp.avi"  # missing: as published


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("person01_boxing_d1,frames,9,5,,", "line 2: the clip goes from frame 9 to 5"),
        ("person01_boxing_d1,frames,one,5,,", "line 2: s1_start must be a whole number, not 'one'"),
        ("person26_boxing_d1,frames,1,5,,", "line 2: 'person26_boxing_d1' is not named like person01_boxing_d1"),
        ("person01_boxing_d1,frames,1,5,6,9,10", "line 2: it has 7 values where 6 belong"),
    ],
)
def test_kth_wrong_lines(tmp_path: Path, line: str, message: str) -> None:
    archives.kth(tmp_path)
    write(tmp_path / "sequences.csv", "name,frames,s1_start,s1_end,s2_start,s2_end", line)
    with pytest.raises(InputError, match=message):
        KTH(tmp_path)


def test_ipn_leaves_out_what_is_no_gesture(tmp_path: Path) -> None:
    dataset = IPNHand(tmp_path, archives.ipn(tmp_path / "elsewhere"))
    assert len(dataset.records("action")) == 24
    record = dataset.records("action")[0]
    assert (record.source, record.start, record.stop) == ("frames/1CM1_1_R_#1", 10, 20)
    assert record.labels == {"action": "Pointing", "gender": "man"}
    for task in ("action", "gender"):
        check_splits(dataset, task)
        subjects_apart(dataset, task)
    assert {record.labels["gender"] for record in dataset.split("gender").validation} == {"man", "woman"}


def test_ipn_wrong_lines(tmp_path: Path) -> None:
    write(archives.ipn(tmp_path) / "Annot_testList.txt", "video,label,t_start,t_end", "1CM1_9_R_#9,G99,1,5")
    with pytest.raises(InputError, match=r"Annot_testList\.txt, line 2: label must be one of B0A, G01, not 'G99'"):
        IPNHand(tmp_path)
    write(tmp_path / "metadata_test.csv", "video,label", "1CM1_9_R_#9,X")
    with pytest.raises(InputError, match=r"metadata_test\.csv, line 2: label must be one of M, W"):
        IPNHand(tmp_path)
    (tmp_path / "metadata_test.csv").unlink()
    with pytest.raises(InputError, match=r"metadata_test\.csv cannot be read \(No such file"):
        IPNHand(tmp_path)


def sbu(root: Path) -> Path:
    heading = "name,t_start,t_end,person,action"
    from motionveil_bench.datasets.sbu import FOLDS, PAIRS

    lines = []
    for name in (name for fold in FOLDS for name in fold):
        number = PAIRS.index("".join(sorted((name[:3], name[3:]))))
        lines += [
            f"{name}/{action:02}/{take:03},1,20,{number},{action - 1}" for action in range(1, 9) for take in (1, 2)
        ]
    write(root / "train.txt", heading, *lines[::2])
    write(root / "test.txt", heading, *lines[1::2])
    return root


def test_sbu_sets_and_pairs(tmp_path: Path) -> None:
    dataset = SBU(sbu(tmp_path))
    check_splits(dataset, "action", range(5), whole=True)
    subjects_apart(dataset, "action", range(5))
    check_splits(dataset, "identity")
    assert dataset.num_folds("action") == 6
    record = next(record for record in dataset.records("action") if record.name == "s06s04/08/002")
    assert record.labels == {"action": "punching", "identity": "s04s06"}


def test_sbu_takes_the_colour_frames_only(tmp_path: Path) -> None:
    folder = sbu(tmp_path) / "s01s02" / "01" / "001"
    folder.mkdir(parents=True)
    for name in ("rgb_000001.png", "depth_000001.png"):
        (folder / name).touch()
    sources = {record.name: record.source for record in SBU(tmp_path).records("action")}
    assert sources["s01s02/01/001"] == "s01s02/01/001/rgb*.png"
    assert sources["s01s02/01/002"] == "s01s02/01/002"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("s01s02/01/001,1,20,3,0", "line 2: s01s02/01/001 is not of the pair number 3"),
        ("s01s02/01/001,1,20,0,4", "line 2: s01s02/01/001 does not show the action number 4"),
        ("s01s02/01/001,9,5,0,0", "line 2: the clip goes from frame 9 to 5"),
        ("s01s02/01/001,0,5,0,0", "line 2: the clip goes from frame 0 to 5"),
        ("s01s02/09/001,1,20,0,8", "line 2: 's01s02/09/001' is not of the form"),
    ],
)
def test_sbu_wrong_lines(tmp_path: Path, line: str, message: str) -> None:
    write(sbu(tmp_path) / "train.txt", "name,t_start,t_end,person,action", line)
    with pytest.raises(InputError, match=message):
        SBU(tmp_path)


def test_ucf101_groups_stay_together(tmp_path: Path) -> None:
    dataset = UCF101(archives.ucf101(tmp_path))
    assert len(dataset.records("action")) == 6 * 9 * 2
    check_splits(dataset, "action", whole=True)
    subjects_apart(dataset, "action")
    assert sizes(dataset.split("action", 0)) == (60, 12, 36)


def test_five_classes_of_ucf101(tmp_path: Path) -> None:
    archives.ucf101(tmp_path)
    (tmp_path / "trainlist02.txt").unlink()
    dataset = UCF5(tmp_path)
    assert dataset.num_folds("action") == 1
    assert dataset.tasks["action"].classes == ("JumpingJack", "Lunges", "PullUps", "PushUps", "Swing")
    assert len(dataset.records("action")) == 5 * 9 * 2
    with pytest.raises(InputError, match=r"trainlist02\.txt cannot be read"):
        UCF101(tmp_path)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        (
            "trainlist02.txt",
            "Archery/v_Archery_g01_c01.avi 2",
            "line 1: Archery/v_Archery_g01_c01.avi is not of the class",
        ),
        ("testlist02.txt", "Yoga/v_Yoga_g01_c01.avi", "line 1: 'Yoga/v_Yoga_g01_c01.avi' is not of the form"),
        ("testlist02.txt", "Archery/v_Archery_g01_c01.avi", "is in trainlist02.txt and in testlist02.txt"),
        ("trainlist03.txt", "Archery/v_Archery_g01_c01.avi 1", "is in split 1 or split 3, but not in both"),
        ("testlist01.txt", "", "names no clip"),
    ],
)
def test_ucf101_wrong_lines(tmp_path: Path, file: str, line: str, message: str) -> None:
    write(archives.ucf101(tmp_path) / file, line)
    with pytest.raises(InputError, match=message):
        UCF101(tmp_path)


def test_hmdb51_uses(tmp_path: Path) -> None:
    dataset = HMDB51(archives.hmdb51(tmp_path))
    assert len(dataset.tasks["action"].classes) == 51
    assert len(dataset.records("action")) == 51 * 20
    check_splits(dataset, "action")
    subjects_apart(dataset, "action")
    assert [sizes(dataset.split("action", fold)) for fold in range(3)] == [(510, 102, 306)] * 3


def test_hmdb51_wrong_lines(tmp_path: Path) -> None:
    folder = archives.hmdb51(tmp_path) / "testTrainMulti_7030_splits"
    first = "film0_wave_f_cm_np1_fr_bad_0.avi"
    write(folder / "wave_test_split2.txt", f"{first} 3")
    with pytest.raises(InputError, match=r"wave_test_split2\.txt, line 1: use must be one of 0, 1, 2"):
        HMDB51(tmp_path)
    write(folder / "wave_test_split2.txt", f"{first} 1")
    with pytest.raises(InputError, match="is not in all lists"):
        HMDB51(tmp_path)
    (folder / "wave_test_split2.txt").unlink()
    with pytest.raises(InputError, match=r"wave_test_split2\.txt cannot be read"):
        HMDB51(tmp_path)


def test_datasets_by_name(tmp_path: Path) -> None:
    assert get_dataset("kth", tmp_path, archives.kth(tmp_path / "lists")).name == "kth"
    with pytest.raises(OptionError, match="no dataset 'kinetics'; choose from kth, ipn"):
        get_dataset("kinetics", tmp_path)
    with pytest.raises(InputError, match="is in none of the usual places"):
        get_dataset("ucf101", tmp_path)


def test_units_as_published(tmp_path: Path) -> None:
    kth = get_dataset("kth_published", archives.kth(tmp_path / "kth"))
    records = kth.records("action")
    assert (len(records), records[0].name, records[0].stop) == (599, "person01_boxing_d1", None)
    for task, tested in (("action", 300), ("identity", 150)):
        check_splits(kth, task)
        assert len(kth.split(task).test) == tested
    assert {record.subject for record in kth.split("action").test} == {record.subject for record in records}
    ipn = get_dataset("ipn_published", archives.ipn(tmp_path / "ipn"))
    assert [record.name for record in ipn.split("gender").test] == [f"1CM1_{n}_R_#{n}" for n in range(9, 13)]
    assert all(record.stop is None for record in ipn.records("gender"))
    assert ipn.split("action") == get_dataset("ipn", tmp_path / "ipn").split("action")
    for task in ("action", "gender"):
        check_splits(ipn, task)
        subjects_apart(ipn, task)

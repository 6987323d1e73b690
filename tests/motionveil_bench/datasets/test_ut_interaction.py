from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil_bench.datasets import UTInteraction
from motionveil_bench.datasets.ut_interaction import ACTIONS, PAIRS

from .checks import check_splits, sizes, subjects_apart


def archive(root: Path) -> Path:
    """Empty files named as in the archive, twenty sequences of six actions."""
    for number in range(1, 21):
        folder = root / f"segmented_set{1 + number // 11}"
        folder.mkdir(parents=True, exist_ok=True)
        for label in range(6):
            (folder / f"{(number - 1) % 10 * 6 + label}_{number}_{label}.avi").touch()
    return root


def test_file_names_are_read_where_there_are_no_labels(tmp_path: Path) -> None:
    dataset = UTInteraction(archive(tmp_path))
    assert len(dataset.records("action")) == 120
    record = next(record for record in dataset.records("action") if record.name == "7_2_1")
    assert (record.source, record.subject) == ("segmented_set1/7_2_1.avi", "seq02")
    assert record.labels == {"action": "hug", "identity": "seq02"}


def test_folds_of_the_action_leave_sequences_out(tmp_path: Path) -> None:
    dataset = UTInteraction(archive(tmp_path))
    check_splits(dataset, "action", range(3), whole=True)
    check_splits(dataset, "action", range(3, 23), whole=True)
    subjects_apart(dataset, "action")
    for fold in range(3):
        split = dataset.split("action", fold)
        for part in (split.train, split.validation, split.test):
            assert {PAIRS.index(record.subject) // 10 for record in part} == {0, 1}
            assert {record.labels["action"] for record in part} == set(ACTIONS)
    assert [sizes(dataset.split("action", fold)) for fold in (0, 1, 2, 3)] == [
        (60, 18, 42), (60, 18, 42), (66, 18, 36), (48, 6, 6)
    ]  # fmt: skip
    last = dataset.split("action", 22)
    assert {record.subject for record in last.test} == {"seq20"}
    assert {record.subject for record in last.validation} == {"seq11"}


def test_folds_of_the_identity_leave_actions_out(tmp_path: Path) -> None:
    dataset = UTInteraction(archive(tmp_path))
    check_splits(dataset, "identity", whole=True)
    for fold in range(3):
        split = dataset.split("identity", fold)
        seen = [
            {str(record.labels["action"]) for record in part} for part in (split.train, split.validation, split.test)
        ]
        assert [len(actions) for actions in seen] == [3, 1, 2]
        assert len(set.union(*seen)) == 6
        assert {record.labels["identity"] for record in split.train} == set(PAIRS)


def test_a_file_of_another_name_is_refused(tmp_path: Path) -> None:
    (archive(tmp_path) / "segmented_set1" / "seq1.avi").touch()
    with pytest.raises(InputError, match=r"seq1\.avi is not named index_sequence_label"):
        UTInteraction(tmp_path)


def test_a_wrong_label_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(
        "path,sequence_pair,action\na/0_1_4.avi,seq01,punch\na/1_1_2.avi,seq01,kicks\n"
    )
    with pytest.raises(InputError, match=r"labels\.csv, line 3: action must be one of handshake"):
        UTInteraction(tmp_path)


def test_a_class_without_clips_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,sequence_pair,action\na/0_1_4.avi,seq01,punch\n")
    with pytest.raises(InputError, match="no clip is labelled 'handshake'"):
        UTInteraction(tmp_path)


def test_unknown_tasks_and_folds_are_refused(tmp_path: Path) -> None:
    dataset = UTInteraction(archive(tmp_path))
    with pytest.raises(OptionError, match="no task 'gender'; it has action, identity"):
        dataset.records("gender")
    with pytest.raises(OptionError, match="no fold 23 for action; it has 0 to 22"):
        dataset.split("action", 23)
    with pytest.raises(InputError, match="there is no folder"):
        UTInteraction(tmp_path / "elsewhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds neither labels"):
        UTInteraction(tmp_path / "empty")


@pytest.mark.data
def test_the_published_archive(data_dir: Path, tmp_path: Path) -> None:
    root = data_dir / "ut_interaction"
    dataset = UTInteraction(root)
    records = dataset.records("action")
    assert len(records) == 120
    assert all((root / record.source).is_file() for record in records)
    assert Counter(record.labels["action"] for record in records) == dict.fromkeys(ACTIONS, 20)
    assert Counter(Counter(record.subject for record in records).values()) == {6: 18, 5: 1, 7: 1}
    check_splits(dataset, "action", range(3), whole=True)
    check_splits(dataset, "identity", whole=True)
    assert [sizes(dataset.split("action", fold)) for fold in range(3)] == [(60, 18, 42), (59, 18, 43), (66, 19, 35)]
    assert [sizes(dataset.split("identity", fold)) for fold in range(3)] == [(60, 20, 40)] * 3
    (tmp_path / "set").symlink_to(root)
    named = UTInteraction(root, annotations=tmp_path)  # no labels.csv there: the names of the files say the same
    assert {record.name: record.labels for record in named.records("action")} == {
        record.name: record.labels for record in records
    }

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from motionveil.cli import main
from motionveil_bench.datasets import SBU, ClassFolder
from motionveil_bench.datasets.checking import check, is_there
from motionveil_bench.datasets.procedural import make

from .archives import write

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["motionveil", "bench", "data", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            main()
        captured = capsys.readouterr()
        return int(done.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "actors"
    return make(folder, num_subjects=4, num_clips=3, size=32, num_frames=3).root


def folders(root: Path) -> Path:
    for label in ("walk", "wave"):
        for number in range(6):
            write(root / label / f"{number}.mp4")
    return root


def test_counts_and_missing_files(tmp_path: Path) -> None:
    report = check(ClassFolder(folders(tmp_path)))
    assert report.is_complete
    (task,) = report.tasks
    assert (task.num_clips, task.clips) == (12, {"walk": 6, "wave": 6})
    assert [fold.clips for fold in task.folds] == [(6, 2, 4)] * 3
    assert "12 files or folders, all below" in list(report.lines())[-1]
    dataset = ClassFolder(tmp_path)
    for number in range(6):
        (tmp_path / "wave" / f"{number}.mp4").unlink()
    report = check(dataset)
    assert report.missing == tuple(f"wave/{number}.mp4" for number in range(6))
    text = "\n".join(report.lines())
    assert "missing: 6 of 12 files" in text
    assert "    wave/4.mp4\n    … and 1 more\n" in text
    assert "      wave/anna_1.mp4" not in text.splitlines()[-1]
    assert any(line == "      walk/ben_1.mp4 …     (or folders of pictures)" for line in text.splitlines())


def test_a_class_that_is_tested_but_not_taught_is_told(tmp_path: Path) -> None:
    folders(tmp_path)
    lines = [
        f"{label}/{number}.mp4,{'abc'[number % 3] if label == 'walk' else 'a'}"
        for label in ("walk", "wave")
        for number in range(6)
    ]
    write(tmp_path / "subjects.csv", "video,subject", *lines)
    report = check(ClassFolder(tmp_path))
    faults = [fold.fault for fold in report.tasks[0].folds]
    assert "in fold 0 of action no training clip shows what is tested as wave; add such clips" in faults[0]
    assert f"    fold 0 cannot be made: {faults[0]}" in list(report.lines())


def test_frames_by_pattern_are_looked_for(tmp_path: Path) -> None:
    write(tmp_path / "s01s02" / "rgb_000001.png")
    assert is_there(tmp_path, "s01s02/rgb*.png")
    assert not is_there(tmp_path, "s01s02/depth*.png")
    assert not is_there(tmp_path, "s01s03/rgb*.png")
    assert is_there(tmp_path, "s01s02")
    assert SBU.origin.url.startswith("https://")


def test_check_on_the_command_line(run: Run, root: Path) -> None:
    code, out, _ = run("check", "procedural", "--root", root)
    assert code == 0
    assert "identity: 72 clips, 4 classes (18 of each)" in out
    video = next((root / "videos").iterdir())
    video.rename(root / "gone")
    try:
        code, out, _ = run("check", "procedural", "--root", root)
    finally:
        (root / "gone").rename(video)
    assert code == 1
    assert "missing: 1 of 72 files" in out
    assert f"    videos/{video.name}" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "kth", "--root", "{root}"), "sequences.csv, the annotation of kth, is in none of the usual places"),
        (("check", "kinetics", "--root", "{root}"), "'kinetics' is not one of"),
        (("check", "kth", "--root", "/nowhere"), "there is no folder /nowhere"),
        (("show", "procedural", "--root", "{root}", "-o", "{root}/p.html", "--task", "gender"), "no task 'gender'"),
        (("show", "procedural", "--root", "{root}", "-o", "{root}/p.html", "--fold", "9"), "no fold 9"),
        (("show", "procedural", "--root", "{root}", "-o", "{root}/labels.csv"), "exists already"),
    ],
)
def test_bad_input_is_one_sentence(run: Run, root: Path, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run(*(argument.format(root=root) for argument in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1

"""A result is complete or not there, and harms neither its source nor what was there before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest

from motionveil._core.errors import OutputError
from motionveil._core.types import Clip, VideoInfo
from motionveil.video import Encoding, VideoWriter, check_target

from .films import make_film, numbered

INFO = VideoInfo(64, 64, Fraction(25), None, None, "h264", "yuv420p")
CLIP = Clip(numbered(4, 64, 64), 0, tuple(Fraction(i, 25) for i in range(4)))


def listing(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize("target", ["a.mp4", "a.gif", "frames", "frames/%06d.png"])
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_interruption_leaves_nothing(tmp_path: Path, target: str, error: type[BaseException]) -> None:
    hidden = []

    def interrupted() -> None:
        with VideoWriter(tmp_path / target, INFO) as writer:
            writer.write(CLIP)
            hidden.extend(listing(tmp_path))
            raise error

    with pytest.raises(error):
        interrupted()
    assert hidden
    assert all(name.startswith(f".{target.split('/')[0]}.part-") for name in hidden)
    assert listing(tmp_path) == []


@pytest.mark.parametrize("target", ["a.mp4", "a.png", "frames"])
def test_no_frames_no_result(tmp_path: Path, target: str) -> None:
    with pytest.raises(OutputError, match="no frame was written"), VideoWriter(tmp_path / target, INFO):
        pass
    assert listing(tmp_path) == []


def test_an_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_text("old")
    with pytest.raises(OutputError, match=r"a.mp4 already exists: choose another name or pass `overwrite=True`"):
        VideoWriter(target, INFO)
    writer = VideoWriter(target, INFO, encoding=Encoding(overwrite=True))
    writer.write(CLIP)
    writer.__exit__(RuntimeError, RuntimeError(), None)
    assert target.read_text() == "old"
    assert listing(tmp_path) == ["a.mp4"]
    with VideoWriter(target, INFO, encoding=Encoding(overwrite=True)) as writer:
        writer.write(CLIP)
        assert target.read_text() == "old"
    assert b"moov" in target.read_bytes()
    assert listing(tmp_path) == ["a.mp4"]


def test_an_old_folder_of_images_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "000077.png").touch()
    with pytest.raises(OutputError, match="already exists"):
        check_target(folder, [])
    with VideoWriter(folder, INFO, encoding=Encoding(overwrite=True)) as writer:
        writer.write(CLIP)
    assert listing(folder) == [f"{i:06d}.png" for i in range(4)]
    assert [p.name for p in tmp_path.iterdir()] == ["frames"]


def test_a_folder_with_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(OutputError, match=r"contains other files \(thesis.tex\)"):
        check_target(tmp_path, [], overwrite=True)


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    with VideoWriter(tmp_path / "frames", INFO) as writer:
        writer.write(CLIP)
    assert len(listing(tmp_path / "frames")) == 4


@pytest.mark.parametrize("kind", ["same", "symlink", "hardlink", "detour"])
def test_the_source_is_never_the_target(tmp_path: Path, kind: str) -> None:
    source = make_film(tmp_path / "a.mp4", numbered(2))
    target = source
    if kind == "symlink":
        target = tmp_path / "b.mp4"
        target.symlink_to(source)
    elif kind == "hardlink":
        target = tmp_path / "b.mp4"
        target.hardlink_to(source)
    elif kind == "detour":
        (tmp_path / "x").mkdir()
        target = tmp_path / "x" / ".." / "a.mp4"
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="is the input itself"):
            check_target(target, [0, source], overwrite)
    with pytest.raises(OutputError, match="is the input itself"):
        VideoWriter(target, INFO, encoding=Encoding(overwrite=True), audio_from=source)


def test_a_folder_of_images_is_never_its_own_target(tmp_path: Path) -> None:
    for name in ("0.png", "1.png"):
        (tmp_path / name).touch()
    for target in (tmp_path, tmp_path / "%06d.png"):
        for source in (tmp_path, tmp_path / "0.png", tmp_path / "%d.png", tmp_path / "*.png"):
            with pytest.raises(OutputError, match="is the input itself"):
                check_target(target, [source], overwrite=True)


def test_missing_folders_are_made(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "x" / "y" / "a.mp4", INFO) as writer:
        writer.write(CLIP)
    assert listing(tmp_path) == ["x", "x/y", "x/y/a.mp4"]


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(OutputError):
        check_target(tmp_path / "x" / "a.mp4", [])
    with pytest.raises(OutputError, match="already exists and is a file"):
        check_target(tmp_path / "x" / "%06d.png", [], overwrite=True)
    (tmp_path / "y.mp4").mkdir()
    with pytest.raises(OutputError, match=r"y.mp4 already exists and is a folder"):
        VideoWriter(tmp_path / "y.mp4", INFO, encoding=Encoding(codec="h264", overwrite=True))


def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        if os.access(tmp_path, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(OutputError, match="is not writable"):
            check_target(tmp_path / "a.mp4", [])
    finally:
        tmp_path.chmod(0o700)


def test_a_read_only_folder_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match=f"the folder {tmp_path} is not writable"):
        check_target(tmp_path / "a.mp4", [])


PROGRAM = """
import resource, signal, sys
from fractions import Fraction
import numpy as np
from motionveil._core.errors import OutputError
from motionveil._core.types import Clip, VideoInfo
from motionveil.video import VideoWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have switched it off
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
frames = np.random.default_rng(0).integers(0, 256, (8, 128, 128, 3), np.uint8)
info = VideoInfo(128, 128, Fraction(25), None, None, "h264", "yuv420p")
try:
    with VideoWriter(sys.argv[1], info) as writer:
        for i in range(6):
            writer.write(Clip(frames, 8 * i, tuple(Fraction(8 * i + k, 25) for k in range(8))))
except OutputError as error:
    print(error)
"""


@pytest.mark.parametrize("target", ["a.mp4", "a.mkv", "a.webm", "a.gif"])
def test_a_full_disk(tmp_path: Path, target: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / target)], capture_output=True, text=True, check=True
    )
    assert run.stdout == f"no space left to write {tmp_path / target}: free some or choose another disk\n"
    assert listing(tmp_path) == []


def test_a_full_disk_under_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    writer = VideoWriter(tmp_path / "frames", INFO)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="no space left"), writer:
        writer.write(CLIP)
    assert listing(tmp_path) == []


def test_control_c_leaves_nothing(tmp_path: Path) -> None:
    program = PROGRAM.replace("(60_000, 60_000)", "(-1, -1)").replace("range(6)", "range(10**6)")
    program = program.replace("with VideoWriter", "print('go', flush=True)\n    with VideoWriter")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "a.mp4")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while not listing(tmp_path):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) != 0
    assert listing(tmp_path) == []


def test_the_result_plays(tmp_path: Path) -> None:
    with VideoWriter(str(tmp_path / "a.mp4"), INFO) as writer:
        writer.write(CLIP)
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 4

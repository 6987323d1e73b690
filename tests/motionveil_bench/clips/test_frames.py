"""Decoded clips: the right frames, decoded once, with flat memory, whole or not at all."""

from __future__ import annotations

import multiprocessing
import os
import tracemalloc
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from motionveil._core.errors import InputError
from motionveil._core.types import Clip, UInt8Array, VideoInfo
from motionveil.video import VideoWriter, open_source
from motionveil_bench.clips import frames as module
from motionveil_bench.clips.frames import DecodedWriter, FrameStore, Look, open_decoded
from motionveil_bench.copies.preparation import Preparation
from motionveil_bench.records import Record

LENGTH, RATE = 150, Fraction(30000, 1001)
SPANS = [(0, 10), (5, 40), (100, 149), (37, None)]
SQUARE = Look(64, "squash")


def write_video(path: Path, frames: UInt8Array) -> Path:
    count, height, width, _ = frames.shape
    info = VideoInfo(width, height, RATE, count, count / RATE, "h264", "yuv420p")
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, info) as writer:
        writer.write(Clip(frames, 0, tuple(index / RATE for index in range(count))))
    return path


def numbered(count: int) -> UInt8Array:
    """Pictures (count, 64, 64, 3) that hold their numbers as eight bright or dark fields."""
    bits = (np.arange(count)[:, None] >> np.arange(8)) & 1
    fields = bits.reshape(count, 2, 4).repeat(32, axis=1).repeat(16, axis=2)
    return (40 + 170 * fields[..., None].repeat(3, axis=-1)).astype(np.uint8)


def numbers(frames: UInt8Array) -> list[int]:
    """What `numbered` wrote."""
    middles = frames[:, 16::32, 8::16].mean(-1).reshape(len(frames), 8) > 125
    return [int(found) for found in middles @ (1 << np.arange(8))]


def clip(span: tuple[int, int | None], source: str = "long.mp4") -> Record:
    return Record(f"{source}:{span}", source, {}, start=span[0], stop=span[1])


CLIPS = [clip(span) for span in SPANS]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "long.mp4", numbered(LENGTH))
    return folder


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], int]:
    """How often a source was opened to be decoded, by any process."""
    log = tmp_path / "opened.txt"

    def counted(*args: object, **options: object) -> object:
        with log.open("a") as file:
            file.write("x")
        return open_source(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("motionveil_bench.clips.frames.open_source", counted)
    return lambda: log.stat().st_size if log.exists() else 0


def store_of(root: Path, work: Path, **options: float) -> FrameStore:
    return FrameStore(Preparation(root, work), **options)  # type: ignore[arg-type]


def files(work: Path) -> list[Path]:
    return [path for path in (work / "decoded").rglob("*") if path.is_file() and path.suffix != ".lock"]


@pytest.mark.parametrize("spare", [0.0, 1.0])
def test_every_clip_has_its_own_frames(root: Path, tmp_path: Path, spare: float) -> None:
    """From a file as from memory."""
    store = store_of(root, tmp_path, spare=spare)
    store.expect(CLIPS)
    for record in CLIPS:
        frames = store.frames(record, "original", SQUARE)
        assert numbers(frames) == list(range(LENGTH))[record.start : record.stop]
        assert frames.dtype == np.uint8
    assert bool(files(tmp_path)) == (spare == 0)


def test_a_source_is_decoded_once_for_all_clips_and_later_runs(
    root: Path, tmp_path: Path, opened: Callable[[], int]
) -> None:
    store = store_of(root, tmp_path)
    store.expect(CLIPS)
    before = [store.frames(record, "original", SQUARE) for record in CLIPS]
    assert opened() == 1
    flows = [store.flow(record, "original", SQUARE) for record in CLIPS]
    assert opened() == 2
    later = store_of(root, tmp_path)
    for record, frames, flow in zip(CLIPS, before, flows, strict=True):
        np.testing.assert_array_equal(later.frames(record, "original", SQUARE), frames)
        np.testing.assert_array_equal(later.flow(record, "original", SQUARE), flow)
        assert flow.shape == (*frames.shape[:3], 2)
    assert opened() == 2
    later.frames(CLIPS[0], "original", Look(32, "squash"))
    assert opened() == 3


def test_processes_wait_for_one_another(root: Path, tmp_path: Path, opened: Callable[[], int]) -> None:
    store = store_of(root, tmp_path)
    store.expect(CLIPS)
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=store.frames, args=(record, "original", SQUARE)) for record in CLIPS]
    for other in others:
        other.start()
    for other in others:
        other.join()
        assert other.exitcode == 0
    assert opened() == 1
    assert len(files(tmp_path)) == len(CLIPS)


def test_flow_of_a_part_is_flow_of_the_whole(root: Path, tmp_path: Path) -> None:
    store = store_of(root, tmp_path)
    whole = store.flow(clip((0, None)), "original", SQUARE)
    part = store.flow(clip((5, 40)), "original", SQUARE)
    np.testing.assert_array_equal(part[:-1], whole[5:39])
    np.testing.assert_array_equal(part[-1], part[-2])
    single = store.flow(clip((3, 4)), "original", SQUARE)
    assert single.shape == (1, 64, 64, 2)
    assert (single == 128).all()


def test_memory_stays_flat(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (4, 120, 160, 3), np.uint8).repeat(50, axis=0)
    write_video(tmp_path / "long.mp4", pictures)
    store = store_of(tmp_path, tmp_path / "work")
    store.flow(clip((0, 2)), "original", Look(120))  # what is set up once
    tracemalloc.start()
    try:
        whole = store.frames(clip((0, None)), "original", Look(120))
        store.flow(clip((0, None)), "original", Look(120))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert whole.nbytes == pictures.nbytes
    assert peak < whole.nbytes / 2


def test_another_file_of_that_name_is_decoded_anew(tmp_path: Path) -> None:
    path = write_video(tmp_path / "long.mp4", numbered(20))
    assert numbers(store_of(tmp_path, tmp_path / "work").frames(clip((0, None)), "original", SQUARE))[-1] == 19
    path.unlink()
    write_video(path, numbered(20)[::-1].copy())
    os.utime(path, ns=(1, 1))
    assert numbers(store_of(tmp_path, tmp_path / "work").frames(clip((0, None)), "original", SQUARE))[-1] == 0


def test_an_interrupt_leaves_nothing(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, decoded = store_of(root, tmp_path), module._decoded

    def interrupted(*args: object) -> Iterator[object]:
        for count, part in enumerate(decoded(*args)):  # type: ignore[arg-type]
            if count == 3:
                raise KeyboardInterrupt
            yield part

    monkeypatch.setattr(module, "_decoded", interrupted)
    with pytest.raises(KeyboardInterrupt):
        store.frames(CLIPS[2], "original", SQUARE)
    assert files(tmp_path) == []
    monkeypatch.undo()
    assert numbers(store.frames(CLIPS[2], "original", SQUARE)) == list(range(100, 149))


def test_a_clip_that_is_too_short_stops_only_itself(root: Path, tmp_path: Path) -> None:
    store, short = store_of(root, tmp_path), clip((100, 400))
    store.expect([short, *CLIPS])
    assert numbers(store.frames(CLIPS[0], "original", SQUARE)) == list(range(10))
    with pytest.raises(InputError, match="has only 150 of the 400 frames that"):
        store.frames(short, "original", SQUARE)
    assert numbers(store.frames(clip((100, 151)), "original", SQUARE))[-1] == 149  # lists are a frame or two off


def test_memory_is_limited_where_the_disk_is_full(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one = 10 * 64 * 64 * 3
    store = store_of(root, tmp_path, memory=4.5 * one / 2**30, spare=1.0)
    for start in range(0, 60, 10):
        store.frames(clip((start, start + 10)), "original", SQUARE)
    assert sum(kept.nbytes for kept in store._kept.values()) == 4 * one
    assert len(caplog.messages) == 1
    assert "decoded clips stay in memory" in caplog.text
    monkeypatch.setattr(module, "get_worker_info", lambda: SimpleNamespace(num_workers=2))
    store.frames(clip((90, 100)), "original", SQUARE)
    assert sum(kept.nbytes for kept in store._kept.values()) == 2 * one


def test_a_folder_that_cannot_be_written(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "decoded").write_text("no folder")
    store = store_of(root, tmp_path)
    for record in CLIPS[:2]:
        assert numbers(store.frames(record, "original", SQUARE)) == list(range(LENGTH))[record.start : record.stop]
    assert len(caplog.messages) == 1
    assert "cannot be written (" in caplog.text


@pytest.mark.parametrize(("fit", "ratio"), [("crop", 1.0), ("squash", 0.5)])
def test_directions_of_flow(tmp_path: Path, fit: module.Fit, ratio: float) -> None:
    """A wide scene that moves as far to the right as down: so it does where its shape is kept; a squashed one, half as
    far.
    """
    scene = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (400, 600, 3), np.uint8), (0, 0), 4)
    scene = cv2.normalize(scene, np.empty_like(scene), 0, 255, cv2.NORM_MINMAX)
    moved = np.stack([scene[100 - 3 * t : 260 - 3 * t, 100 - 3 * t : 420 - 3 * t] for t in range(6)]).astype(np.uint8)
    write_video(tmp_path / "wide.mp4", moved)
    flow = store_of(tmp_path, tmp_path / "work").flow(clip((0, None), "wide.mp4"), "original", Look(80, fit))
    assert flow.shape == (6, 80, 160 if fit == "crop" else 80, 2)
    x, y = np.median(flow.astype(int) - 128, axis=(0, 1, 2))
    assert y == pytest.approx(3 / 160 / module.FASTEST * 96, rel=0.15)
    assert x / y == pytest.approx(ratio, rel=0.1)


def test_a_clip_written_in_parts(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).integers(0, 255, (1003, 3, 5, 2), np.uint8)
    with DecodedWriter(tmp_path / "clip.npy") as writer:
        for start in range(0, len(whole), 7):
            writer.add(whole[start : start + 7])
        assert not (tmp_path / "clip.npy").exists()
        writer.commit()
    found = open_decoded(tmp_path / "clip.npy")
    np.testing.assert_array_equal(found, whole)
    assert not found.flags.writeable
    with DecodedWriter(tmp_path / "other.npy") as writer:
        writer.add(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.npy"]

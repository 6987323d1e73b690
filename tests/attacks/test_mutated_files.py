"""Good files of many formats with bytes changed at random places: used, or refused in one sentence."""

from __future__ import annotations

import random
import signal
import types
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from ..cli.test_commands import Run
from ..conftest import textured
from ..pipeline.test_obfuscation import write

VIDEOS = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".gif", ".ts")
PICTURES = (".jpg", ".png", ".webp", ".bmp", ".tif", ".jp2")
SECONDS = 30


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 4, 30))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _flip_head(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 4))):
        data[chance.randrange(min(len(data), 200))] = chance.choice((0, 0xFF, 0x7F, 0x80, chance.randrange(256)))
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(1, len(data))]


def _hole(data: bytearray, chance: random.Random) -> bytearray:
    begin = chance.randrange(len(data))
    data[begin : begin + 200] = bytes(len(data[begin : begin + 200]))
    return data


def _remove(data: bytearray, chance: random.Random) -> bytearray:
    begin = chance.randrange(len(data))
    del data[begin : begin + chance.choice((1, 7, 500))]
    return data


def _repeat(data: bytearray, chance: random.Random) -> bytearray:
    begin = chance.randrange(len(data))
    return data[:begin] + data[max(0, begin - 300) :]


def _join(data: bytearray, chance: random.Random) -> bytearray:
    return data + data


MUTATIONS: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    _flip, _flip_head, _cut, _hole, _remove, _repeat, _join,
)  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder, picture = tmp_path_factory.mktemp("good"), textured(64, 96, np.random.default_rng(2))
    frames = np.stack([np.roll(picture, 2 * t, axis=1) for t in range(12)])
    films = {suffix: write(folder / f"a{suffix}", frames).read_bytes() for suffix in VIDEOS if suffix != ".ts"}
    films[".ts"] = remuxed(folder / "a.mkv", folder / "a.ts")
    return films | {suffix: cv2.imencode(suffix, picture)[1].tobytes() for suffix in PICTURES}


def remuxed(source: Path, target: Path) -> bytes:
    import av

    with av.open(str(source)) as reader, av.open(str(target), "w", format="mpegts") as writer:
        stream = writer.add_stream_from_template(reader.streams.video[0])
        for packet in reader.demux(reader.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                writer.mux(packet)
    return target.read_bytes()


def _too_late(number: int, frame: types.FrameType | None) -> None:
    raise TimeoutError


def check(run: Run, good: dict[str, bytes], folder: Path, count: int, seed: int) -> None:
    chance, wrong = random.Random(seed), []
    suffixes = (*VIDEOS, *PICTURES)
    for index in range(count):
        suffix = suffixes[index % len(suffixes)]
        mutation = chance.choice(MUTATIONS)
        place = folder / str(index)
        place.mkdir()
        source = place / f"in{suffix}"
        source.write_bytes(mutation(bytearray(good[suffix]), chance))
        strict = ["--strict"] if chance.random() < 0.3 else []
        signal.signal(signal.SIGALRM, _too_late)
        signal.alarm(SECONDS)
        try:
            code, _, err = run(
                "obfuscate", source, "--hide", "nothing", "--area", "rect:0,0,8,8", "-o", place / "out", *strict
            )
        finally:
            signal.alarm(0)
        left = sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path != source)
        whole = len(left) == 3 and left[0] == "out" and left[2] == f"{left[1]}.json"
        errors = [line for line in err.splitlines() if line.startswith("motionveil: error: ")]
        if (
            code not in (0, 2)
            or "internal error" in err
            or "Traceback" in err
            or (code == 2 and (len(errors) != 1 or left))
            or (code == 0 and not whole)
        ):
            wrong.append((index, suffix, mutation.__name__, code, left, err[-500:]))
    assert not wrong


def test_some_mutated_files(run: Run, good: dict[str, bytes], tmp_path: Path) -> None:
    check(run, good, tmp_path, 26, seed=1)


@pytest.mark.slow
def test_two_hundred_mutated_files(run: Run, good: dict[str, bytes], tmp_path: Path) -> None:
    check(run, good, tmp_path, 260, seed=14)

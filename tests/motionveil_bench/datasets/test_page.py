from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motionveil import drawing
from motionveil._core.errors import InputError, OutputError
from motionveil._core.types import Clip, VideoInfo
from motionveil.video import Encoding, VideoWriter
from motionveil_bench.datasets import Procedural
from motionveil_bench.datasets.page import STRIPS, choose_clips, label_of, window_of, write_page
from motionveil_bench.datasets.procedural import make
from motionveil_bench.records import Record, Split


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.loaded += [value for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Procedural:
    return make(tmp_path_factory.mktemp("made") / "actors", num_subjects=3, num_clips=3, size=48, num_frames=5)


def test_the_page_shows_strips_and_loads_nothing(dataset: Procedural, tmp_path: Path) -> None:
    done: list[tuple[int, int]] = []
    path = tmp_path / "page.html"
    count = write_page(dataset, path, task="action", limit=2, on_progress=lambda *now: done.append(now))
    text = path.read_text()
    page = Page(text)
    assert count == 2
    assert done == [(0, 2), (1, 2), (2, 2)]
    assert not page.open
    assert len([address for address in page.loaded if address.startswith("data:image/jpeg;base64,")]) == 2 * len(STRIPS)
    assert [address for address in page.loaded if not address.startswith(("data:", "#clip"))] == []
    assert "default-src 'none'" in text
    assert not re.search(r"https?://", text)
    assert "This page shows originals" in page.words
    assert "fold 0: 18 clips for training, 18 for validation, 18 for the test" in page.words
    with pytest.raises(OutputError, match="exists already"):
        write_page(dataset, path, task="action", limit=1)


def test_clips_are_spread_over_classes_and_parts(tmp_path: Path) -> None:
    def clips(part: str) -> tuple[Record, ...]:
        return tuple(Record(f"{part}_{n}", f"{part}_{n}.mp4", {"action": "ab"[n % 2]}) for n in range(10))

    split = Split(clips("train"), clips("validation"), clips("test"))
    for record in (*split.train[2:], *split.validation, *split.test):
        (tmp_path / record.source).touch()
    chosen = choose_clips(tmp_path, split, "action", 6)
    assert {(part, record.labels["action"]) for part, record in chosen} >= {("validation", "b"), ("test", "a")}
    assert len(chosen) == 6
    assert not {"train_0", "train_1"} & {record.name for _, record in chosen}  # not there
    assert [record.labels["action"] for _, record in chosen] == sorted(str(r.labels["action"]) for _, r in chosen)
    assert len(choose_clips(tmp_path, split, "action", 99)) == 28


def test_without_files_there_is_no_page(dataset: Procedural, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes((dataset.root / "labels.csv").read_bytes())
    with pytest.raises(InputError, match="none of the files of procedural is below"):
        write_page(Procedural(tmp_path), tmp_path / "page.html", task="action")
    assert not (tmp_path / "page.html").exists()


def test_several_labels_are_words() -> None:
    record = Record("a", "a.jpg", {"several": ("face", "gender"), "none": (), "one": "wave"})
    assert [label_of(record, task) for task in ("several", "none", "one")] == ["face, gender", "none", "wave"]


def frames(count: int) -> np.ndarray:
    """Each frame is as bright as its number."""
    return np.stack([np.full((32, 40, 3), number, np.uint8) for number in range(count)])


def seen(root: Path, record: Record) -> Iterator[int]:
    window, _ = window_of(root, record)
    with window.open(root / record.source) as reader:
        for clip in reader:
            yield from (int(frame.mean()) for frame in clip.frames)


def test_only_the_frames_of_the_clip_are_read(tmp_path: Path) -> None:
    for number, frame in enumerate(frames(200)):
        drawing.write_image(tmp_path / "folder" / f"{number + 1:06}.png", frame)
    rate = Fraction(30000, 1001)
    info = VideoInfo(40, 32, rate, 200, 200 / rate, "ffv1", "bgr0")
    with VideoWriter(tmp_path / "film.mkv", info, encoding=Encoding(codec="ffv1")) as writer:
        writer.write(Clip(frames(200), 0, tuple(number / rate for number in range(200))))
    for source in ("folder", "film.mkv"):
        record = Record("a", source, {}, start=20, stop=50)
        assert list(seen(tmp_path, record)) == list(range(20, 50))
        assert window_of(tmp_path, record)[1] == 30
        whole = replace(record, start=0, stop=None)
        assert list(seen(tmp_path, whole)) == list(range(55, 145))  # the middle of a long one
    drawing.write_image(tmp_path / "one.png", frames(1)[0])
    assert window_of(tmp_path, Record("a", "one.png", {}))[1] == 1
    assert list(seen(tmp_path, Record("a", "one.png", {}))) == [0]

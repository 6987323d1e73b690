"""Original and output side by side: which frames belong together, where they differ, which windows are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from motionveil import ops
from motionveil._core.errors import OptionError
from motionveil._core.types import UInt8Array, VideoInfo
from motionveil.audit.difference import inside, touched
from motionveil.audit.excerpts import ExcerptChooser
from motionveil.audit.footage import BoolArray, Pair, PairReader
from motionveil.audit.reconstruction.evidence import shrunk_size
from motionveil.noise import draw_noise
from motionveil.pipeline.runner import Window
from motionveil.video import Encoding, VideoWriter

from ..conftest import clips_of, textured

Film = Callable[..., Path]


@pytest.fixture
def film(tmp_path: Path) -> Film:
    """Writes frames (T, H, W, 3) as a film without loss."""

    def write(name: str, frames: UInt8Array, rate: int = 25) -> Path:
        info = VideoInfo(frames.shape[2], frames.shape[1], Fraction(rate), len(frames), None, "", "")
        encoding = Encoding(codec="ffv1") if name.endswith(".mkv") else Encoding()
        with VideoWriter(tmp_path / name, info, encoding=encoding) as writer:
            for clip in clips_of(frames, rate=rate):
                writer.write(clip)
        return tmp_path / name

    return write


def pairs(original: Path, output: Path, window: Window | None = None) -> Iterator[Pair]:
    with PairReader(original, output, window) as footage:
        yield from footage.pairs()


def numbered(count: int, size: tuple[int, int] = (48, 64)) -> UInt8Array:
    """Frames whose grey value is ten times their number."""
    return np.stack([np.full((*size, 3), 10 * index, np.uint8) for index in range(count)])


def test_frames_come_with_what_became_of_them(film: Film) -> None:
    frames = numbered(12)
    original, output = film("a.mkv", frames), film("b.mkv", 255 - frames)
    found = list(pairs(original, output))
    assert [pair.index for pair in found] == list(range(12))
    assert [pair.pts for pair in found] == [Fraction(index, 25) for index in range(12)]
    for pair, frame in zip(found, frames, strict=True):
        np.testing.assert_array_equal(pair.original, frame)
        np.testing.assert_array_equal(pair.output, 255 - frame)


def test_a_part_that_was_released_smaller(film: Film) -> None:
    frames = numbered(20)
    small = np.stack([ops.resize_image(frame, (24, 32)) for frame in frames[5:15]])
    window = Window(start=0.2, end=0.6, size=24)
    found = list(pairs(film("a.mkv", frames), film("b.mkv", small), window))
    assert len(found) == 10
    assert found[0].pts == Fraction(1, 5)
    for pair in found:
        assert pair.original.shape == (24, 32, 3)
        np.testing.assert_array_equal(pair.original, pair.output)


@pytest.mark.parametrize(("first", "second"), [(12, 10), (10, 12)])
def test_another_number_of_frames_is_refused(film: Film, first: int, second: int) -> None:
    original, output = film("a.mkv", numbered(first)), film("b.mkv", numbered(second))
    longer, shorter = ("a.mkv", "b.mkv") if first > second else ("b.mkv", "a.mkv")
    with pytest.raises(OptionError, match=f"{shorter} ends after 10 frames but {longer} continues: .*`start`"):
        list(pairs(original, output))


def test_another_shape_is_refused(film: Film) -> None:
    original, output = film("a.mkv", numbered(3)), film("b.mkv", numbered(3, (64, 64)))
    with pytest.raises(OptionError, match=r"64x64 and a\.mkv is 64x48"):
        PairReader(original, output)
    with PairReader(original, output, Window(size=(64, 64))) as footage:
        assert len(list(footage.pairs())) == 3


def test_other_times_are_refused(film: Film) -> None:
    original, output = film("a.mkv", numbered(12)), film("b.mkv", numbered(12), rate=10)
    with pytest.raises(OptionError, match=r"frame 2 is at .* s in a.mkv"):
        list(pairs(original, output))


@pytest.mark.parametrize("source", ["-", "camera:0", "rtsp://someone:secret@example.org/door"])
def test_what_cannot_be_read_twice_is_refused(source: str, film: Film) -> None:
    with pytest.raises(OptionError, match="cannot be audited") as caught:
        PairReader(source, film("b.mkv", numbered(3)))
    assert "secret" not in str(caught.value)


def test_pictures_and_folders(film: Film, rng: np.random.Generator) -> None:
    frames = np.stack([textured(48, 64, rng) for _ in range(3)])
    video, folder, picture = film("a.mkv", frames), film("folder", frames), film("one.png", frames[:1])
    assert len(list(pairs(video, folder))) == 3
    (only,) = pairs(picture, picture)
    np.testing.assert_array_equal(only.original, frames[0])


def test_touched_is_where_it_was_replaced(rng: np.random.Generator) -> None:
    original = textured(240, 320, rng)
    noise = draw_noise(240, 320, grain=12, generator=rng)
    region = np.zeros((240, 320), bool)
    region[60:180, 80:240] = True
    output = np.where(region[..., None], noise, original)
    # What an encoder adds, everywhere.
    output = np.clip(output + rng.normal(0, 2, output.shape), 0, 255).astype(np.uint8)
    found = touched(original, output)
    assert found[region].mean() > 0.995
    near = ops.dilate(region.astype(np.float32), 8) > 0
    assert not found[~near].any()
    assert not touched(original, original).any()


def test_inside_leaves_the_outline_out() -> None:
    region = np.zeros((100, 200), bool)
    region[20:80, 50:150] = True
    region[40:60:3] = False  # narrow holes are no outline
    expected = np.zeros_like(region)
    expected[23:77, 53:147] = True
    np.testing.assert_array_equal(inside(region), expected)


def test_narrow_regions_have_an_inside() -> None:
    region = np.zeros((400, 600), bool)
    region[100:300, 50:250] = True
    region[100:300, 400:409] = True  # a wider outline would take all of it
    region[:4, 300:500] = True  # at the border
    region[350:353, 350:353] = True  # too small to be anything
    expected = np.zeros_like(region)
    expected[112:288, 62:238] = True
    expected[102:298, 402:407] = True
    expected[:2, 302:498] = True
    np.testing.assert_array_equal(inside(region), expected)
    everything = np.ones((40, 60), bool)
    assert inside(everything).all()
    assert not inside(~everything).any()


EVERYWHERE = np.ones((60, 80), bool)


def _pair(index: int, area: int) -> tuple[Pair, BoolArray]:
    frame = np.zeros((60, 80, 3), np.uint8)
    region = np.zeros((60, 80), bool)
    region[:, :area] = True
    return Pair(index, Fraction(index, 10), frame, frame + 200), region


def test_windows_are_where_most_is_replaced_in_every_third() -> None:
    chooser = ExcerptChooser(length=4, count=3, expected=36)
    areas = {0: 10, 4: 30, 8: 20, 12: 5, 16: 0, 20: 9, 24: 40, 28: 40, 32: 8}
    for index in range(36):
        chooser.add(*_pair(index, areas[index - index % 4]), EVERYWHERE)
    excerpts = chooser.result()
    assert [excerpt.start for excerpt in excerpts] == [4, 20, 24]
    assert excerpts[0].original.shape == (4, 60, 80, 3)
    assert excerpts[0].pts == tuple(Fraction(index, 10) for index in range(4, 8))
    assert (excerpts[0].touched == _pair(0, 30)[1]).all()
    assert (excerpts[0].core == _pair(0, 28)[1]).all()


@pytest.mark.parametrize("size", [(1080, 1920), (1918, 1082), (482, 1000)])
def test_windows_of_large_films_are_kept_small(size: tuple[int, int]) -> None:
    frame = np.full((*size, 3), 100, np.uint8)
    region = np.zeros(size, bool)
    region[size[0] // 4 : -size[0] // 4, size[1] // 4 : -size[1] // 4] = True
    chooser = ExcerptChooser(length=2, count=1)
    for index in range(2):
        chooser.add(Pair(index, Fraction(index, 10), frame, frame + 50), region, np.ones(size, bool))
    (excerpt,) = chooser.result()
    kept = excerpt.original.shape[1:3]
    assert min(kept) == 480
    assert max(kept) == pytest.approx(max(size) * 480 / min(size), abs=1)
    assert excerpt.output.shape == excerpt.original.shape == (*excerpt.touched.shape, 3)
    assert excerpt.core.shape == excerpt.touched.shape
    assert (excerpt.output - excerpt.original == 50).all()
    assert excerpt.touched.mean() == pytest.approx(0.25, abs=0.01)
    assert 0.15 < excerpt.core.mean() < excerpt.touched.mean()
    # Attacks take them where `known_seed` makes frames anew from the film.
    assert shrunk_size(kept, 320) == shrunk_size(size, 320)


def test_the_core_is_where_people_are() -> None:
    people = np.zeros((60, 80), bool)
    people[20:40, 10:50] = True
    chooser = ExcerptChooser(length=2, count=1)
    for index, area in enumerate([60, 60, 30, 30, 60, 60]):
        chooser.add(*_pair(index, area), people if index >= 2 else ~EVERYWHERE)
    (excerpt,) = chooser.result()
    assert excerpt.start == 4  # more is replaced at first, but nobody is there
    assert (excerpt.core == people).all()
    # Where other things were hidden there may be nobody.
    other = ExcerptChooser(length=2, count=1)
    for index in range(2):
        other.add(*_pair(index, 60), ~EVERYWHERE)
    assert (other.result()[0].core == _pair(0, 58)[1]).all()


def test_short_films_and_those_where_nothing_is_replaced() -> None:
    chooser = ExcerptChooser(expected=1)
    chooser.add(*_pair(0, 40), EVERYWHERE)
    (excerpt,) = chooser.result()
    assert len(excerpt.pts) == 1
    nothing = ExcerptChooser(expected=20)
    for index in range(20):
        nothing.add(*_pair(index, 1), EVERYWHERE)
    assert nothing.result() == ()

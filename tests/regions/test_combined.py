"""Combinations of regions against plain arithmetic, whatever the parts read ahead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pytest

from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, Float32Array
from motionveil.flow import with_motion
from motionveil.regions import (
    Coverage,
    Difference,
    Intersection,
    Inverse,
    Rectangle,
    Region,
    Seen,
    Strength,
    TemplateSaliency,
    Union,
    WholeFrame,
    everything_in,
    seen,
)

from ..conftest import BRIGHT, BrightnessExtractor, ConstantFlow, clips_of


class Fixed:
    """Gives the same maps, and reads so many clips ahead."""

    def __init__(self, maps: Float32Array, ahead: int = 0) -> None:
        self.maps, self.ahead, self.streams = maps, ahead, 0

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        self.streams += 1
        waiting: list[Clip] = []
        for clip in clips:
            waiting.append(clip)
            if len(waiting) > self.ahead:
                first = waiting.pop(0)
                yield self.maps[first.start : first.start + len(first)]
        for first in waiting:
            yield self.maps[first.start : first.start + len(first)]


CLIPS = clips_of(np.zeros((6, 8, 12, 3), np.uint8), [1, 2, 1, 2])


@pytest.fixture
def maps(rng: np.random.Generator) -> tuple[Float32Array, Float32Array, Float32Array]:
    a, b, c = rng.random((3, 6, 8, 12)).astype(np.float32)
    a[:, 0], b[:, 0], a[:, 1], b[:, 1] = 0, 1, 1, 1
    return a, b, c


def joined(region: Region) -> Float32Array:
    streamed = list(region.stream(CLIPS))
    assert [len(part) for part in streamed] == [len(clip) for clip in CLIPS]
    return np.concatenate(streamed)


@pytest.mark.parametrize("ahead", [(0, 0, 0), (3, 0, 1), (0, 9, 2)])
def test_every_combination(maps: tuple[Float32Array, Float32Array, Float32Array], ahead: tuple[int, int, int]) -> None:
    a, b, c = maps
    one, two, three = (Fixed(each, count) for each, count in zip(maps, ahead, strict=True))
    expected: list[tuple[Region, Float32Array]] = [
        (Union(one, two, three), np.maximum(np.maximum(a, b), c)),
        (Intersection(one, two, three), np.minimum(np.minimum(a, b), c)),
        (Difference(one, two), a * (1 - b)),
        (Inverse(one), 1 - a),
        (Strength(one, 0.5), a * np.float32(0.5)),
        (Difference(Union(one, two), Intersection(Inverse(one), three)), np.maximum(a, b) * (1 - np.minimum(1 - a, c))),
    ]
    for region, result in expected:
        np.testing.assert_allclose(joined(region), result, atol=1e-6)


def test_0_and_1_stay_exact(maps: tuple[Float32Array, Float32Array, Float32Array]) -> None:
    one, two = Fixed(maps[0]), Fixed(maps[1])
    assert (joined(Difference(one, two))[:, :2] == 0).all()
    assert (joined(Intersection(one, two))[:, 1] == 1).all()
    assert (joined(Intersection(one, two))[:, 0] == 0).all()
    assert (joined(Inverse(two))[:, :2] == 0).all()
    assert (joined(Strength(two, 1.0))[:, :2] == 1).all()


def test_a_region_that_occurs_several_times_is_streamed_once(
    maps: tuple[Float32Array, Float32Array, Float32Array],
) -> None:
    one, two = Fixed(maps[0], ahead=2), Fixed(maps[1])
    inverse = Inverse(one)
    region = Union(Difference(one, two), Intersection(inverse, inverse), Strength(one, 0.3))
    joined(region)
    assert (one.streams, two.streams) == (1, 1)
    assert len(everything_in(region)) == 7


def test_the_network_runs_once_for_a_template_region_used_twice() -> None:
    extractor = BrightnessExtractor()
    region = TemplateSaliency(extractor, [BRIGHT], coverage=Coverage(keyframe_every=2))
    clips = clips_of(np.full((9, 32, 32, 3), 200, np.uint8), [2, 7])
    alone = list(region.stream(with_motion(clips, ConstantFlow(0, 0))))
    calls = extractor.calls
    both = list(
        Union(region, Intersection(region, Rectangle(0, 0, 9, 9))).stream(with_motion(clips, ConstantFlow(0, 0)))
    )
    assert extractor.calls == 2 * calls
    assert all(np.array_equal(a, b) for a, b in zip(alone, both, strict=True))


def test_what_makes_no_sense_is_refused() -> None:
    for make in (
        lambda: Union(),
        lambda: Strength(Rectangle(0, 0, 1, 1), 0),
        lambda: Strength(Rectangle(0, 0, 1, 1), 2),
    ):
        with pytest.raises(OptionError):
            make()


def test_they_say_what_they_are_made_of() -> None:
    region = Strength(Difference(Union(Rectangle(0, 0, 1, 1)), Inverse(Rectangle(1, 1, 2, 2))), 0.5)
    assert repr(region).startswith("Strength(Difference(Union(Rectangle(x=0, y=0")


class Knows:
    """A region that knows heads in one clip of two."""

    def __init__(self, value: float) -> None:
        self.value = value

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        return (each.opacity for each in self.see(clips))

    def see(self, clips: Iterable[Clip]) -> Iterator[Seen]:
        for number, clip in enumerate(clips):
            heads = tuple(np.full((3, 4), self.value, np.float32) if number % 2 else None for _ in clip.frames)
            yield Seen(np.full(clip.frames.shape[:3], self.value, np.float32), heads)


def test_heads_are_passed_on_by_combinations() -> None:
    clips = clips_of(np.zeros((6, 12, 16, 3), np.uint8), [2, 3, 1])
    one = Knows(0.5)
    for region in (one, Union(WholeFrame(), one), Difference(one, Inverse(one))):
        first, second, third = seen(region, iter(clips))
        assert [len(each.opacity) for each in (first, second, third)] == [2, 3, 1]
        assert not any(heads is not None for heads in first.heads or ())
        assert second.heads is not None
        assert all(heads is not None and (heads == 0.5).all() for heads in second.heads)
        opacities = list(region.stream(iter(clips)))
        assert np.array_equal(opacities[1], second.opacity)
    assert [each.heads for each in seen(WholeFrame(), iter(clips))] == [None] * 3

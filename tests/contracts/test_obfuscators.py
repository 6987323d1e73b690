"""What every region, filler and preset must hold, over the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from motionveil._core.types import Clip, Point, UInt8Array
from motionveil.drawing import write_image
from motionveil.fillers import FILLERS, Filler, MotionNoise
from motionveil.flow import DISFlow, with_motion
from motionveil.noise import Transport
from motionveil.obfuscation.factory import make_filler
from motionveil.obfuscation.obfuscators import Selective
from motionveil.obfuscation.presets import PRESETS
from motionveil.regions import REGIONS as TABLE
from motionveil.regions import (
    Difference,
    FigureOnGround,
    FollowedPerson,
    Intersection,
    Inverse,
    MaskVideo,
    MovingShape,
    Polygon,
    Rectangle,
    Region,
    Step,
    Strength,
    Stroke,
    TemplateSaliency,
    Union,
    WholeFrame,
    everything_in,
)

from ..conftest import BRIGHT, BrightnessExtractor, clips_of, textured


def bright(preset: str = "secure") -> TemplateSaliency:
    """What is bright: the disc, which stands for a person."""
    return TemplateSaliency(BrightnessExtractor(), [BRIGHT], coverage=PRESETS[preset].coverage)


def followed() -> Region:
    """The disc, from the third frame on."""
    return FollowedPerson(bright(), Point(45, 48), 0.08)


AREA = Rectangle(20, "10%", 60, "80%", 0.1, 0.3)
REGIONS: dict[str, Callable[[Path], Region]] = {
    **{name: (lambda _, name=name: bright(name)) for name in PRESETS},  # type: ignore[misc]
    "whole_frame": lambda _: WholeFrame(),
    "rectangle": lambda _: AREA,
    "polygon": lambda _: Polygon(((10, 10), (90, 20), (40, 80))),
    "stroke": lambda _: Stroke(((10, 10), (60, 40)), 6),
    "moving_shape": lambda _: MovingShape(Rectangle(10, 10, 30, 20), (Step(0, 0, 0), Step(1, 30, 10, 1.5))),
    "mask": lambda folder: MaskVideo(folder),
    "picture": lambda folder: MaskVideo(folder / "03.png"),
    "union": lambda folder: Union(bright(), AREA, MaskVideo(folder)),
    "intersection": lambda _: Intersection(bright(), AREA),
    "difference": lambda _: Difference(WholeFrame(), bright()),
    "inverse": lambda _: Inverse(bright()),
    "strength": lambda _: Strength(bright(), 0.5),
    "followed_person": lambda _: followed(),
    "figure_on_ground": lambda _: FigureOnGround(bright("figure_ground")),
    "all_but_one": lambda _: Difference(WholeFrame(), followed()),
}


def moving(transport: Transport) -> Callable[[int | None], Filler]:
    return lambda seed: MotionNoise(transport=transport, seed=seed)


MADE: dict[str, Callable[[int | None], Filler]] = {
    **{name: (lambda seed, name=name: make_filler(name, seed=seed)) for name in FILLERS},  # type: ignore[misc]
    **{f"noise_{name}": moving(name) for name in get_args(Transport)},
    "noise_fine": lambda seed: MotionNoise(grain=1, seed=seed),
}


@pytest.fixture(scope="module")
def video() -> UInt8Array:
    """Ten frames: a bright textured disc moves over a dark textured ground."""
    rng = np.random.default_rng(1)
    ground, disc = textured(96, 144, rng) // 6, 200 + textured(96, 144, rng) // 5
    frames = []
    y, x = np.mgrid[0:96, 0:144]
    for t in range(10):
        inside = (x - 40 - 3 * t) ** 2 + (y - 48) ** 2 < 26**2
        frames.append(np.where(inside[..., None], np.roll(disc, 3 * t, axis=1), ground))
    return np.stack(frames)


def run(method: Selective, clips: list[Clip]) -> list[Clip]:
    return list(method.stream(clips))


def joined(clips: list[Clip]) -> UInt8Array:
    return np.concatenate([clip.frames for clip in clips])


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten masks: a column that moves, white with a grey border."""
    folder = tmp_path_factory.mktemp("masks")
    for t in range(10):
        mask = np.zeros((96, 144, 3), np.uint8)
        mask[:, 30 + 4 * t : 70 + 4 * t] = 128
        mask[:, 35 + 4 * t : 65 + 4 * t] = 255
        write_image(folder / f"{t:02d}.png", mask)
    return folder


def pairs() -> Iterator[tuple[str, str]]:
    """Every region with three fillers, and every filler with three regions."""
    for region in REGIONS:
        for filler in MADE:
            usual = region in ("secure", "paper", "whole_frame") or filler in ("motion_noise", "blur_relative", "solid")
            if usual or (region, filler) == ("figure_on_ground", "figure_and_ground"):
                yield region, filler


@pytest.fixture(params=pairs(), ids="-".join)
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    chosen: tuple[str, str] = request.param
    return chosen


@pytest.fixture
def region(pair: tuple[str, str], masks: Path) -> Region:
    return REGIONS[pair[0]](masks)


@pytest.fixture
def filler(pair: tuple[str, str]) -> Callable[[int | None], Filler]:
    return MADE[pair[1]]


def test_every_region_and_filler_of_the_tables_is_here(masks: Path) -> None:
    here = {type(part) for make in REGIONS.values() for part in everything_in(make(masks))}
    assert here == set(TABLE.values())
    assert set(FILLERS) <= {filler for _, filler in pairs()}


def promises_full_cover(region: Region) -> bool:
    """Whether what is salient enough is replaced completely; the paper's opacity hardly ever reaches 1."""
    if isinstance(region, Strength):
        return False
    return all(part.coverage.thresholds[1] < 1 for part in everything_in(region) if isinstance(part, TemplateSaliency))


def test_counts_sizes_and_times_are_kept(
    region: Region, filler: Callable[[int | None], Filler], video: UInt8Array
) -> None:
    clips = clips_of(video, [4, 1, 5])
    out = run(Selective(region, filler(0), DISFlow()), clips)
    assert [(c.start, c.pts, c.frames.shape) for c in out] == [(c.start, c.pts, c.frames.shape) for c in clips]


def test_clips_do_not_matter(region: Region, filler: Callable[[int | None], Filler], video: UInt8Array) -> None:
    method = Selective(region, filler(5), DISFlow())
    whole = joined(run(method, clips_of(video)))
    for lengths in ([1] * 10, [3, 3, 4], [7, 3]):
        assert np.array_equal(joined(run(method, clips_of(video, lengths))), whole)


def test_where_opacity_is_0_pixels_are_bit_exact_and_where_it_is_1_they_are_the_filling(
    region: Region, filler: Callable[[int | None], Filler], video: UInt8Array
) -> None:
    method = Selective(region, filler(5), DISFlow())
    (explained,) = method.explain(clips_of(video))
    (filling,) = filler(5).stream([explained.original])
    assert np.array_equal(filling, explained.filling)
    untouched, covered = explained.opacity == 0, explained.opacity == 1
    assert covered.any() or not promises_full_cover(region)
    assert np.array_equal(explained.obfuscated.frames[untouched], video[untouched])
    assert np.array_equal(explained.obfuscated.frames[covered], filling[covered])


def test_the_covered_core_does_not_depend_on_the_pixels(
    region: Region, filler: Callable[[int | None], Filler], video: UInt8Array
) -> None:
    """Region and flow held fixed, other pixels there: the same output, where the filler promises it."""
    method = Selective(region, filler(5), DISFlow())
    (moving,) = with_motion(clips_of(video), DISFlow())
    (opacity,) = region.stream([moving])

    class Fixed:
        def stream(self, clips: object) -> object:
            return iter([opacity])

    fixed = Selective(Fixed(), method.filler, method.flow)  # type: ignore[arg-type]
    core = opacity == 1
    assert core.any() or not promises_full_cover(region)
    other = np.where(core[..., None], np.random.default_rng(3).integers(0, 256, video.shape, np.uint8), video)
    first, second = (joined(run(fixed, [clip])) for clip in (moving, replace(moving, frames=other)))
    if method.filler.independent:
        assert np.array_equal(first[core], second[core])
    elif core.any():
        assert not np.array_equal(first[core], second[core])


def test_seeds_repeat_and_the_default_does_not(
    region: Region, filler: Callable[[int | None], Filler], video: UInt8Array
) -> None:
    def once(seed: int | None) -> UInt8Array:
        return joined(run(Selective(region, filler(seed), DISFlow()), clips_of(video)))

    assert np.array_equal(once(9), once(9))
    # Only noise is drawn.
    drawn = hasattr(filler(9), "seed")
    assert np.array_equal(once(9), once(10)) is not drawn
    assert np.array_equal(once(None), once(None)) is not drawn


def test_two_videos_at_once(region: Region, filler: Callable[[int | None], Filler], video: UInt8Array) -> None:
    method = Selective(region, filler(5), DISFlow())
    other = np.ascontiguousarray(video[:, ::-1])
    alone = [joined(run(method, clips_of(frames))) for frames in (video, other)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda frames: joined(run(method, clips_of(frames, [2] * 5))), (video, other)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_secure_covers_the_core_completely(video: UInt8Array) -> None:
    method = Selective(bright(), MotionNoise(seed=0), DISFlow())
    (explained,) = method.explain(clips_of(video))
    for t in range(10):
        assert (explained.opacity[t, 30:66, 25 + 3 * t : 55 + 3 * t] == 1).all(), t
    assert (explained.opacity[:, :, 125:] == 0).all()

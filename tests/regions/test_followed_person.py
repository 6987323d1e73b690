"""A person who was clicked stays visible; nobody else ever does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

import motionveil
from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, Float32Array, Point, UInt8Array
from motionveil.flow import DISFlow, with_motion
from motionveil.regions import FollowedPerson, Pick, Rectangle, Where

from ..conftest import clips_of, textured

HEIGHT, WIDTH, RATE = 96, 192, 10
Box = tuple[float, float, float, float]
"""x, y, width, height."""


class Everybody:
    """Knows where everybody is: opacity 1 inside some boxes and 2 pixels around them."""

    def __init__(self, boxes: list[list[Box]], grow: float = 2) -> None:
        self.boxes, self.grow = boxes, grow

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        for clip in clips:
            size = clip.frames.shape[1:3]
            found = [painted(size, self.boxes[index], self.grow) for index in range(clip.start, clip.start + len(clip))]
            yield np.stack([mask.astype(np.float32) for mask in found])


def painted(size: tuple[int, ...], boxes: list[Box], grow: float = 0) -> UInt8Array:
    mask = np.zeros(size, np.uint8)
    for x, y, width, height in boxes:
        mask[
            max(0, round(y - grow)) : max(0, round(y + height + grow)),
            max(0, round(x - grow)) : max(0, round(x + width + grow)),
        ] = 1
    return mask


def film(boxes: list[list[Box]], colours: list[tuple[int, int, int]]) -> UInt8Array:
    """People as textured boxes over a ground, the later in front."""
    rng = np.random.default_rng(5)
    ground = textured(HEIGHT, WIDTH, rng) // 4
    skins = [np.clip(textured(HEIGHT, WIDTH, rng) // 4 + np.array(c), 0, 255).astype(np.uint8) for c in colours]
    frames = []
    for now in boxes:
        frame = ground.copy()
        for (x, y, width, height), skin in zip(now, skins, strict=True):
            inside = painted((HEIGHT, WIDTH), [(x, y, width, height)]) > 0
            shifted = np.roll(skin, (round(y), round(x)), (0, 1))
            frame[inside] = shifted[inside]
        frames.append(frame)
    return np.stack(frames)


RED, BLUE = (150, 20, 20), (20, 20, 150)


def followed(
    boxes: list[list[Box]],
    point: tuple[float, float],
    time: float = 0.0,
    *,
    colours: tuple[tuple[int, int, int], ...] = (RED, BLUE),
    heads: list[list[Box]] | None = None,
    lengths: list[int] | None = None,
    frames: UInt8Array | None = None,
) -> Float32Array:
    made = film(boxes, list(colours)[: len(boxes[0])]) if frames is None else frames
    region = FollowedPerson(
        Everybody(boxes), Point(*point), time, heads=None if heads is None else Everybody(heads, 0)
    )  # fmt: skip
    clips = clips_of(made, lengths, rate=RATE)
    streamed = list(region.stream(with_motion(clips, DISFlow())))
    assert [len(part) for part in streamed] == [len(clip) for clip in clips]
    return np.concatenate(streamed)


def shown(opacity: Float32Array, box: Box) -> float:
    """How much of a box is kept."""
    return float(opacity[painted(opacity.shape, [box]) > 0].mean())


CROSSING: list[list[Box]] = [[(10 + 5 * t, 20, 24, 60), (150 - 5 * t, 22, 22, 58)] for t in range(26)]
"""They touch from about frame 11 to frame 16."""


@pytest.mark.parametrize("who", [0, 1])
def test_two_people_cross(who: int) -> None:
    x, y, width, height = CROSSING[0][who]
    opacity = followed(CROSSING, (x + width / 2, y + height / 2))
    for t, now in enumerate(CROSSING):
        assert shown(opacity[t], now[1 - who]) == 0, t
    for t in range(5):
        assert shown(opacity[t], CROSSING[t][who]) > 0.99, t
    assert opacity[7:].max() == 0  # half a second before they touch, and for good


def test_people_of_one_colour_cross() -> None:
    opacity = followed(CROSSING, (20, 50), colours=(RED, RED))
    assert all(shown(opacity[t], now[1]) == 0 for t, now in enumerate(CROSSING))
    assert opacity[0].max() == 1


def test_who_stays_apart_is_followed_to_the_end() -> None:
    boxes: list[list[Box]] = [[(10 + 3 * t, 20, 24, 60), (150, 22 + t % 3, 22, 58)] for t in range(30)]
    for lengths in ([30], [1] * 30, [7, 20, 3]):
        opacity = followed(boxes, (20, 50), lengths=lengths)
        for t, (mine, other) in enumerate(boxes):
            assert shown(opacity[t], mine) > 0.97, t
            assert shown(opacity[t], other) == 0, t
            assert opacity[t].sum() < 1.6 * mine[2] * mine[3]


def test_before_the_click_and_after_a_cut_nobody_is_shown() -> None:
    boxes: list[list[Box]] = [[(10 + 2 * t, 20, 24, 60), (150, 22, 22, 58)] for t in range(20)]
    frames = film(boxes, [RED, BLUE])
    frames[12:] = 255 - frames[12:, ::-1, ::-1]
    opacity = followed(boxes, (24, 50), 0.45, frames=frames)
    visible = np.flatnonzero(opacity.max((1, 2)))
    assert visible.tolist() == list(range(5, 12))


def test_somebody_who_comes_out_from_behind_is_not_shown() -> None:
    """Both are one outline from the start; it grows as the other one steps aside."""
    boxes: list[list[Box]] = [[(60 + max(0, 3 * (t - 8)), 22, 22, 56), (60, 20, 24, 60)] for t in range(24)]
    opacity = followed(boxes, (72, 50))
    assert opacity[0].max() == 1
    for t, ((x, y, width, height), (mine, _, own, _)) in enumerate(boxes):
        beside = x + width - (mine + own) - 3  # beyond the rim
        if beside > 0:
            assert shown(opacity[t], (mine + own + 3, y, beside, height)) == 0, t
    assert opacity[14:].max() == 0


def test_who_spreads_their_arms_is_hidden_meanwhile() -> None:
    slim: list[Box] = [(60, 20, 24, 60)]
    wide: list[Box] = [(45, 20, 54, 60)]
    opacity = followed([*([slim] * 10), *([wide] * 4), *([slim] * 16)], (72, 50), colours=(RED,))
    visible = np.flatnonzero(opacity.max((1, 2)))
    assert visible.tolist() == [*range(5), *range(19, 30)]
    stays = followed([*([slim] * 10), *([wide] * 30)], (72, 50), colours=(RED,))
    assert np.flatnonzero(stays.max((1, 2))).tolist() == list(range(5))


def test_a_piece_that_moves_away_is_somebody_else() -> None:
    """Somebody small was in the outline from the start, and leaves it."""
    boxes: list[list[Box]] = [[(40, 20, 24, 60), (60 + 3 * t, 50, 12, 24)] for t in range(20)]
    opacity = followed(boxes, (50, 50))
    for t in range(8, 20):
        assert shown(opacity[t], boxes[t][1]) == 0, t
    assert shown(opacity[19], boxes[19][0]) > 0.97


def test_two_heads_in_one_outline_are_two_people() -> None:
    boxes: list[list[Box]] = [[(40, 20, 24, 60), (64, 22, 22, 58)]] * 6
    with pytest.raises(OptionError, match="touches another"):
        followed(boxes, (50, 50), heads=[[(45, 20, 12, 12), (70, 22, 12, 12)]] * 6)
    one: list[Box] = [(45, 20, 12, 12)]
    two: list[Box] = [*one, (70, 22, 12, 12)]
    appears = [one] * 8 + [two] * 2
    opacity = followed([boxes[0]] * 10, (50, 50), heads=appears)
    assert np.flatnonzero(opacity.max((1, 2))).tolist() == [0, 1, 2]


def test_who_is_hidden_behind_something_is_lost_for_good() -> None:
    apart: list[Box] = [(40, 20, 24, 60)]
    small: list[Box] = [(40, 20, 24, 20)]
    opacity = followed([*([apart] * 10), *([small] * 3), *([apart] * 7)], (50, 50), colours=(RED,),
                       frames=film([apart] * 20, [RED]))  # fmt: skip
    assert np.flatnonzero(opacity.max((1, 2))).tolist() == list(range(5))


def test_other_colours_are_another_person() -> None:
    """One leaves and another takes the same place, between two frames."""
    boxes: list[list[Box]] = [[(40, 20, 24, 60)]] * 20
    frames = np.concatenate([film(boxes[:10], [RED]), film(boxes[:10], [(20, 150, 20)])])
    opacity = followed(boxes, (50, 50), frames=frames)
    assert np.flatnonzero(opacity.max((1, 2))).tolist() == list(range(5))


@pytest.mark.parametrize(
    ("point", "time", "says"),
    [
        ((100, 50), 0, "nobody was found at 100,50 at 0.00 s"),
        ((500, 5), 0, "is outside the "),
        ((20, 50), 99, "no frame at 99 s"),
    ],
)
def test_a_click_on_nobody_is_refused(point: tuple[float, float], time: float, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        followed(CROSSING, point, time)


def test_a_single_picture() -> None:
    opacity = followed(CROSSING[:1], (20, 50))
    assert shown(opacity[0], CROSSING[0][0]) > 0.99
    assert shown(opacity[0], CROSSING[0][1]) == 0


@pytest.mark.data
def test_two_real_people_who_walk_up_to_each_other_and_hug(data_dir: Path) -> None:
    """While anybody is shown, both are in their own half of the picture (looked at by eye)."""
    path = data_dir / "ut_interaction" / "ut-interaction_segmented_set1" / "segmented_set1" / "2_1_1.avi"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there")
    with motionveil.open_source(path, end=2.5) as source:
        clips = list(with_motion(source, DISFlow()))
    covered = np.concatenate(list(motionveil.build_obfuscator().region.stream(clips)))
    middle = covered.shape[2] // 2
    halves = slice(0, middle), slice(middle, None)
    assert all((covered[0][:, half] == 1).mean() > 0.05 for half in halves)
    for x, y, mine, other in ((105, 180, *halves), (348, 150, *halves[::-1])):
        region = motionveil.build_obfuscator(where=Where(keep=(Pick(x, y),))).region
        kept = np.concatenate(list(region.stream(clips)))
        assert (kept[0][:, mine][covered[0][:, mine] > 0.9] > 0).mean() < 0.01
        for t in range(len(kept)):
            if not np.array_equal(kept[t], covered[t]):  # somebody is shown
                assert t < 55, "they meet in the middle of the picture after two seconds"
                assert np.array_equal(kept[t][:, other], covered[t][:, other]), t


def test_it_ends_when_it_should() -> None:
    boxes: list[list[Box]] = [[(20 + 2 * t, 30, 30, 40)] for t in range(20)]
    region = FollowedPerson(Everybody(boxes), Point(30, 50), 0.0, end=1.0)
    found = np.concatenate(list(region.stream(with_motion(clips_of(film(boxes, [RED]), None, rate=RATE), DISFlow()))))
    shown = np.asarray(found.any(axis=(1, 2)))
    assert shown[:10].all()
    assert not shown[10:].any()
    with pytest.raises(OptionError, match="until"):
        FollowedPerson(Everybody(boxes), Point(30, 50), 2.0, end=1.0)


def test_what_is_left_out_is_hidden_by_an_area_all_the_same() -> None:
    boxes: list[list[Box]] = [[(20 + 2 * t, 30, 30, 40), (120, 30, 30, 40)] for t in range(10)]
    where = Where(areas=(Rectangle(130, 30, 8, 8),), leave_out=(Pick(135, 50),))
    region = where.region(Everybody(boxes))
    clips = with_motion(clips_of(film(boxes, [RED, BLUE]), None, rate=RATE), DISFlow())
    found = np.concatenate(list(region.stream(clips)))[0]
    assert found[50, 30] == 1
    assert found[60, 135] == 0
    assert found[34, 134] == 1

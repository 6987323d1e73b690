"""Template saliency as a region: keyframes, coverage over time, margin."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from motionveil._core.errors import OptionError
from motionveil._core.types import Float32Array, Point, UInt8Array
from motionveil.detection.features import DescriptorGrid
from motionveil.detection.saliency import Cells
from motionveil.flow import with_motion
from motionveil.regions import Coverage, Doubt, TemplateSaliency, doubtful
from motionveil.regions.looking import key_of

from ..conftest import BRIGHT, BrightnessExtractor, ConstantFlow, clips_of


def moving_square(count: int, step: int = 4, missing: tuple[int, ...] = ()) -> UInt8Array:
    """A white square of 32 pixels on black that moves to the right; in the `missing` frames the network fails."""
    frames = np.zeros((count, 64, 160, 3), np.uint8)
    for t in range(count):
        frames[t, 16:48, 8 + step * t : 40 + step * t] = 255
        frames[t, 0, 0] = t in missing
    return frames


class ForgetfulExtractor(BrightnessExtractor):
    """Sees nothing in frames whose first pixel says so."""

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        return super().__call__(np.where(frames[:, :1, :1, :1] == 1, 0, frames).astype(np.uint8))


def opacities(
    frames: UInt8Array, coverage: Coverage, *, step: int = 4, lengths: list[int] | None = None
) -> tuple[Float32Array, BrightnessExtractor]:
    extractor = ForgetfulExtractor()
    region = TemplateSaliency(extractor, [BRIGHT], coverage=coverage)
    clips = clips_of(frames, lengths)
    streamed = list(region.stream(with_motion(clips, ConstantFlow(step, 0))))
    assert [len(part) for part in streamed] == [len(clip) for clip in clips]
    return np.concatenate(streamed), extractor


def test_every_frame_by_itself() -> None:
    opacity, extractor = opacities(moving_square(6), Coverage())
    assert extractor.calls == 6
    for t in range(6):
        assert opacity[t, 32, 20 + 4 * t] == pytest.approx(1, abs=0.01)
        assert opacity[t, 32, 70 + 4 * t] == 0


@pytest.mark.parametrize("every", [2, 3, 5])
def test_keyframes_carry_the_region_with_the_motion(every: int) -> None:
    opacity, extractor = opacities(moving_square(11), Coverage(keyframe_every=every))
    assert extractor.calls < 11
    for t in range(11):
        assert opacity[t, 32, 16 + 4 * t : 32 + 4 * t].min() > 0.85, t
        assert opacity[t, 32, 64 + 4 * t] < 0.05


def test_slow_videos_are_looked_at_more_often() -> None:
    """At 25 frames per second 0.15 s are four frames, at 5 frames per second less than one."""
    extractor = BrightnessExtractor()
    region = TemplateSaliency(extractor, [BRIGHT], coverage=Coverage(keyframe_every=100))
    for rate, calls in ((25, 4), (5, 13)):
        extractor.calls = 0
        list(region.stream(with_motion(clips_of(moving_square(13, step=1), rate=rate), ConstantFlow(1, 0))))
        assert extractor.calls == calls


def test_what_a_keyframe_finds_is_covered_in_the_frames_before_it_too() -> None:
    """Somebody appears between two keyframes; the first of those frames must not be left bare."""
    frames = moving_square(7, missing=(0,))
    opacity, _ = opacities(frames, Coverage(keyframe_every=3))
    for t in range(1, 7):
        assert opacity[t, 32, 16 + 4 * t : 32 + 4 * t].min() > 0.85, t


def test_hold_bridges_frames_in_which_nothing_was_found() -> None:
    frames = moving_square(12, missing=(4, 5, 6))
    bare, _ = opacities(frames, Coverage())
    held, _ = opacities(frames, Coverage(hold=0.16))
    assert bare[5].max() == 0
    for t in range(12):
        assert held[t, 32, 16 + 4 * t : 32 + 4 * t].min() > 0.85, t


def test_hold_ends() -> None:
    frames = moving_square(14, missing=tuple(range(3, 14)))
    held, _ = opacities(frames, Coverage(hold=0.12))  # found last in frame 2, missed from 3 on: held up to frame 6
    for t in range(7):
        assert held[t, 32, 16 + 4 * t : 32 + 4 * t].min() > 0.95, t
    assert held[7:].max() == 0


def test_hold_leaves_no_trail() -> None:
    """Somebody who walks on is found again: the ground behind them is free at once."""
    held, _ = opacities(moving_square(12, step=6), Coverage(hold=1.0, keyframe_every=3), step=6)
    for t in range(12):
        assert held[t, 32, 14 + 6 * t : 34 + 6 * t].min() > 0.85, t
        assert held[t, 32, : max(0, 6 * t - 8)].max(initial=0) == 0, t


def test_who_is_found_was_covered_before() -> None:
    """The network sees somebody only from frame 8 on, who was there all the time."""
    frames = moving_square(12, missing=tuple(range(8)))
    bare, _ = opacities(frames, Coverage(keyframe_every=2))
    seen, _ = opacities(frames, Coverage(keyframe_every=2, look_back=0.2))
    assert bare[:6].max() == 0
    for t in range(3, 12):  # at 25 frames per second 0.2 s are five frames
        assert seen[t, 32, 16 + 4 * t : 32 + 4 * t].min() > 0.85, t
    assert seen[:2].max() == 0


def test_who_is_there_between_two_keyframes_only_is_covered() -> None:
    frames = np.full((12, 64, 160, 3), 40, np.uint8)
    frames[:, :, ::8] = 70  # a scene: a blank one would be taken for a flash
    frames[6:8, 24:48, 64:88] = 255
    looked, extractor = opacities(
        frames, Coverage(thresholds=(0.5, 0.55), keyframe_every=11, keyframe_seconds=9), step=0
    )
    surprised, more = opacities(
        frames, Coverage(thresholds=(0.5, 0.55), keyframe_every=11, keyframe_seconds=9, surprise=0.001), step=0
    )
    assert looked[6, 36, 76] == 0
    assert surprised[6:8, 28:44, 68:84].min() == 1
    assert extractor.calls < more.calls < 8


def test_doubts_are_told() -> None:
    doubts: list[Doubt] = []
    frames = moving_square(30, step=2, missing=tuple(range(8, 30)))
    region = TemplateSaliency(ForgetfulExtractor(), [BRIGHT], coverage=Coverage(hold=2.0), on_doubt=doubts.append)
    list(region.stream(with_motion(clips_of(frames), ConstantFlow(2, 0))))
    assert len(doubts) == 1
    assert doubts[0].time == frames_to_seconds(8)
    left, top, width, height = doubts[0].box
    t = 8 + 8  # told after 0.3 s, where they are then
    assert abs(left - (8 + 2 * t)) <= 6
    assert abs(top - 16) <= 6
    assert 26 <= width <= 40
    assert 26 <= height <= 40


def test_a_sentence_names_the_moments_of_doubt_each_once() -> None:
    doubts = [Doubt(Fraction(n, 2), (0, 0, 8, 8)) for n in range(12)] + [Doubt(Fraction(0), (9, 9, 8, 8))]
    said = doubtful("film.mp4", doubts)
    assert said.startswith("film.mp4: look at the result at 0.0, 0.5, 1.0,")
    assert "3.5 and 4 more s" in said


def frames_to_seconds(count: int) -> Fraction:
    return Fraction(count, 25)


def test_margin_grows_the_region() -> None:
    narrow, _ = opacities(moving_square(1), Coverage())
    wide, _ = opacities(moving_square(1), Coverage(margin=0.25))  # 16 pixels of 64
    assert narrow[0, 32, 50] == 0
    assert wide[0, 32, 50] == pytest.approx(1, abs=0.05)
    assert wide[0, 32, 70] == 0


def test_heads_are_covered_with_less_evidence_than_bodies() -> None:
    saliency, heads = np.zeros((48, 96), np.float32), np.zeros((48, 96), np.float32)
    heads[16:32, 16:32] = saliency[16:32, 16:32] = 0.4
    saliency[16:32, 64:80] = 0.4
    stride = Point(4, 4)

    def covered(head_gain: float) -> list[bool]:
        coverage = Coverage(thresholds=(0.5, 0.6), sure=0.5, head_gain=head_gain)
        opacity = key_of(saliency, heads, Cells(stride, Point(1.5, 1.5)), (192, 384), coverage).opacity
        size = opacity.shape[0] // 48
        return [bool(opacity[24 * size, x * size] >= 1) for x in (24, 72)]

    assert covered(1) == [False, False]
    assert covered(1.6) == [True, False]


def test_a_small_thing_stays_fully_covered_while_it_moves_by_parts_of_a_cell() -> None:
    """Found once, then missed: for the whole hold every pixel of it must be covered completely."""
    frames = moving_square(9, step=3, missing=tuple(range(1, 9)))
    held, _ = opacities(frames, Coverage(thresholds=(0.2, 0.4), margin=0.02, hold=0.25), step=3)
    for t in range(7):
        assert held[t, 20:44, 12 + 3 * t : 36 + 3 * t].min() == 1, t


def test_a_dark_frame_does_not_end_the_coverage() -> None:
    frames = moving_square(8, step=0, missing=(4, 5))
    frames[3] = 0
    held, _ = opacities(frames, Coverage(hold=0.2), step=0)
    for t in (4, 5, 6):
        assert held[t, 32, 16:32].min() > 0.99, t


def test_nothing_is_carried_over_a_cut(rng: np.random.Generator) -> None:
    first = moving_square(4, step=0)
    second = rng.integers(0, 60, (4, 64, 160, 3), np.uint8)
    second[:, :, 80:] //= 4
    frames = np.concatenate([first, second])
    opacity, _ = opacities(frames, Coverage(thresholds=(0.5, 0.6), keyframe_every=3), step=0)
    assert opacity[3, 32, 20] == pytest.approx(1, abs=0.01)
    assert opacity[4:].max() == 0
    # Nobody is followed either.
    held, _ = opacities(frames, Coverage(thresholds=(0.5, 0.6), hold=1.0, look_back=0.2, keyframe_every=3), step=0)
    assert held[3, 32, 20] == 1
    assert held[4:].max() == 0


@pytest.mark.parametrize("lengths", [[10], [1] * 10, [4, 6], [3, 3, 3, 1]])
def test_clips_do_not_matter(lengths: list[int]) -> None:
    coverage = Coverage(thresholds=(0.1, 0.5), margin=0.1, hold=0.1, look_back=0.1, keyframe_every=3, surprise=0.01)
    whole, _ = opacities(moving_square(10), coverage)
    cut, _ = opacities(moving_square(10), coverage, lengths=lengths)
    assert np.array_equal(whole, cut)


@pytest.mark.parametrize("bad", [{"keyframe_every": 0}, {"margin": 0.9}, {"hold": -1.0}, {"head_gain": 0.5}])
def test_bad_settings_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        Coverage(**bad)  # type: ignore[arg-type]

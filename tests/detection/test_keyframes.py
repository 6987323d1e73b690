"""Between keyframes: when the way is lost, and how two keyframes are joined."""

from __future__ import annotations

import numpy as np
import pytest

from motionveil._core.errors import OptionError
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.detection.keyframes import Lost, between
from motionveil.flow import DISFlow, with_motion
from motionveil.regions import Coverage, TemplateSaliency

from ..conftest import BRIGHT, BrightnessExtractor, ConstantFlow, clips_of, textured


def shares(frames: UInt8Array) -> list[float]:
    """The share of every frame in which the way from the first is lost."""
    checker = DISFlow(preset="medium", short_side=160, smoothing=1.5, reach=0)
    lost = Lost(checker)
    found = []
    for clip in with_motion(clips_of(frames), DISFlow()):
        assert clip.flow_to_previous is not None
        found += [lost.advance(image, flow) for image, flow in zip(clip.frames, clip.flow_to_previous, strict=True)]
    return found


def panning(count: int, step: int, rng: np.random.Generator) -> UInt8Array:
    """A camera that turns to the right."""
    canvas = textured(160, 240 + step * count, rng)
    return np.stack([canvas[:, step * t : step * t + 240] for t in range(count)])


def test_a_scene_that_stands_still_is_never_lost(rng: np.random.Generator) -> None:
    assert max(shares(np.stack([textured(160, 240, rng)] * 6))) < 0.01


def test_what_comes_in_over_the_border_adds_up(rng: np.random.Generator) -> None:
    found = shares(panning(9, 6, rng))
    assert found[0] == 0
    for t in (4, 8):
        assert found[t] == pytest.approx(6 * t / 240, abs=0.05)


def test_a_new_thing_is_seen_at_once(rng: np.random.Generator) -> None:
    frames = np.stack([textured(160, 240, rng)] * 8)
    frames[4:, 20:140, 60:180] = textured(120, 120, rng)
    found = shares(frames)
    assert max(found[:4]) < 0.01
    assert found[4] > 0.2


def test_a_lost_way_forces_a_keyframe(rng: np.random.Generator) -> None:
    frames = np.stack([textured(160, 240, rng) // 2] * 13)
    frames[5:, 40:88, 80:128] = 220 - textured(48, 48, rng) // 4
    calls = {}
    for recheck in (None, 0.03):
        extractor = BrightnessExtractor()
        coverage = Coverage(keyframe_every=12, keyframe_seconds=10, recheck=recheck, between="mixed")
        region = TemplateSaliency(extractor, [BRIGHT], coverage=coverage)
        opacity = np.concatenate(list(region.stream(with_motion(clips_of(frames), DISFlow()))))
        calls[recheck] = extractor.calls
        if recheck:
            # What has appeared is covered from the frame in which it does.
            assert opacity[5, 48:80, 88:120].mean() > 0.8
            assert opacity[6:, 48:80, 88:120].mean() > 0.8
    assert calls[None] == 2
    assert calls[0.03] == 3


def test_keyframes_come_no_earlier_where_all_is_well(rng: np.random.Generator) -> None:
    extractor = BrightnessExtractor()
    coverage = Coverage(keyframe_every=4, keyframe_seconds=10, recheck=0.2)
    region = TemplateSaliency(extractor, [BRIGHT], coverage=coverage)
    list(region.stream(with_motion(clips_of(panning(9, 4, rng)), DISFlow())))
    assert extractor.calls == 3


def test_two_keyframes_are_joined(rng: np.random.Generator) -> None:
    first, second = (rng.random((6, 8), np.float32) for _ in range(2))
    still: list[Float32Array | None] = [np.zeros((6, 8, 2), np.float32)] * 4
    mixed, greatest = between(first, second, still, "mixed"), between(first, second, still, "greatest")
    for index in range(4):
        weight = (index + 1) / 4
        expected = second if index == 3 else (1 - weight) * first + weight * second
        np.testing.assert_allclose(mixed[index], expected, atol=1e-6)
        np.testing.assert_array_equal(greatest[index], second if index == 3 else np.maximum(first, second))


def test_only_one_side_knows_anything_at_a_cut(rng: np.random.Generator) -> None:
    first, second = (rng.random((6, 8), np.float32) for _ in range(2))
    still = np.zeros((6, 8, 2), np.float32)
    for how in ("mixed", "greatest"):
        found = between(first, second, [None, still, still], how)
        for frame in found:
            np.testing.assert_array_equal(frame, second)
        before = between(first, second, [still, still, None], how)
        np.testing.assert_array_equal(before[0], first)


def test_templates_are_matched_to_the_first_frame_of_each_video() -> None:
    class Slanted(BrightnessExtractor):
        """Whose bright things never look quite like the template."""

    frames = np.full((4, 64, 96, 3), 200, np.uint8)
    frames[:, :, 48:] = 0
    plain, own = (
        np.concatenate(
            list(
                TemplateSaliency(Slanted(), [BRIGHT], coverage=Coverage(match_first=match)).stream(
                    with_motion(clips_of(frames), ConstantFlow(0, 0))
                )
            )
        )
        for match in (False, True)
    )
    assert plain[:, 32, 20].max() < 0.96
    assert own[:, 32, 20].min() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("bad", [{"between": "neither"}, {"recheck": 0.0}, {"recheck": 1.5}])
def test_bad_settings_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        Coverage(**bad)  # type: ignore[arg-type]

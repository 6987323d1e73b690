"""Flow estimators, and the motion of a stream."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from motionveil import ops
from motionveil.errors import OptionError
from motionveil.flow import FLOW_ESTIMATORS, DISFlow, with_motion

from .conftest import ConstantFlow, clips_of, textured


@pytest.mark.parametrize("name", FLOW_ESTIMATORS)
@pytest.mark.parametrize("motion", [(0.0, 0.0), (3.0, 0.0), (0.0, -2.0), (1.5, 2.5), (0.3, 0.0)])
@pytest.mark.parametrize("size", [(240, 320), (480, 640), (121, 163)])
def test_constant_motion_is_found(
    name: str, motion: tuple[float, float], size: tuple[int, int], rng: np.random.Generator
) -> None:
    canvas = textured(size[0] + 40, size[1] + 40, rng)

    def shifted(x: float, y: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        matrix = np.array([[1, 0, x - 20], [0, 1, y - 20]], np.float32)
        return np.asarray(cv2.warpAffine(canvas, matrix, size[::-1], flags=cv2.INTER_CUBIC), np.uint8)

    flow = ops.resize_flow(FLOW_ESTIMATORS[name]()(shifted(0, 0), shifted(*motion)), size)
    middle = flow[size[0] // 4 : -size[0] // 4, size[1] // 4 : -size[1] // 4].reshape(-1, 2)
    assert np.median(middle, axis=0) == pytest.approx(motion, abs=0.15)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (17, 5), (64, 64)])
def test_any_size_works(size: tuple[int, int], rng: np.random.Generator) -> None:
    frame = rng.integers(0, 256, (*size, 3), np.uint8)
    flow = DISFlow()(frame, frame)
    assert flow.ndim == 3
    assert np.isfinite(flow).all()


def test_unknown_preset_is_refused() -> None:
    with pytest.raises(OptionError, match="medium"):
        DISFlow(preset="best")


@pytest.mark.parametrize("lengths", [[7], [1] * 7, [3, 1, 3]])
def test_motion_does_not_depend_on_clips(lengths: list[int], rng: np.random.Generator) -> None:
    picture = textured(64, 96, rng)
    frames = np.stack([np.roll(picture, 2 * t, axis=1) for t in range(7)])
    flows = [
        f for clip in with_motion(clips_of(frames, lengths), ConstantFlow(2, 0)) for f in clip.flow_to_previous or ()
    ]
    assert flows[0] is None
    assert len(flows) == 7


def test_a_cut_has_no_flow_and_a_flash_has(rng: np.random.Generator) -> None:
    first, second = textured(96, 128, rng), textured(96, 128, rng)[:, ::-1] // 3
    flash = np.clip(first.astype(int) * 0.8 + 50, 0, 255).astype(np.uint8)
    frames = np.stack([first, first, flash, first, second, second])
    (clip,) = with_motion(clips_of(frames), ConstantFlow(0, 0))
    assert clip.flow_to_previous is not None
    assert [flow is None for flow in clip.flow_to_previous] == [True, False, False, False, True, False]

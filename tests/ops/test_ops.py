"""Analytic tests of the arithmetic on frames and flow."""

from __future__ import annotations

import numpy as np
import pytest

from motionveil import ops
from motionveil._core.errors import OptionError

from ..conftest import textured


def test_zero_flow_is_the_identity_bit_for_bit(rng: np.random.Generator) -> None:
    image = rng.random((37, 53, 2), np.float32)
    assert np.array_equal(ops.warp(image, np.zeros((37, 53, 2), np.float32)), image)


def test_integer_flow_is_a_shift(rng: np.random.Generator) -> None:
    image = rng.random((40, 60), np.float32)
    flow = np.zeros((40, 60, 2), np.float32) + np.array([3, -2], np.float32)
    moved = ops.warp(image, flow)
    # result[p] = image[p + flow]: x + 3, y - 2
    assert np.array_equal(moved[2:, :-3], image[:-2, 3:])


def test_fractional_flow_interpolates(rng: np.random.Generator) -> None:
    ramp = np.tile(np.arange(50, dtype=np.float32), (20, 1))
    flow = np.zeros((20, 50, 2), np.float32) + np.array([0.5, 0], np.float32)
    assert np.allclose(ops.warp(ramp, flow)[:, :-1], ramp[:, :-1] + 0.5, atol=1e-5)


def test_warp_refuses_other_sizes() -> None:
    with pytest.raises(OptionError, match="the same size"):
        ops.warp(np.zeros((4, 4), np.float32), np.zeros((4, 5, 2), np.float32))


@pytest.mark.parametrize("size", [(20, 90), (80, 30), (10, 15), (40, 60)])
def test_resized_flow_scales_x_and_y_separately(size: tuple[int, int]) -> None:
    flow = np.zeros((40, 60, 2), np.float32) + np.array([6, 4], np.float32)
    resized = ops.resize_flow(flow, size)
    assert resized.shape == (*size, 2)
    assert np.allclose(resized[..., 0], 6 * size[1] / 60, atol=1e-5)
    assert np.allclose(resized[..., 1], 4 * size[0] / 40, atol=1e-5)


def test_resizing_keeps_pixel_centres(rng: np.random.Generator) -> None:
    """A ramp stays the same ramp: no shift by half a pixel."""
    y, x = np.mgrid[0:32, 0:48].astype(np.float32)
    small = ops.resize_map((x + 0.5) / 48 + y * 0, (16, 24))
    assert np.allclose(small[:, 1:-1], ((np.arange(24) + 0.5) / 24)[1:-1], atol=1e-5)


def test_blend_is_exact_at_both_ends(rng: np.random.Generator) -> None:
    image, filling = (rng.integers(0, 256, (33, 65, 3), np.uint8) for _ in range(2))
    opacity = np.zeros((33, 65), np.float32)
    opacity[:, 20:40] = 1
    out = ops.blend(image, filling, opacity)
    assert np.array_equal(out[:, :20], image[:, :20])
    assert np.array_equal(out[:, 40:], image[:, 40:])
    assert np.array_equal(out[:, 20:40], filling[:, 20:40])


def test_blend_equals_equation_5(rng: np.random.Generator) -> None:
    image, filling = (rng.integers(0, 256, (20, 30, 3), np.uint8) for _ in range(2))
    opacity = rng.random((20, 30), np.float32)
    expected = image + opacity[..., None].astype(np.float64) * (filling.astype(np.float64) - image)
    assert np.abs(ops.blend(image, filling, opacity) - expected).max() <= 0.51


def test_dilate_reaches_as_far_as_it_says() -> None:
    values = np.zeros((21, 21), np.float32)
    values[10, 10] = 0.7
    grown = ops.dilate(values, 3)
    assert grown[10, 13] == np.float32(0.7)
    assert grown[10, 14] == 0
    assert grown[13, 13] == 0
    assert np.array_equal(ops.dilate(values, 0), values)


@pytest.mark.parametrize("size", [(60, 80), (45, 100), (240, 320), (7, 5)])
def test_resize_image_keeps_the_mean(size: tuple[int, int], rng: np.random.Generator) -> None:
    image = textured(120, 160, rng)
    resized = ops.resize_image(image, size)
    assert resized.shape == (*size, 3)
    assert abs(float(resized.mean()) - float(image.mean())) < 12

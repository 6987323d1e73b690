"""Saliency: Eq. 1 and 2 against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from motionveil._core.errors import OptionError, TemplateError
from motionveil._core.types import Point
from motionveil.detection.features import DescriptorGrid
from motionveil.detection.saliency import clamped_cosines, combine, opacity_curve, saliency_maps, to_frame
from motionveil.detection.templates import Template

from ..conftest import BRIGHT, DARK, BrightnessExtractor


def test_equation_1(rng: np.random.Generator) -> None:
    descriptors = rng.standard_normal((2, 5, 7, 16)).astype(np.float32)
    descriptors /= np.linalg.norm(descriptors, axis=-1, keepdims=True)
    vectors = rng.standard_normal((3, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    templates = [Template(f"t{i}", v, "f", "") for i, v in enumerate(vectors)]
    maps = clamped_cosines(DescriptorGrid(descriptors, Point(4, 4), Point(1.5, 1.5)), templates)
    for t, k, y, x in [(0, 0, 0, 0), (1, 2, 4, 6), (0, 1, 3, 2)]:
        cosine = sum(float(a) * float(b) for a, b in zip(descriptors[t, y, x], vectors[k], strict=True))
        assert maps[t, k, y, x] == pytest.approx(max(0.0, cosine), abs=1e-5)
    assert np.allclose(combine(maps, "mean"), maps.sum(1) / 3, atol=1e-6)
    assert np.array_equal(combine(maps, "max"), np.maximum.reduce([maps[:, 0], maps[:, 1], maps[:, 2]]))
    with pytest.raises(OptionError, match="max, mean"):
        combine(maps, "sum")  # type: ignore[arg-type]


def test_opacity_curve() -> None:
    s = np.array([0, 0.1, 0.2, 0.3, 0.4, 0.9, 1], np.float32)
    assert opacity_curve(s, 0.2, 0.4) == pytest.approx([0, 0, 0, 0.5, 1, 1, 1])
    assert np.array_equal(opacity_curve(s, 0, 1), s)
    with pytest.raises(OptionError):
        opacity_curve(s, 0.5, 0.5)


def test_cells_land_on_their_pixels() -> None:
    """A grid with stride 4 whose first cell is centred at 5.5: a ramp over cells becomes the ramp over pixels."""
    ramp = np.tile(np.arange(10, dtype=np.float32), (8, 1))
    grid = DescriptorGrid(np.zeros((1, 8, 10, 2), np.float32), Point(4, 4), Point(5.5, 5.5))
    frame = to_frame(ramp, grid, (40, 50))
    x = np.arange(50)
    assert np.allclose(frame[20], np.clip((x - 5.5) / 4, 0, 9), atol=0.04)


def test_both_ways_to_the_frame_agree(rng: np.random.Generator) -> None:
    values = rng.random((8, 10), np.float32)
    exact = DescriptorGrid(np.zeros((1, 8, 10, 2), np.float32), Point(4, 4), Point(1.5, 1.5))
    # The same grid, told apart only by rounding, takes the general path.
    general = DescriptorGrid(exact.descriptors, Point(4, 4), Point(1.5 + 1e-5, 1.5))
    assert np.allclose(to_frame(values, exact, (32, 40)), to_frame(values, general, (32, 40)), atol=0.03)


def test_maps_of_a_frame() -> None:
    frame = np.zeros((64, 96, 3), np.uint8)
    frame[:, 48:] = 255
    bright, dark = saliency_maps(frame, [BRIGHT, DARK], BrightnessExtractor())
    assert bright.shape == (64, 96)
    assert bright[:, :40].max() < 0.01
    assert bright[:, 56:].min() > 0.99
    assert np.allclose(bright + dark, 1, atol=0.01)


def test_a_template_of_another_network_is_refused() -> None:
    other = Template("logo", np.array([1, 0], np.float32), "dino", "")
    with pytest.raises(TemplateError, match="motionveil template add logo"):
        saliency_maps(np.zeros((64, 64, 3), np.uint8), [other], BrightnessExtractor())

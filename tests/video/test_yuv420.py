"""YUV to RGB against plain arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from motionveil._core.types import UInt8Array
from motionveil.video.yuv420 import rgb_of

BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)


def plain(y: float, u: float, v: float, weights: tuple[float, float], *, full: bool) -> list[float]:
    """Rec. ITU-R BT.709, item 3, solved for R, G and B."""
    red, blue = weights
    luma, at_blue, at_red = (y, u - 128, v - 128) if full else ((y - 16) * 255 / 219, 0.0, 0.0)
    if not full:
        at_blue, at_red = ((each - 128) * 255 / 224 for each in (u, v))
    r, b = luma + 2 * (1 - red) * at_red, luma + 2 * (1 - blue) * at_blue
    return [min(max(each, 0), 255) for each in (r, (luma - red * r - blue * b) / (1 - red - blue), b)]


def flat(value: int, height: int, width: int) -> UInt8Array:
    return np.full((height, width), value, np.uint8)


@pytest.mark.parametrize("weights", [BT601, BT709])
@pytest.mark.parametrize("full", [False, True])
def test_flat_colours(weights: tuple[float, float], full: bool) -> None:
    for y, u, v in [(16, 128, 128), (235, 128, 128), (90, 100, 160), (180, 140, 110), (60, 120, 135)]:
        found = rgb_of((flat(y, 5, 7), flat(u, 3, 4), flat(v, 3, 4)), weights, full=full)
        assert found.shape == (5, 7, 3)
        assert (found == found[0, 0]).all()
        np.testing.assert_allclose(found[0, 0], plain(y, u, v, weights, full=full), atol=1)


def test_greys_stay_grey() -> None:
    y = np.arange(256, dtype=np.uint8)[None].repeat(2, 0)
    found = rgb_of((y, flat(128, 1, 128), flat(128, 1, 128)), BT709, full=True)
    np.testing.assert_array_equal(found, y[..., None].repeat(3, -1))


def test_chroma_lies_at_even_columns_and_between_rows() -> None:
    v = np.array([[128, 168], [168, 128]], np.uint8)
    found = rgb_of((flat(100, 4, 4), flat(128, 2, 2), v), BT709, full=True)[..., 0].astype(float)
    chroma = (found - 100) / (2 * (1 - 0.2126)) + 128
    np.testing.assert_allclose(chroma[0], [128, 148, 168, 168], atol=1)
    np.testing.assert_allclose(chroma[:, 0], [128, 138, 158, 168], atol=1)


def test_one_pixel() -> None:
    assert rgb_of((flat(7, 1, 1), flat(128, 1, 1), flat(128, 1, 1)), BT709, full=True).tolist() == [[[7, 7, 7]]]

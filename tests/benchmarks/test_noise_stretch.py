"""The measure of streaks finds those that are there."""

from __future__ import annotations

import cv2
import numpy as np
from benchmarks.noise_stretch import shape_of, stretched

from motionveil.noise import draw_noise


def test_noise_that_is_drawn_out_or_crushed_is_found(rng: np.random.Generator) -> None:
    noise = draw_noise(400, 400, grain=10, generator=rng)
    fresh = shape_of(noise, 10)

    def share(width: int, height: int) -> float:
        other = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
        return float(stretched(shape_of(np.asarray(other, np.uint8), 10), fresh, 1.5).mean())

    assert stretched(fresh, fresh, 1.5).mean() < 0.05
    assert share(1600, 400) > 0.9
    assert share(200, 200) > 0.9
    assert share(1000, 400) > 0.5
    assert share(440, 400) < 0.15

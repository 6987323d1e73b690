"""Particles: a Gaussian field of one grain, that moves with the scene and keeps its shape whatever the flow does."""

from __future__ import annotations

import numpy as np
import pytest

from motionveil._core.types import Float32Array
from motionveil.noise import NoiseField, ParticleField, hidden_motion, with_stiff_heads

HEIGHT, WIDTH = 90, 120


class Field:
    """A field of particles that gives all of the frame."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.of_particles = ParticleField(HEIGHT, WIDTH, sigma=3.0, generator=rng)

    def advance(self, flow: Float32Array | None, opacity: Float32Array | None = None) -> Float32Array:
        values, part = self.of_particles.advance(flow, opacity)
        shown = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        shown[part] = values
        return shown

    def __len__(self) -> int:
        assert self.of_particles.particles is not None
        return len(self.of_particles.particles)


def field_of(rng: np.random.Generator) -> Field:
    return Field(rng)


def still() -> Float32Array:
    return np.zeros((HEIGHT, WIDTH, 2), np.float32)


def anisotropy(values: Float32Array) -> float:
    """How much steeper a field is across than along, over all of it: the root of the ratio of mean squared slopes."""
    x, y = np.diff(values, axis=1)[:-1], np.diff(values, axis=0)[:, :-1]
    xx, yy, xy = ((a * b).mean() for a, b in ((x, x), (y, y), (x, y)))
    root = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    return float(np.sqrt(((xx + yy) / 2 + root) / ((xx + yy) / 2 - root)))


def test_values_are_standard_normal_and_channels_independent(rng: np.random.Generator) -> None:
    values = field_of(rng).advance(None)
    assert values.shape == (HEIGHT, WIDTH, 3)
    assert values.mean() == pytest.approx(0, abs=0.15)
    assert values.std() == pytest.approx(1, abs=0.1)
    assert abs(np.corrcoef(values[..., 0].ravel(), values[..., 1].ravel())[0, 1]) < 0.2


def test_shear_and_zoom_do_not_draw_it_out(rng: np.random.Generator) -> None:
    """After 60 frames a carried picture would be stretched several times over."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    for flow in (np.stack([(y - 45) * 0.05, 0 * x], -1), np.stack([(x - 60) * -0.03, (y - 45) * 0.03], -1)):
        field = field_of(rng)
        fresh = field.advance(None)
        for _ in range(60):
            later = field.advance(np.asarray(flow, np.float32))
        assert anisotropy(later) < 1.25
        assert later.std() == pytest.approx(1, abs=0.15)
        assert np.abs(np.diff(later, axis=1)).mean() == pytest.approx(np.abs(np.diff(fresh, axis=1)).mean(), rel=0.2)


def test_what_is_at_rest_beside_what_moves_stays_as_it_is(rng: np.random.Generator) -> None:
    flow = still()
    flow[:, :60] = -2.0, 0.0
    field = field_of(rng)
    first = field.advance(None)
    for _ in range(3):
        later = field.advance(flow)
    assert np.allclose(later[:, 85:], first[:, 85:], atol=0.05)
    assert np.allclose(later[:, 20:40], first[:, 14:34], atol=0.7)
    assert np.corrcoef(later[:, 20:40].ravel(), first[:, 14:34].ravel())[0, 1] > 0.9


def test_a_small_fast_piece_keeps_its_particles(rng: np.random.Generator) -> None:
    """It is narrower than its step, so that the flow at its old place says nothing of where it went."""
    field = field_of(rng)
    now = field.advance(None)
    alike = []
    for t in range(8):
        flow = still()
        left = 10 + 12 * (t + 1)
        flow[40:60, left : left + 10] = -12.0, 0.0
        before = now[42:58, left - 11 : left - 3]
        now = field.advance(flow)
        alike.append(np.corrcoef(before.ravel(), now[42:58, left + 1 : left + 9].ravel())[0, 1])
    # At first it runs over others, which were there.
    assert np.median(alike[4:]) > 0.6


def test_there_are_particles_only_where_noise_is_seen(rng: np.random.Generator) -> None:
    opacity = np.zeros((2 * HEIGHT, 2 * WIDTH), np.float32)
    opacity[60:120, 80:140] = 1
    field, everywhere = field_of(rng), field_of(rng)
    field.advance(None, opacity)
    everywhere.advance(None)
    assert 0 < len(field) < 0.35 * len(everywhere)
    for t in range(30):
        moved = np.roll(opacity, 2 * t, axis=1)
        values = field.advance(still() - np.array([1, 0], np.float32), moved)
        seen = values[moved[::2, ::2] > 0]
        assert seen.std() > 0.6
        assert len(field) < 0.45 * len(everywhere)


def test_palettes() -> None:
    def noise(palette: str) -> Float32Array:
        field = NoiseField(240, 320, palette=palette, generator=np.random.default_rng(2))  # type: ignore[arg-type]
        return field.advance(None).astype(np.float32)

    grey, calm, rainbow = (noise(name) for name in ("grey", "calm", "rainbow"))
    assert np.ptp(grey, axis=-1).max() == 0
    assert 0 < np.ptp(calm, axis=-1).mean() < 0.6 * np.ptp(rainbow, axis=-1).mean()
    for values in (grey, calm, rainbow):
        assert values.mean() == pytest.approx(0.45 * 255, abs=8)
        assert 40 < values.std() < 75


def test_the_motion_of_the_ground_does_not_reach_what_is_hidden() -> None:
    """Inside, and beyond, the motion of the figure holds."""
    opacity = np.zeros((120, 160), np.float32)
    opacity[40:90, 60:110] = 1
    flow = np.zeros((60, 80, 2), np.float32)
    flow[...] = 3.0, -1.0
    # The margin of the mask shows ground.
    flow[21:44, 31:54] = -2.0, 0.5
    found = hidden_motion(flow, opacity)
    assert np.allclose(found[22:43, 32:53], [-2.0, 0.5], atol=0.1)
    assert np.allclose(found[16:49, 26:59], [-2.0, 0.5], atol=1.0)
    assert np.allclose(hidden_motion(flow, np.ones_like(opacity)), flow, atol=1.6)
    assert np.isfinite(hidden_motion(flow, np.zeros_like(opacity))).all()


def talking(turn: float) -> tuple[Float32Array, Float32Array]:
    """Flow of a head that moves, turns, and opens its mouth, and where it is."""
    y, x = np.mgrid[0:60, 0:80].astype(np.float32)
    head = ((x - 40) / 12) ** 2 + ((y - 28) / 16) ** 2 < 1
    flow = np.zeros((60, 80, 2), np.float32)
    flow[head] = np.stack([1.0 - turn * (y - 28), -0.5 + turn * (x - 40)], -1)[head]
    mouth = ((x - 40) / 5) ** 2 + ((y - 37) / 3.5) ** 2 < 1
    flow[mouth, 1] += np.where(y > 37, 2.0, -0.5)[mouth]
    return flow, head.astype(np.float32)


@pytest.mark.parametrize("turn", [0.0, 0.04])
def test_a_head_is_carried_as_one_piece(turn: float) -> None:
    flow, head = talking(turn)
    found = with_stiff_heads(flow, head)
    y, x = np.mgrid[0:60, 0:80].astype(np.float32)
    expected = np.stack([1.0 - turn * (y - 28), -0.5 + turn * (x - 40)], -1)
    assert np.abs(found - expected)[head > 0].max() < 0.15
    # Elsewhere, beyond a soft border, all stays as it was.
    assert np.array_equal(found[:, :20], flow[:, :20])
    assert np.array_equal(found[50:], flow[50:])
    assert np.array_equal(with_stiff_heads(flow, 0 * head), flow)


def test_two_heads_move_by_themselves() -> None:
    flow, heads = np.zeros((60, 80, 2), np.float32), np.zeros((30, 40), np.float32)
    flow[:, 40:] = 3.0, 1.0
    heads[5:15, 5:12] = heads[5:15, 26:33] = 1
    found = with_stiff_heads(flow, heads)
    assert np.allclose(found[12:28, 12:22], 0, atol=0.05)
    assert np.allclose(found[12:28, 54:64], [3, 1], atol=0.05)

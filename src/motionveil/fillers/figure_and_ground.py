"""Figures on a ground: two kinds of noise over whole frames, which preserve outlines and motion, and hide the place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Literal, cast, get_args

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, Float32Array, UInt8Array
from ..noise import NoiseField, NoiseStatistics, camera_motion, default_grain, hidden_motion, with_stiff_heads
from .filler import Filler

Ground = Literal["camera", "still"]
"""camera: the ground moves with the camera, as one piece. still: it does not move."""

FIGURE = NoiseStatistics((0.82, 0.78, 0.70), (0.17, 0.18, 0.19))
"""Colour of moving figures: light and warm."""
GROUND = NoiseStatistics((0.10, 0.12, 0.16), (0.045, 0.05, 0.06))
"""Colour of the ground: dark and cold, with little contrast, and nowhere as light as a figure."""
_RESTING = (0.30, 0.35, 0.43)
"""Colour that a figure fades to where it does not move."""
_HEAD = (0.60, 0.65, 0.73)
"""The same for heads, to show who faces whom, and how many people there are."""
_GRAIN, _GROUND_GRAIN = 0.75, 2.0
"""Grain relative to the one at which noise carries motion best."""
_AT_REST = 0.25
"""Fraction of its noise that a figure keeps at rest, to show its presence and the slightest motion."""
_FAST = 0.25
"""Speed, in short sides per second, at which a figure is lit by about two thirds."""
_AFTERGLOW = 0.12
"""Seconds in which half of that light fades."""
_OUTLINE = 0.006
"""Smoothing of outlines as a fraction of the short side; it removes specks, curls and collars."""
_EDGE = 1.0
"""Softness of outlines: standard deviation in pixels at a short side of 480."""


class FigureAndGround(Filler):
    """People as figures of light, fine noise on a ground of dark, coarse noise; both depend on motion alone.

    The figures are `Clip.figure`, or the opacity where that is unknown: binary, without any margin. Their noise moves
    as that of `MotionNoise`, and they are lit where they move in relation to the camera, so that a hand in front of a
    body is visible. Heads are lighter than bodies. The ground reveals nothing of the background, not even its depth.

    Args:
        ground: See `Ground`.
        light: Whether motion is lit; otherwise figures are light all over.
        grain: Grain of the figures, see `noise.NoiseField`; that of the ground is coarser.
        face_motion: See `MotionNoise`.
        seed: See `MotionNoise`.

    Raises:
        OptionError: For an unknown ground.
    """

    draws_ground = True
    independent = True

    def __init__(
        self,
        *,
        ground: Ground = "camera",
        light: bool = True,
        grain: float | None = None,
        face_motion: bool = False,
        seed: int | None = None,
    ) -> None:
        if ground not in get_args(Ground):
            raise OptionError(f"no ground {ground!r}; choose from {', '.join(get_args(Ground))}")
        self.ground: Ground = ground
        self.light = light
        self.grain = grain
        self.face_motion = face_motion
        self.seed = seed

    def __repr__(self) -> str:
        # The seed is omitted on purpose, as this text goes into manifests.
        return (
            f"FigureAndGround(ground={self.ground!r}, light={self.light}, grain={self.grain}, "
            f"face_motion={self.face_motion})"
        )

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """Frames of figures on a ground."""
        scene: _Scene | None = None
        for clip in clips:
            scene = scene or _Scene(self, clip)
            count = len(clip)
            figures = clip.figure if clip.figure is not None else clip.opacity
            assert figures is not None
            flows, heads = clip.flow_to_previous or (None,) * count, clip.heads or (None,) * count
            yield ops.stack([scene.draw(*each) for each in zip(figures, flows, heads, clip.pts, strict=True)])


class _Scene:
    """The image of one video. Call `draw` once per frame."""

    def __init__(self, settings: FigureAndGround, first: Clip) -> None:
        self._settings = settings
        self._device = ops.device_of(first.frames)
        height, width = self._size = first.frames.shape[1], first.frames.shape[2]
        generator = np.random.default_rng(settings.seed)
        usual = default_grain(height, width)

        def field(grain: float, statistics: NoiseStatistics) -> NoiseField:
            return NoiseField(
                height, width, grain=grain, statistics=statistics, generator=generator, device=self._device
            )

        self._figure = field(settings.grain or max(4.0, _GRAIN * usual), FIGURE)
        self._ground = field(_GROUND_GRAIN * usual, GROUND)
        self._resting, self._head = (self._flat(colour) for colour in (_RESTING, _HEAD))
        self._behind: UInt8Array | None = None
        self._light: Float32Array | None = None
        self._before: Fraction | None = None

    def draw(
        self, figure: Float32Array, flow: Float32Array | None, heads: Float32Array | None, pts: Fraction
    ) -> UInt8Array:
        """The next frame, (H, W, 3). figure: (H, W). flow, heads: see `Clip`. pts: in seconds."""
        shape = self._shape(figure)
        seconds = 0.0 if self._before is None else float(pts - self._before)
        self._before = pts
        if flow is None:
            self._light, self._behind = None, self._ground.advance(None)
            noise = self._figure.advance(None, shape)
        else:
            if heads is not None and not self._settings.face_motion:
                flow = with_stiff_heads(flow, heads)
            camera, own = camera_motion(flow, shape), hidden_motion(flow, shape)
            if self._behind is None or (self._settings.ground == "camera" and camera is not None):
                self._behind = self._ground.advance(camera)
            noise = self._figure.advance(own, shape)
            if self._settings.light:
                self._light = self._lit(own, camera, seconds)
        if self._settings.light:
            noise = ops.blend(self._at_rest(heads), noise, self._strength())
        assert self._behind is not None
        return ops.blend(self._behind, noise, shape)

    def _shape(self, figure: Float32Array) -> Float32Array:
        """Binary figures (H, W), since degrees of certainty would reveal something about the original."""
        side = min(self._size)
        inside = ops.smooth(ops.as_float32(figure >= 0.5), _OUTLINE * side)
        return ops.smooth(ops.as_float32(inside >= 0.5), max(0.7, _EDGE * side / 480))

    def _lit(self, own: Float32Array, camera: Float32Array | None, seconds: float) -> Float32Array:
        """How much the motion of figures lights them, (h, w) in [0, 1]: immediately, then fading while it moves with
        them.
        """
        step = own if camera is None else own - camera
        pixels = (step * step).sum(-1) ** 0.5
        speed = pixels / (min(own.shape[0], own.shape[1]) * max(seconds, 1e-3))
        now = cast(Float32Array, speed / (speed + _FAST / 2))
        if self._light is None or self._light.shape != now.shape:
            return now
        return ops.greatest([now, ops.warp(self._light, own) * 0.5 ** (seconds / _AFTERGLOW)])

    def _flat(self, colour: tuple[float, float, float]) -> UInt8Array:
        """An image of one colour in [0, 1]."""
        values = ops.to_device(255 * np.array(colour, np.float32), self._device)
        return ops.as_uint8(ops.zeros((*self._size, 3), device=self._device) + values)

    def _at_rest(self, heads: Float32Array | None) -> UInt8Array:
        """What figures look like where they do not move, (H, W, 3). heads: see `Clip`."""
        if heads is None:
            return self._resting
        shape = ops.smooth(ops.resize_map(heads, self._size), _OUTLINE * min(self._size))
        return ops.blend(self._resting, self._head, shape)

    def _strength(self) -> Float32Array:
        """The fraction of its noise that each pixel of a figure shows, (H, W)."""
        if self._light is None:
            return ops.zeros(self._size, device=self._device) + _AT_REST
        return ops.resize_map(_AT_REST + (1 - _AT_REST) * ops.smooth(self._light, 1.0), self._size)

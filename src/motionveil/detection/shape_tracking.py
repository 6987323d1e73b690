"""Follows what lies under a shape from frame to frame, by its own motion: MedianFlow on dense flow.

Kalal, Mikolajczyk, Matas: Forward-Backward Error: Automatic Detection of Tracking Failures, ICPR 2010. Points inside
the shape move by the median of their flow, and spread by the median ratio of their distances; a point whose flow does
not lead back to where it came from does not count.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from .. import ops
from .._core.types import Float32Array, UInt8Array
from ..flow import DISFlow, shows_another_scene

State = Literal["sure", "unsure", "left", "cut"]
"""Of a tracker after a frame: it is sure; it does not know; the shape has left the frame; the scene has changed."""

_POINTS = 400
_CONSISTENT = 0.35
"""Least share of points whose flow leads back."""
_STRAY = 0.04
"""How far from where it came from flow may lead back, as a share of the shape's size; one pixel at least."""
_ALIKE = 0.4
"""Least similarity of the colours to those at the beginning, of 1."""
_FAMILIAR = 0.35
"""Least correlation of the points' brightness with what it was when the tracker was sure last."""
_GONE = 0.15
"""Share of the points that must be inside the frame, else the shape has left it."""
_GROWTH = 1.06
"""Largest growth from frame to frame."""
_SEEN, _FINEST = 80.0, 4.0
"""Pixels that something must be large for its flow to be its own, and how far it is enlarged for that at most."""
_LEAST = 16
"""Pixels around the shape at least that are looked at."""


class ShapeTracker:
    """Follows what a mask (h, w) shows in a frame (h, w, 3). All frames must have this size.

    Attributes:
        x, y: Pixels from where it was at the beginning.
        scale: Its size, of that at the beginning, about its centre.
    """

    def __init__(self, frame: UInt8Array, mask: ops.Mask) -> None:
        rows, columns = np.nonzero(mask)
        if not len(rows):
            raise ValueError("the mask is empty")
        step = max(1, len(rows) // _POINTS)
        points = np.stack([columns[::step], rows[::step]], axis=-1).astype(np.float32)
        (left, top), (right, bottom) = (edge(np.stack([columns, rows], axis=-1), axis=0) for edge in (np.min, np.max))
        self._centre = np.array([(left + right) / 2, (top + bottom) / 2], np.float32)
        self._points = points - self._centre
        self._size = float(max(4.0, np.sqrt(len(rows))))
        self._frame = self._last = frame
        """The frame in which the tracker was sure last, and the last one."""
        self._missed = 0
        self._flow = DISFlow(preset="fast", short_side=240, reach=0)
        self.x = self.y = 0.0
        self.scale = 1.0
        self._pace = np.zeros(2, np.float32)
        self._colours = self._colours_of(frame)
        self._seen = self._brightness(frame)

    def _places(self) -> Float32Array:
        """Where the points are now, (N, 2)."""
        shift = np.array([self.x, self.y], np.float32)
        return np.asarray(self._centre + shift + np.float32(self.scale) * self._points, np.float32)

    def _colours_of(self, frame: UInt8Array) -> Float32Array:
        inside = self._inside(frame)
        columns, rows = np.rint(self._places()[inside]).astype(int).T
        colours = frame[rows, columns][None]
        return ops.colours_in(np.ascontiguousarray(colours), np.ones(colours.shape[:2], bool))

    def _brightness(self, frame: UInt8Array) -> Float32Array:
        """Of the frame at the points, (N,); not a number outside."""
        inside = self._inside(frame)
        found = np.full(len(inside), np.nan, np.float32)
        columns, rows = np.rint(self._places()[inside]).astype(int).T
        found[inside] = frame[rows, columns].mean(axis=-1)
        return found

    def _is_familiar(self, now: Float32Array) -> bool:
        """Whether the points look as they did when the tracker was sure last."""
        both = np.isfinite(now) & np.isfinite(self._seen)
        if both.sum() < 8:
            return False
        first, second = self._seen[both] - self._seen[both].mean(), now[both] - now[both].mean()
        scale = float(np.sqrt((first * first).sum() * (second * second).sum()))
        # What has no texture cannot be told apart by it.
        return scale < 4 * both.sum() or float((first * second).sum()) >= _FAMILIAR * scale

    def _inside(self, frame: UInt8Array) -> ops.Mask:
        places = np.rint(self._places())
        height, width = frame.shape[:2]
        return np.asarray(((places >= 0) & (places < (width, height))).all(axis=1), bool)

    def advance(self, frame: UInt8Array) -> State:
        """Go on to a frame that follows, or comes before, the last one."""
        before, self._last = self._last, frame
        if shows_another_scene(before, frame):
            return "cut"
        self._missed += 1
        here = self.x, self.y, self.scale
        whole = bool(self._inside(frame).all())
        # As it went so far, or as if it had stopped.
        for pace in (self._pace * self._missed, np.zeros(2, np.float32)):
            shift = self._moved(frame, pace)
            if shift is None:
                continue
            if self._inside(frame).mean() < _GONE:
                return "left"
            seen = self._brightness(frame)
            alike = float(np.minimum(self._colours, self._colours_of(frame)).sum())
            if alike >= _ALIKE and self._is_familiar(seen):
                self._pace = np.asarray(shift / self._missed, np.float32)
                self._frame, self._seen, self._missed = frame, seen, 0
                return "sure"
            self.x, self.y, self.scale = here
        if not whole:
            # What is on its way out of the frame goes on as it went.
            self.x, self.y = here[0] + float(self._pace[0]), here[1] + float(self._pace[1])
            self._frame, self._missed = frame, 0
        return "left" if self._inside(frame).mean() < _GONE else "unsure"

    def _moved(self, now: UInt8Array, pace: Float32Array) -> Float32Array | None:
        """Move with what lies under the points, which is looked for around where `pace` (x, y) leads from there.

        Returns how far, or None where too few points agree; then nothing has moved.
        """
        before = self._frame
        places = self._places()[self._inside(before)]
        if len(places) < 4:
            return None
        size = self._size * self.scale
        pad = max(_LEAST, size)
        height, width = before.shape[:2]
        left, top = np.floor(places.min(axis=0) - pad).astype(int)
        right, bottom = np.ceil(places.max(axis=0) + pad + 1).astype(int)
        by_x, by_y = (round(float(each)) for each in pace)
        # Where both windows lie inside the frame.
        left, top = max(left, 0, -by_x), max(top, 0, -by_y)
        right, bottom = min(right, width, width - by_x), min(bottom, height, height - by_y)
        if right - left < _LEAST or bottom - top < _LEAST:
            return None
        shape = (int(bottom - top), int(right - left))
        # Where something is small, flow takes what is around it for a part of it.
        finer = min(_FINEST, max(1.0, _SEEN / size))
        grid = (round(shape[0] * finer), round(shape[1] * finer))
        windows = (before[top:bottom, left:right], now[top + by_y : bottom + by_y, left + by_x : right + by_x])
        first, second = (ops.resize_image(np.ascontiguousarray(window), grid) for window in windows)
        there, back = (ops.resize_flow(self._flow(a, b), shape) for a, b in ((first, second), (second, first)))
        local = places - np.array([left, top], np.float32)
        moved = ops.sample(there, local[None])[0]
        strayed = np.linalg.norm(moved + ops.sample(back, (local + moved)[None])[0], axis=1)
        good = strayed <= max(1.0, _STRAY * size)
        if good.mean() < _CONSISTENT:
            return None
        shift = np.median(moved[good], axis=0)
        growth = 1.0
        if size >= 12:
            centre = np.median(local[good], axis=0)
            was = np.linalg.norm(local[good] - centre, axis=1)
            now_at = np.linalg.norm(local[good] + moved[good] - centre - shift, axis=1)
            far = was > 0.3 * size
            if far.sum() >= 8:
                growth = float(np.clip(np.median(now_at[far] / was[far]), 1 / _GROWTH, _GROWTH))
        # The median point moves by the shift; the centre of the shape is elsewhere, and grows away from it.
        middle = np.median(places[good], axis=0)
        own = self._centre + np.array([self.x, self.y], np.float32)
        shift = shift + np.array([by_x, by_y], np.float32)
        self.x += float(shift[0] + (growth - 1) * (own[0] - middle[0]))
        self.y += float(shift[1] + (growth - 1) * (own[1] - middle[1]))
        self.scale *= growth
        return np.asarray(shift, np.float32)

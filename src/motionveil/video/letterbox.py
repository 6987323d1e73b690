"""Letterboxing of frames whose size differs from that of the video."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import cv2
import numpy as np

from .orientation import Pixels


def letterboxed(frame: Pixels, size: tuple[int, int], aspect: Fraction = Fraction(1)) -> Pixels:
    """Fit a (H, W, 3) frame into a black one of this (width, height), centred and as large as possible.

    aspect: pixel aspect ratio of the frame relative to that of the video.
    """
    width, height = size
    shown = Fraction(frame.shape[1]) * aspect, Fraction(frame.shape[0])
    scale = min(width / shown[0], height / shown[1])
    wide, high = (max(1, round(length * scale)) for length in shown)
    wide, high = min(wide, width), min(high, height)
    shrinking = wide * high < frame.shape[0] * frame.shape[1]
    small = cv2.resize(frame, (wide, high), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    canvas = np.zeros((height, width, 3), frame.dtype)
    top, left = (height - high) // 2, (width - wide) // 2
    canvas[top : top + high, left : left + wide] = small
    return cast(Pixels, canvas)

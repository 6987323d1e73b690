"""Which pixels of an output are hidden: as the tool itself says, or as a comparison with the original shows.

A map of states (H, W) uint8 says it of every pixel: `AS_IT_WAS`, `PARTLY` (mixed with what replaces it) or `HIDDEN`.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from motionveil._core.errors import InputError
from motionveil._core.types import Float32Array, UInt8Array

AS_IT_WAS, PARTLY, HIDDEN = 0, 1, 2

_LEAST, _MOST, _CALM = 8.0, 24.0, 6.0
"""Grey values, and times the median, as in `motionveil.audit.difference`: what no usual encoding adds."""
_NEAR = 5
"""Side in pixels of the square in which the most decide. Where it has no majority, an outline stays where it is."""
_WEAK = 1 / 3
"""Share of the threshold that suffices next to what is clearly hidden."""
_DETAIL = 16.0
"""Mean square of what is finer than `_NEAR` from which a place has detail that can be lost."""
_LOST, _KEPT = 0.25, 0.5
"""Shares of the detail: below the first it is lost, above the second it is still there."""
_SMOOTH = 0.3
"""A piece that keeps less than this share of its detail is blurred, or of one colour."""
_HOLES = 0.3
"""In blurred pieces smooth holes are closed that are no wider than this share of the piece."""


def states_of(opacity: Float32Array) -> UInt8Array:
    """The states that an opacity (H, W) in [0, 1] means: 1 hides, 0 leaves everything as it was."""
    return np.where(opacity >= 1, HIDDEN, np.where(opacity > 0, PARTLY, AS_IT_WAS)).astype(np.uint8)


def packed(opacity: Float32Array) -> bytes:
    """The states of an opacity (H, W), small."""
    height, width = opacity.shape
    planes: UInt8Array = np.packbits(np.stack([opacity >= 1, opacity > 0]))
    size: bytes = int(height).to_bytes(4, "big") + int(width).to_bytes(4, "big")
    return size + zlib.compress(planes.tobytes(), 1)


def unpacked(data: bytes) -> UInt8Array:
    """States (H, W) of what `packed` made."""
    height, width = (int.from_bytes(data[i : i + 4], "big") for i in (0, 4))
    bits = np.unpackbits(np.frombuffer(zlib.decompress(data[8:]), np.uint8))[: 2 * height * width]
    full, some = bits.reshape(2, height, width)
    return (full + some).astype(np.uint8)


def recorded(path: Path, index: int) -> UInt8Array:
    """The states of a frame in a record of `recorded_obfuscation`. Raises InputError where it is not there."""
    try:
        with zipfile.ZipFile(path) as record:
            return unpacked(record.read(f"{index:06d}"))
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} does not tell the opacity of frame {index}; make it again with --again") from error


def by_colour(output: UInt8Array, colour: tuple[int, int, int]) -> UInt8Array:
    """States of a frame in which everything hidden has one colour, stored without loss."""
    away = np.abs(output.astype(np.int16) - np.array(colour, np.int16)).max(-1)
    return np.where(away <= 2, HIDDEN, AS_IT_WAS).astype(np.uint8)


def by_pixels(original: UInt8Array, output: UInt8Array) -> UInt8Array:
    """States as they show: where a frame (H, W, 3) uint8 RGB differs from the original by more than its encoding.

    A pixel is hidden where most of the pixels around it differ clearly, or differ a little or have lost their detail
    and touch what is clearly hidden. Pieces that are smooth are taken to be blurred: what blur leaves as it was,
    because nothing was to be seen there, is closed. Nothing is `PARTLY`: what is mixed shows as hidden, so that this
    judges mildly. The output is brought to the original's size.
    """
    if output.shape != original.shape:
        output = np.asarray(cv2.resize(output, original.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
    difference = cv2.absdiff(original, output)
    greatest = np.maximum(np.maximum(difference[..., 0], difference[..., 1]), difference[..., 2])
    local = _mean(greatest.astype(np.float32), _NEAR)
    threshold = float(np.clip(_CALM * np.median(local[::4, ::4]), _LEAST, _MOST))
    clear = _mostly(greatest > threshold)
    before, after = (_detail(frame) for frame in (original, output))
    detailed = before > _DETAIL
    # An output that was resized or encoded strongly has lost some detail everywhere.
    usual = float(np.median(after[detailed] / before[detailed])) if detailed.any() else 1.0
    usual = min(1.0, usual) if usual > _KEPT else 1.0
    lost = detailed & (after < _LOST * usual * before)
    kept = detailed & (after > _KEPT * usual * before) & ~clear
    weak = clear | ((lost | (local > max(_LEAST / 2, _WEAK * threshold))) & ~kept)
    found = _touching(weak, clear)
    found = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((_NEAR, _NEAR), np.uint8)) > 0
    return np.where(_without_smooth_holes(found, before, after, detailed, kept), HIDDEN, AS_IT_WAS).astype(np.uint8)


def _mean(values: Float32Array, side: int) -> Float32Array:
    return np.asarray(cv2.blur(values, (side, side)), np.float32)


def _mostly(mask: Any) -> Any:
    return _mean(mask.astype(np.float32), _NEAR) >= 0.5


def _detail(frame: UInt8Array) -> Float32Array:
    grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.float32)
    return _mean((grey - _mean(grey, _NEAR)) ** 2, _NEAR)


def _touching(weak: Any, clear: Any) -> Any:
    """Those pieces of the weak mask that hold some of the clear one."""
    count, numbers = cv2.connectedComponents(weak.astype(np.uint8))
    keep = np.zeros(count, bool)
    keep[np.unique(numbers[clear & weak])] = True
    keep[0] = False
    return keep[numbers]


def _without_smooth_holes(found: Any, before: Float32Array, after: Float32Array, detailed: Any, kept: Any) -> Any:
    _, numbers, boxes, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    closed = found.copy()
    for number, (left, top, width, height, _area) in enumerate(boxes.tolist()):
        reach = int(_HOLES * min(width, height))
        if number == 0 or reach < 2:
            continue
        box = slice(max(0, top - reach), top + height + reach), slice(max(0, left - reach), left + width + reach)
        piece = numbers[box] == number
        seen = piece & detailed[box]
        if not seen.any() or float(after[box][seen].mean()) > _SMOOTH * float(before[box][seen].mean()):
            continue
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach | 1, reach | 1))
        filled = cv2.morphologyEx(piece.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0
        closed[box] |= filled & ~kept[box]
    return closed

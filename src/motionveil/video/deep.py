"""Films of more than 8 bits and of high dynamic range, kept as they are: what their pixels mean, and covering them."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np

from motionveil._core.types import Colours, Float32Array, UInt8Array, UInt16Array

from .colour import BT709, BT2020, has_alpha
from .gamut import WIDE_PRIMARIES, XYZ_TO_BT709, to_xyz
from .tonemap import HLG, PQ, REFERENCE_WHITE, nits_to_pq, scene_to_hlg

if TYPE_CHECKING:
    import av

_HLG_PEAK = 1000.0  # nits of the screen that HLG is judged by
_STEPS = 1 << 14


def colours_of(frame: av.VideoFrame) -> Colours | None:
    """What the pixels of a frame mean; None where 8 bits of BT.709 say all, or where they can be transparent."""
    is_hdr = frame.color_trc in (PQ, HLG)
    is_wide = frame.color_primaries in WIDE_PRIMARIES
    if has_alpha(frame.format) or not (is_hdr or is_wide or frame.format.components[0].bits > 8):
        return None
    primaries = frame.color_primaries if is_wide else BT2020 if is_hdr else BT709
    transfer = frame.color_trc if is_hdr else BT709
    found = {kind: bytes(cast("dict[str, Any]", frame.side_data)[kind]) for kind in _LENGTHS if _has(frame, kind)}
    screen, light = (found.get(kind, b"")[:length] for kind, length in _LENGTHS.items())
    return Colours(
        primaries,
        transfer,
        _mastering(screen) if len(screen) == _LENGTHS[_SCREEN] else None,
        struct.unpack("=II", light) if len(light) == _LENGTHS[_LIGHT] else None,
    )


def means_nothing_known(frame: av.VideoFrame, codec_tag: str) -> bool:
    """Whether pixels are ICtCp, or Dolby Vision with nothing else to be read as (profile 5), which says no transfer."""
    is_dolby = codec_tag.lower() in ("dvh1", "dvhe", "dav1") or any(_has(frame, kind) for kind in _DOLBY)
    return frame.colorspace in _ICTCP or (is_dolby and frame.color_trc in _UNSAID)


_DOLBY = ("DOVI_METADATA", "DOVI_RPU_BUFFER")
_ICTCP = (14, 15)  # AVCOL_SPC_ICTCP, AVCOL_SPC_IPT_C2
_UNSAID = (0, 2)
_SCREEN, _LIGHT = "MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"
_LENGTHS = {_SCREEN: 88, _LIGHT: 8}


def _has(frame: av.VideoFrame, kind: str) -> bool:
    try:
        return cast("dict[str, Any]", frame.side_data).get(kind) is not None
    except ValueError:  # PyAV lists no side data where it does not know one kind
        return False


def _mastering(data: bytes) -> tuple[float, ...] | None:
    """Ten numbers as `Colours` has them, of FFmpeg's AVMasteringDisplayMetadata."""
    *numbers, has_primaries, has_luminance = struct.unpack("=22i", data)
    if not (has_primaries and has_luminance) or 0 in numbers[1::2]:
        return None
    return tuple(top / bottom for top, bottom in zip(numbers[::2], numbers[1::2], strict=True))


class ToDeep:
    """Turns 8-bit BT.709 pixels into those of a film's own colours; white becomes paper white (203 nits) in HDR."""

    def __init__(self, colours: Colours) -> None:
        self._hlg = colours.transfer == HLG
        self._plain = colours.primaries == BT709
        self._decode = (np.linspace(0, 1, 256) ** 2.4).astype(np.float32)
        own = np.linalg.inv(XYZ_TO_BT709) if self._plain else to_xyz(WIDE_PRIMARIES[colours.primaries])
        to_own = np.linalg.inv(own) @ np.linalg.inv(XYZ_TO_BT709)
        self._matrix, self._luminance = np.asarray(to_own, np.float32), np.asarray(own[1:2], np.float32)
        light = (np.linspace(0, 1, _STEPS) ** 2).astype(np.float32)  # square roots spread the table in the dark
        if colours.transfer == PQ:
            signal = nits_to_pq(light * np.float32(REFERENCE_WHITE))
        else:
            signal = scene_to_hlg(light) if self._hlg else light ** np.float32(1 / 2.4)
        self._encode = np.rint(65535 * signal).astype(np.uint16)

    def __call__(self, frame: UInt8Array) -> UInt16Array:
        """(H, W, 3) uint8 to (H, W, 3) uint16."""
        if self._plain:
            return frame.astype(np.uint16) * np.uint16(257)
        linear: Float32Array = np.clip(cv2.transform(self._decode[frame], self._matrix), 0, 1).astype(np.float32)
        if self._hlg:  # light of the scene that such a display shows so
            linear *= np.float32(REFERENCE_WHITE / _HLG_PEAK)
            shown = cv2.transform(linear, self._luminance)
            linear *= np.power(np.maximum(shown, 1e-6), 1 / 1.2 - 1)[..., None]
        level = np.sqrt(np.minimum(linear, 1)) * np.float32(_STEPS - 1) + np.float32(0.5)
        deep: UInt16Array = self._encode[level.astype(np.uint16)]
        return deep


@lru_cache(maxsize=4)
def to_deep(colours: Colours) -> ToDeep:
    """What turns ordinary pixels into those of these colours."""
    return ToDeep(colours)


def cover(deep: UInt16Array, filling: UInt8Array, opacity: Float32Array, colours: Colours) -> None:
    """Eq. 5 on (T, H, W, 3) frames in full depth, in place, exact where the (T, H, W) opacity is 0 or 1.

    filling: (T, H, W, 3) uint8, what replaces them, as for an ordinary screen. colours: those of `deep`.
    """
    convert = to_deep(colours)
    for frame, fill, alpha in zip(deep, filling, opacity, strict=True):
        rows, columns = (np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            continue
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        share = alpha[box][..., None]
        frame[box] = np.rint(frame[box] * (1 - share) + convert(fill[box]) * share).astype(np.uint16)

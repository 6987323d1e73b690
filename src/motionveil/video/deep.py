"""High-bit-depth and HDR video kept at full depth: colour description and compositing."""

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

_HLG_PEAK = 1000.0  # nits of the HLG reference display
_STEPS = 1 << 14


def colours_of(frame: av.VideoFrame) -> Colours | None:
    """The colour description of a frame; None for 8-bit BT.709, and for formats with alpha."""
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
    """Whether pixels are ICtCp, or Dolby Vision profile 5 without a compatible base layer (no transfer is given)."""
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
    except ValueError:  # PyAV lists no side data at all if one kind is unknown to it
        return False


def _mastering(data: bytes) -> tuple[float, ...] | None:
    """The ten numbers of `Colours.mastering` from FFmpeg's AVMasteringDisplayMetadata."""
    *numbers, has_primaries, has_luminance = struct.unpack("=22i", data)
    if not (has_primaries and has_luminance) or 0 in numbers[1::2]:
        return None
    return tuple(top / bottom for top, bottom in zip(numbers[::2], numbers[1::2], strict=True))


class ToDeep:
    """Converts 8-bit BT.709 pixels to the colours of a video; in HDR, white becomes reference white (203 nits)."""

    def __init__(self, colours: Colours) -> None:
        self._hlg = colours.transfer == HLG
        self._plain = colours.primaries == BT709
        self._decode = (np.linspace(0, 1, 256) ** 2.4).astype(np.float32)
        own = np.linalg.inv(XYZ_TO_BT709) if self._plain else to_xyz(WIDE_PRIMARIES[colours.primaries])
        to_own = np.linalg.inv(own) @ np.linalg.inv(XYZ_TO_BT709)
        self._matrix, self._luminance = np.asarray(to_own, np.float32), np.asarray(own[1:2], np.float32)
        light = (np.linspace(0, 1, _STEPS) ** 2).astype(np.float32)  # quadratic spacing resolves dark levels
        if colours.transfer == PQ:
            signal = nits_to_pq(light * np.float32(REFERENCE_WHITE))
        else:
            signal = scene_to_hlg(light) if self._hlg else light ** np.float32(1 / 2.4)
        self._encode = np.rint(65535 * signal).astype(np.uint16)

    def __call__(self, frame: UInt8Array) -> UInt16Array:
        """Convert (H, W, 3) uint8 to (H, W, 3) uint16."""
        if self._plain:
            return frame.astype(np.uint16) * np.uint16(257)
        linear: Float32Array = np.clip(cv2.transform(self._decode[frame], self._matrix), 0, 1).astype(np.float32)
        if self._hlg:  # scene light that the reference display shows this way
            linear *= np.float32(REFERENCE_WHITE / _HLG_PEAK)
            shown = cv2.transform(linear, self._luminance)
            linear *= np.power(np.maximum(shown, 1e-6), 1 / 1.2 - 1)[..., None]
        level = np.sqrt(np.minimum(linear, 1)) * np.float32(_STEPS - 1) + np.float32(0.5)
        deep: UInt16Array = self._encode[level.astype(np.uint16)]
        return deep


@lru_cache(maxsize=4)
def to_deep(colours: Colours) -> ToDeep:
    """The converter from 8-bit BT.709 to these colours."""
    return ToDeep(colours)


def cover(deep: UInt16Array, filling: UInt8Array, opacity: Float32Array, colours: Colours) -> None:
    """Composite (T, H, W, 3) frames at full depth in place (Eq. 5); exact where the (T, H, W) opacity is 0 or 1.

    Args:
        deep: (T, H, W, 3) uint16 frames, overwritten.
        filling: (T, H, W, 3) uint8 BT.709 replacement.
        opacity: (T, H, W) float32 in [0, 1].
        colours: The colour description of `deep`.
    """
    convert = to_deep(colours)
    for frame, fill, alpha in zip(deep, filling, opacity, strict=True):
        rows, columns = (np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            continue
        box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        share = alpha[box][..., None]
        frame[box] = np.rint(frame[box] * (1 - share) + convert(fill[box]) * share).astype(np.uint16)

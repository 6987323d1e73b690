"""Conversion of ICC colour profiles to sRGB."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from motionveil._core.types import Float32Array

from .gamut import Float64Array, GamutMap, srgb
from .picture_contents import tiff_directory

_D50_TO_SRGB = np.array(  # linear; from CIE XYZ at the profile's white, with Bradford adaptation
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
_ICC_OF_TIFF = 0x8773
_CLOSE = 3  # levels by which a profile may differ from sRGB and count as sRGB


class UnknownProfileError(ValueError):
    """A profile that is damaged, uses lookup tables, or has channels other than RGB."""


def profile_of(file: bytes) -> bytes:
    """The ICC profile in a JPEG, PNG, WebP or TIFF file; empty if there is none or it cannot be read."""
    try:
        if file[:2] == b"\xff\xd8":
            return _of_jpeg(file)
        if file[:8] == b"\x89PNG\r\n\x1a\n":
            return _of_png(file)
        if file[:4] == b"RIFF" and file[12:16] == b"VP8X":
            at = file.find(b"ICCP", 12, 64)
            return file[at + 8 : at + 8 + struct.unpack_from("<I", file, at + 4)[0]] if at > 0 else b""
        if file[:4] in (b"II*\0", b"MM\0*"):
            order = "<" if file[:2] == b"II" else ">"
            (first,) = struct.unpack_from(order + "I", file, 4)
            return dict(tiff_directory(file, first, order)).get(_ICC_OF_TIFF, (0, b""))[1]
    except (struct.error, zlib.error, IndexError):
        pass
    return b""


def to_srgb(profile: bytes) -> GamutMap | None:
    """A map from 8-bit RGB of a profile to sRGB; None if they do not differ visibly.

    Raises:
        UnknownProfileError: If the profile is not supported.
    """
    try:
        if profile[16:20] != b"RGB ":
            raise UnknownProfileError(profile[16:20].decode("ascii", "replace"))
        tags = _tags(profile)
        columns = [_xyz(profile, tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = [_curve(profile, tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")]
    except (KeyError, struct.error, IndexError) as error:
        raise UnknownProfileError("tables") from error
    found = GamutMap(np.stack(curves), _D50_TO_SRGB @ np.array(columns).T, srgb()[1])
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(1, -1, 3)
    return None if np.abs(found(cube).astype(int) - cube).max() <= _CLOSE else found


def _of_jpeg(file: bytes) -> bytes:
    parts: dict[int, bytes] = {}
    at = 2
    while at + 4 <= len(file) and file[at] == 0xFF and file[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", file, at + 2)
        body = file[at + 4 : at + 2 + length]
        if file[at + 1] == 0xE2 and body.startswith(b"ICC_PROFILE\0"):
            parts[body[12]] = body[14:]
        at += 2 + length
    return b"".join(parts[number] for number in sorted(parts))


def _of_png(file: bytes) -> bytes:
    at = 8
    while at + 8 <= len(file):
        length, kind = struct.unpack_from(">I4s", file, at)
        if kind == b"iCCP":
            body = file[at + 8 : at + 8 + length]
            return zlib.decompressobj().decompress(body[body.index(b"\0") + 2 :], 1 << 24)
        if kind == b"IDAT":
            break
        at += 12 + length
    return b""


def _tags(profile: bytes) -> dict[bytes, int]:
    """The offsets of the entries of a profile."""
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = (struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(min(count, 256)))
    return {name: start for name, start, _ in entries}


def _xyz(profile: bytes, at: int) -> Float64Array:
    return np.array(struct.unpack_from(">3i", profile, at + 8)) / 65536


def _curve(profile: bytes, at: int) -> Float32Array:
    """(256,) linear light for the levels of one channel."""
    level = np.linspace(0, 1, 256)
    kind, count = struct.unpack_from(">4s4xI", profile, at)
    if kind == b"curv":
        if count == 0:
            light = level
        elif count == 1:
            light = level ** (struct.unpack_from(">H", profile, at + 12)[0] / 256)
        else:
            table = np.frombuffer(profile, ">u2", count, at + 12) / 65535
            light = np.interp(level, np.linspace(0, 1, count), table)
    elif kind == b"para":
        (shape,) = struct.unpack_from(">H", profile, at + 8)
        number = (1, 3, 4, 5, 7)[shape]
        given = [value / 65536 for value in struct.unpack_from(f">{number}i", profile, at + 12)]
        g, a, b, c, d, e, f = given + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0][number - 1 :]
        if shape in (1, 2):  # here the offset takes the place of the linear segment
            offset = c if shape == 2 else 0.0
            light = np.where(level >= -b / a, np.maximum(a * level + b, 0) ** g, 0) + offset
        elif shape == 0:
            light = level**g
        else:
            light = np.where(level >= d, np.maximum(a * level + b, 0) ** g + e, c * level + f)
    else:
        raise KeyError(kind)
    return np.clip(light, 0, 1).astype(np.float32)

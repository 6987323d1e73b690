"""All eight ways to lay a picture, in videos and photographs."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionveil._core.types import UInt8Array
from motionveil.video import open_source
from motionveil.video.orientation import Orientation

from .films import make_film, picture


def first_frame(path: Path) -> tuple[UInt8Array, tuple[int, int]]:
    with open_source(path) as source:
        return next(iter(source)).frames[0], (source.info.height, source.info.width)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_display_matrix(tmp_path: Path, degrees: int, mirrored: bool) -> None:
    stored = picture()
    film = make_film(tmp_path / "a.mp4", np.stack([stored] * 2), rotation=(degrees, mirrored))
    expected = np.rot90(stored, degrees // 90)  # counterclockwise, and the mirror comes after it
    if mirrored:
        expected = expected[:, ::-1]
    frame, size = first_frame(film)
    assert size == expected.shape[:2]
    assert np.abs(frame.astype(int) - expected).mean() < 15


def test_an_oblique_matrix_is_rounded_to_the_nearest_quarter() -> None:
    angle = np.deg2rad(80)
    cos, sin = round(np.cos(angle) * 65536), round(np.sin(angle) * 65536)
    matrix = [cos, -sin, 0, sin, cos, 0, 0, 0, 1 << 30]
    assert Orientation.from_matrix(matrix) == Orientation.from_rotation(90) == Orientation(True, False, True)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("number", range(1, 9))
def test_exif(tmp_path: Path, number: int, order: str) -> None:
    upright = picture()
    # how a camera that is held so stores what is upright: the inverse of the EXIF definition
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[number]
    path = tmp_path / "a.jpg"
    path.write_bytes(with_exif(np.ascontiguousarray(stored), number, order))
    frame, size = first_frame(path)
    assert size == upright.shape[:2]
    assert np.abs(frame.astype(int) - upright).mean() < 15
    # and OpenCV, which applies EXIF itself, agrees
    theirs = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert theirs is not None
    np.testing.assert_array_equal(frame, theirs[..., ::-1])


@pytest.mark.parametrize(
    "rubbish", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"eXIfMM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_means_upright(rubbish: bytes) -> None:
    assert Orientation.from_exif(b"\xff\xd8" + rubbish) == Orientation()


def with_exif(rgb: UInt8Array, number: int, order: str) -> bytes:
    jpeg = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    mark = b"II*\0" if order == "<" else b"MM\0*"
    tags = struct.pack(order + "HHIHH", 0x10F, 2, 1, 0, 0) + struct.pack(order + "HHIHH", 0x112, 3, 1, number, 0)
    exif = b"Exif\0\0" + mark + struct.pack(order + "IH", 8, 2) + tags + struct.pack(order + "I", 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]

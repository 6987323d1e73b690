"""Files that are damaged or cut, of kinds whose decoders do not say so; pictures that claim to be enormous."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from motionveil._core.errors import InputError, TruncatedError, TruncationWarning
from motionveil.video import open_source
from motionveil.video.completeness import decode_picture

from ..cli.test_commands import Run, complaint
from ..conftest import textured
from ..pipeline.test_obfuscation import write


def frames_of(path: Path, *, strict: bool = False) -> int:
    with open_source(path, strict=strict) as source:
        return sum(len(clip) for clip in source)


def check(path: Path) -> None:
    """It is used with a warning, and refused where somebody asks for strictness."""
    with pytest.warns(TruncationWarning):
        assert frames_of(path) > 0
    with pytest.raises(TruncatedError, match="strict"):
        frames_of(path, strict=True)


def moving(rng: np.random.Generator) -> list[np.ndarray]:
    picture = textured(96, 128, rng)
    return [np.roll(picture, 2 * t, axis=1) for t in range(40)]


def damaged(data: bytes) -> bytes:
    """A JPEG with a hole in what its lines are made of."""
    hole = len(data) * 6 // 10
    return data[:hole] + bytes(150) + data[hole + 150 :]


@pytest.mark.parametrize("quality", [60, 85, 95])
@pytest.mark.parametrize("progressive", [0, 1])
def test_damaged_jpeg(quality: int, progressive: int, tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.jpg"
    picture = rng.integers(0, 256, (240, 320, 3), np.uint8)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    data = cv2.imencode(".jpg", picture, options)[1].tobytes()
    path.write_bytes(data)
    assert frames_of(path, strict=True) == 1
    path.write_bytes(damaged(data))
    check(path)


def test_damaged_jpeg_on_the_command_line(run: Run, tmp_path: Path, rng: np.random.Generator) -> None:
    data = cv2.imencode(".jpg", rng.integers(0, 256, (240, 320, 3), np.uint8))[1].tobytes()
    (tmp_path / "a.jpg").write_bytes(damaged(data))
    assert "is damaged" in complaint(run("obfuscate", tmp_path / "a.jpg", "--strict"))
    code, _, err = run("obfuscate", tmp_path / "a.jpg", "-q", "--short-side", "64")
    assert code == 0
    assert err.count("is damaged") == 1


def test_libraries_do_not_speak_for_themselves(rng: np.random.Generator, capfd: pytest.CaptureFixture[str]) -> None:
    data = cv2.imencode(".jpg", rng.integers(0, 256, (240, 320, 3), np.uint8))[1].tobytes()
    changed = bytearray(data)
    changed[len(data) // 2 : len(data) // 2 + 40] = bytes(range(40))
    pixels, complained = decode_picture(bytes(changed))
    assert pixels is not None
    assert complained
    assert decode_picture(data)[1] is False
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_cut_gif(share: float, tmp_path: Path, rng: np.random.Generator) -> None:
    path = write(tmp_path / "a.gif", np.stack(moving(rng)))
    assert frames_of(path, strict=True) == 40
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    check(path)


def streamed(path: Path, frames: list[np.ndarray], *, live: bool) -> None:
    """A Matroska file as it comes through a pipe: without a duration; live: without lengths of its parts either."""

    class Pipe:
        def __init__(self) -> None:
            self.file = path.open("wb")

        def write(self, data: bytes) -> int:
            return self.file.write(data)

    pipe = Pipe()
    options = {"live": "1"} if live else {}
    with av.open(pipe, "w", format="matroska", options=options) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.codec_context.gop_size = 10
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    pipe.file.close()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("live", [False, True])
def test_cut_streamed_matroska(live: bool, share: float, tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "a.mkv"
    streamed(path, moving(rng), live=live)
    with open_source(path) as source:
        assert source.info.duration is None
    assert frames_of(path, strict=True) == 40
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    check(path)


def png(width: int, height: int, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(2**31 - 1, 2**31 - 1), (100_000, 100_000), (30_000, 30_000), (1, 2**31 - 1), (0, 0)])
def test_a_picture_that_claims_to_be_enormous(size: tuple[int, int], run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(*size))
    assert "a.png" in complaint(run("obfuscate", tmp_path / "a.png"))
    with pytest.raises(InputError):
        frames_of(tmp_path / "a.png")


def test_a_large_picture_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(4000, 3000, (b"\0" + bytes(12_000)) * 3000))
    assert frames_of(tmp_path / "a.png", strict=True) == 1

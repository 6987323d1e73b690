"""Every kind of film that FFmpeg makes here comes in whole and goes out whole: frames, times, colours, length."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from motionveil._core.types import UInt8Array, VideoInfo
from motionveil.video import VideoWriter, open_source

from .films import make_film, picture

COUNT = 12
X265 = {"x265-params": "log-level=error:pools=1:frame-threads=1"}
KINDS: list[tuple[str, str, str, dict[str, str]]] = [
    (".mp4", "libx264", "yuv420p", {"bf": "3"}),
    (".mov", "libx264", "yuv422p", {}),
    (".mkv", "libx264", "yuv444p", {}),
    (".mp4", "libx264", "yuv420p10le", {}),
    (".mp4", "libx265", "yuv420p10le", X265),
    (".ts", "libx265", "yuv420p", X265),
    (".webm", "libvpx", "yuv420p", {}),
    (".webm", "libvpx-vp9", "yuv420p", {"deadline": "realtime", "cpu-used": "8"}),
    (".mkv", "libsvtav1", "yuv420p10le", {"preset": "13", "svtav1-params": "lp=1"}),
    (".avi", "mpeg4", "yuv420p", {}),
    (".avi", "mjpeg", "yuvj420p", {}),
    (".mov", "prores_ks", "yuv422p10le", {}),
    (".mov", "qtrle", "rgb24", {}),
    (".mov", "png", "rgba", {}),
    (".mkv", "ffv1", "bgr0", {}),
    (".mpg", "mpeg2video", "yuv420p", {}),
    (".vob", "mpeg2video", "yuv420p", {}),
    (".mxf", "mpeg2video", "yuv420p", {}),
    (".ts", "mpeg2video", "yuv420p", {}),
    (".flv", "flv", "yuv420p", {}),
    (".wmv", "wmv2", "yuv420p", {}),
    (".h264", "libx264", "yuv420p", {}),
    (".hevc", "libx265", "yuv420p", X265),
]


def frames() -> UInt8Array:
    """Four colours that wander to the right, so that frames and colours can be told."""
    return np.stack([np.roll(picture(96, 128), 8 * index, axis=1) for index in range(COUNT)])


@pytest.mark.parametrize(
    ("extension", "codec", "pixel_format", "options"), KINDS, ids=[f"{kind[1]}-{kind[2]}{kind[0]}" for kind in KINDS]
)
def test_every_kind_of_film(
    tmp_path: Path, extension: str, codec: str, pixel_format: str, options: dict[str, str]
) -> None:
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    settings = {"qp": "10", **options} if codec == "libx264" else options
    source = tmp_path / f"in{extension}"
    made = [av.VideoFrame.from_ndarray(frame, "rgb24").reformat(format=pixel_format) for frame in frames()]
    try:
        make_film(source, made, codec=codec, pixel_format=pixel_format, options=settings)
    except av.error.FFmpegError as error:
        pytest.skip(f"this FFmpeg makes no such film: {error}")
    came, times, _ = read(source)
    is_right(came, times)
    target = tmp_path / "out.mp4"
    with open_source(source) as opened, VideoWriter(target, opened.info) as writer:
        for clip in opened:
            writer.write(clip)
        assert not opened.notices or pixel_format == "rgba"
    went, times, info = read(target)
    is_right(went, times)
    assert info.duration is not None
    assert abs(info.duration - Fraction(COUNT, 25)) < Fraction(1, 30)


def read(path: Path) -> tuple[UInt8Array, list[Fraction], VideoInfo]:
    with open_source(path) as source:
        clips = list(source)
        return np.concatenate([c.frames for c in clips]), [t for c in clips for t in c.pts], source.info


def is_right(found: UInt8Array, times: list[Fraction]) -> None:
    assert len(found) == COUNT
    assert all(abs(time - times[0] - Fraction(index, 25)) < Fraction(1, 500) for index, time in enumerate(times))
    difference = np.abs(found.astype(int) - frames()).mean((1, 2, 3))
    assert difference.max() < 8, difference
    np.testing.assert_allclose(found.mean((1, 2)), frames().mean((1, 2)), atol=4)

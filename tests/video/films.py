"""Tiny videos for tests, made with PyAV alone so that reader and writer are judged by something else."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import numpy.typing as npt

from motionveil._core.types import UInt8Array
from motionveil.video.scheduling import ordinary_scheduling

Planes = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Kr and Kb of FFmpeg's matrices."""


def to_yuv(rgb: Sequence[float], matrix: int, *, full: bool = False, bits: int = 8) -> tuple[int, int, int]:
    """The code values of a colour in [0, 255] by the formulas of the ITU."""
    kr, kb = WEIGHTS[matrix]
    r, g, b = (value / 255 for value in rgb)
    luma = kr * r + (1 - kr - kb) * g + kb * b
    blue, red = (b - luma) / (2 * (1 - kb)), (r - luma) / (2 * (1 - kr))
    scale, top = 2 ** (bits - 8), 2**bits - 1
    if full:
        return round(luma * top), round(128 * scale + blue * top), round(128 * scale + red * top)
    return round((16 + 219 * luma) * scale), round((128 + 224 * blue) * scale), round((128 + 224 * red) * scale)


def yuv_frame(values: tuple[int, int, int], size: tuple[int, int], pixel_format: str = "yuv420p") -> av.VideoFrame:
    """A frame of one colour, given by its code values. size: (width, height)."""
    frame = av.VideoFrame(*size, pixel_format)
    dtype = np.uint16 if "10" in pixel_format or "12" in pixel_format else np.uint8
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(np.full((plane.height, plane.line_size // dtype().itemsize), value, dtype).tobytes())
    return frame


def picture(height: int = 32, width: int = 48) -> UInt8Array:
    """A picture whose eight orientations all differ: red top left, green top right, blue bottom left, grey."""
    image = np.full((height, width, 3), 90, np.uint8)
    image[: height // 2, : width // 2] = (220, 30, 30)
    image[: height // 2, width // 2 :] = (30, 220, 30)
    image[height // 2 :, : width // 2] = (30, 30, 220)
    return image


def numbered(count: int, height: int = 32, width: int = 48) -> UInt8Array:
    """Frames that tell which they are: grey levels 20, 30, 40 and so on."""
    return np.stack([np.full((height, width, 3), 20 + 10 * (i % 23), np.uint8) for i in range(count)])


def make_film(
    path: Path,
    frames: Sequence[av.VideoFrame] | UInt8Array,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rate: int | Fraction = 25,
    times: Sequence[Fraction] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    tags: dict[str, int] | None = None,
    rotation: tuple[float, bool] | None = None,
    sound: bool = False,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Encode frames (RGB arrays or ready frames) nearly without loss; tags are set on the codec context."""
    with av.open(str(path), "w", options=container_options or {}) as container:
        container.metadata.update(metadata or {})
        stream = cast("av.VideoStream", container.add_stream(codec, rate=rate))
        first = frames[0]
        stream.width, stream.height = (
            (first.width, first.height) if isinstance(first, av.VideoFrame) else first.shape[1::-1]
        )
        stream.pix_fmt = pixel_format
        context = stream.codec_context
        clock = Fraction(1, 1000) if codec == "mpeg4" else Fraction(1, 90000)
        counted = path.suffix in (".avi", ".h264", ".hevc", ".m4v") or codec == "mpeg2video"
        context.time_base = 1 / Fraction(rate) if counted else clock
        context.options = options if options is not None else ({"qp": "4"} if codec == "libx264" else {})
        for name, value in (tags or {}).items():
            setattr(context, name, value)
        if rotation is not None:
            stream.set_display_rotation(rotation[0], hflip=rotation[1])
        audio = container.add_stream("aac", rate=16000) if sound else None
        with ordinary_scheduling():  # SVT-AV1 would give the tests real-time priority
            for index, frame in enumerate(frames):
                ready = frame if isinstance(frame, av.VideoFrame) else av.VideoFrame.from_ndarray(frame, format="rgb24")
                time = Fraction(index) / rate if times is None else times[index]
                ready.pts, ready.time_base = round(time * 90000), Fraction(1, 90000)
                container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
        if audio is not None:
            _add_tone(container, audio, len(frames) / float(rate))
    return path


def _add_tone(container: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    time = np.arange(int(16000 * seconds), dtype=np.float32) / 16000
    # silent in the first half, a tone in the second: cuts can be told
    tone = np.where(time < seconds / 2, 0, np.sin(2 * np.pi * 440 * time) / 2).astype(np.float32)
    for start in range(0, len(tone), 1024):
        samples = np.stack([tone[start : start + 1024]] * 2)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))

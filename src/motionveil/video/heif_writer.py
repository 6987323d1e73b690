"""Writes HEIF images (HEIC, AVIF): a single image, encoded as the first frame of a video."""

from __future__ import annotations

import io
import os
import struct
from typing import TYPE_CHECKING, cast

import numpy as np

from motionveil._core.errors import OptionError
from motionveil._core.types import UInt8Array

from .colour import BT601, BT709, FULL, SMPTE170M, YuvConverter
from .heif import boxes
from .scheduling import ordinary_scheduling

if TYPE_CHECKING:
    from av.video.stream import VideoStream

_SRGB = 13  # transfer characteristics in ITU-T H.273
_HEVC_LEAST = 64  # x265 writes out of bounds below this size


def encode_heif(frame: UInt8Array, suffix: str, quality: int) -> bytes:
    """Encode (H, W, 3) uint8 RGB as a HEIC or, for ``.avif``, AVIF file. quality: 1 to 100.

    Raises:
        OptionError: If this FFmpeg build lacks the codec, or the image is too small.
    """
    is_avif = suffix == ".avif"
    height, width = frame.shape[:2]
    if not is_avif and min(height, width) < _HEVC_LEAST:
        raise OptionError(f"a {width}x{height} image is too small for {suffix}: use .avif or .png")
    # Chroma is stored per 2x2 pixels, so odd sizes get an extra row or column, which is cropped for display.
    padded = np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    kind, configuration, data = _coded(padded, is_avif=is_avif, quality=quality)
    ipco = [
        _box(kind, configuration),
        _box(b"ispe", struct.pack(">III", 0, padded.shape[1], padded.shape[0])),
        _box(b"colr", b"nclx" + struct.pack(">HHHB", BT709, _SRGB, SMPTE170M, 0x80)),
        _box(b"pixi", struct.pack(">I4B", 0, 3, 8, 8, 8)),
    ]
    if padded.shape != frame.shape:
        middle = (width - padded.shape[1], 2, height - padded.shape[0], 2)
        ipco.append(_box(b"clap", struct.pack(">4IiIiI", width, 1, height, 1, *middle)))
    brand = b"avif" if is_avif else b"heic"
    item = b"av01" if is_avif else b"hvc1"
    head = _box(b"ftyp", brand + bytes(4) + b"mif1" + brand + b"miaf")
    # The data offset depends on the length of the metadata, but not the other way round.
    length = len(head) + len(_meta(item, ipco, 0, len(data))) + 8
    return head + _meta(item, ipco, length, len(data)) + _box(b"mdat", data)


def _meta(item: bytes, ipco: list[bytes], offset: int, length: int) -> bytes:
    """The meta box of a file with one image."""
    essential = {b"hvcC", b"av1C", b"clap"}
    places = [index | (0x80 if box[4:8] in essential else 0) for index, box in enumerate(ipco, 1)]
    ipma = _box(b"ipma", struct.pack(">IIHB", 0, 1, 1, len(places)) + bytes(places))
    return _box(
        b"meta",
        bytes(4)
        + _box(b"hdlr", bytes(8) + b"pict" + bytes(13))
        + _box(b"pitm", struct.pack(">IH", 0, 1))
        + _box(b"iloc", struct.pack(">IBBHHHHII", 0, 0x44, 0, 1, 1, 0, 1, offset, length))
        + _box(b"iinf", struct.pack(">IH", 0, 1) + _box(b"infe", struct.pack(">IHH4sB", 0x2000000, 1, 0, item, 0)))
        + _box(b"iprp", _box(b"ipco", b"".join(ipco)) + ipma),
    )


def _coded(frame: UInt8Array, *, is_avif: bool, quality: int) -> tuple[bytes, bytes, bytes]:
    """The kind and body of the codec configuration box, and the coded image, as an MP4 would store them."""
    import av

    name = "libsvtav1" if is_avif else "libx265"
    if name not in av.codecs_available:
        raise OptionError(f"{'AVIF' if is_avif else 'HEIC'} needs {name}, which this FFmpeg lacks: use .jpg or .png")
    if is_avif:
        os.environ.setdefault("SVT_LOG", "1")
    crf = str(round(5 + (100 - quality) / 2))
    film = io.BytesIO()
    with av.open(film, "w", format="mp4") as container:
        stream = cast("VideoStream", container.add_stream(name, rate=1))
        stream.height, stream.width = frame.shape[:2]
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.options = {"crf": crf} | (
            {"preset": "6", "svtav1-params": "lp=2:avif=1"}
            if is_avif
            else {"preset": "medium", "x265-params": "log-level=error:info=0:pools=2:frame-threads=1:bframes=0"}
        )
        if not is_avif:
            context.codec_tag = "hvc1"
        context.color_primaries, context.color_trc, context.colorspace = BT709, _SRGB, SMPTE170M
        context.color_range = FULL
        picture = YuvConverter("yuv420p", BT601, full=True)(frame)
        picture.pts = 0
        with ordinary_scheduling():
            container.start_encoding()
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    file = film.getvalue()
    kind = b"av1C" if is_avif else b"hvcC"
    at = file.rindex(kind) - 4
    (length,) = struct.unpack_from(">I", file, at)
    data = next(body for found, body in boxes(file) if found == b"mdat")
    return kind, file[at + 8 : at + length], data


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body

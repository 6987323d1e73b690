"""Output encoding: codecs, containers, audio and metadata."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import av

from motionveil._core.errors import OptionError, OutputError

from .images import IMAGE_SUFFIXES
from .photo_tags import NAMED


@dataclass(frozen=True)
class Encoding:
    """How to write a video.

    Attributes:
        codec: A name in CODECS; None for the default of the target's extension.
        quality: Quality on the codec's own scale (h264, hevc, av1, vp9: constant rate factor, lower is better; jpg: 1
            to 100, higher is better); None for the default.
        speed: The encoder's preset.
        overwrite: Replace an existing target.
        audio: ``drop`` (default) or ``keep``. Voices can identify people.
        metadata: ``drop`` (default), or ``keep`` to copy the source's tags, which can identify people.
            ``keep,place,device`` also keeps where and with which camera a photo was taken; either may be omitted.
        colours: ``standard`` writes 8-bit BT.709. ``keep`` writes video with more than 8 bits, high dynamic range
            (PQ, HLG) or a wide gamut with 10 bits in its own colour space.

    Raises:
        OptionError: For an unknown codec, or a value outside its scale.
    """

    codec: str | None = None
    quality: int | None = None
    speed: str | None = None
    overwrite: bool = False
    audio: Literal["drop", "keep"] = "drop"
    metadata: str = "drop"
    colours: Literal["standard", "keep"] = "standard"

    def __post_init__(self) -> None:
        if self.codec is not None and self.codec not in CODECS:
            raise OptionError(f"unknown codec {self.codec!r}: choose one of {', '.join(CODECS)}")
        if self.audio not in ("drop", "keep"):
            raise OptionError(f"invalid audio {self.audio!r}: choose drop or keep")
        kind, *named = self.metadata.split(",")
        if kind not in ("drop", "keep") or (kind == "drop" and named) or not set(named) <= set(NAMED):
            raise OptionError(f"invalid metadata {self.metadata!r}: choose drop, keep, or keep,{','.join(NAMED)}")
        if self.colours not in ("standard", "keep"):
            raise OptionError(f"invalid colours {self.colours!r}: choose standard or keep")

    @property
    def keeps_tags(self) -> bool:
        """Whether any tags are kept."""
        return self.metadata != "drop"

    @property
    def named_tags(self) -> tuple[str, ...]:
        """Extra tag groups kept from a photo: place, device."""
        return tuple(self.metadata.split(",")[1:])

    def options(self, codec: str) -> dict[str, str]:
        """The encoder's options for quality and speed."""
        line = CODECS[codec]
        quality = line.quality if self.quality is None else self.quality
        if not line.best <= quality <= line.worst:
            scale = f"must be {line.best} to {line.worst}" if line.worst else "cannot be set: omit it"
            raise OptionError(f"the quality of {codec} {scale}, not {quality}")
        speed = self.speed or line.speed
        if self.speed and self.speed not in line.speeds:
            choice = f"must be one of {', '.join(line.speeds)}" if line.speeds else "cannot be set: omit it"
            raise OptionError(f"the speed of {codec} {choice}, not {self.speed}")
        return {**({"crf": str(quality)} if line.worst else {}), **({line.speed_option: speed} if speed else {})}


@dataclass(frozen=True)
class Codec:
    """One row of the codec table."""

    encoder: str
    quality: int = 0
    best: int = 0
    worst: int = 0
    """The quality scale; 0 to 0 if there is none."""
    speed_option: str = "preset"
    speed: str = ""
    speeds: tuple[str, ...] = ()
    """Values of `speed` from fast to slow; empty if it cannot be set."""
    pixel_format: str = "yuv420p"
    odd_pixel_format: str = "yuv420p"
    """For odd widths or heights."""
    deep_pixel_format: str = ""
    """The 10-bit format; empty if there is none that players support."""
    deep_odd_pixel_format: str = ""
    options: dict[str, str] = field(default_factory=dict)
    strip: str | None = None
    """A bitstream filter that removes the encoder's version string."""
    tag: str | None = None
    """The codec tag that players expect in MP4 and MOV, where FFmpeg's default differs."""
    smallest: int = 1
    """The minimum width and height; x265 writes out of bounds below its own."""
    stores_aspect: bool = False
    """Whether the bitstream stores the pixel aspect ratio."""


def _numbers(fastest: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(fastest, -1, -1))


# Look-ahead is short, because every frame buffered in an encoder takes memory.
# x265 leaves dts unset in videos shorter than its delay, which is one frame without a B-pyramid.
_X265 = "b-pyramid=0:log-level=error:info=0:pools=2:frame-threads=1:rc-lookahead=10"
_X26X = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
CODECS = {
    "h264": Codec("libx264", 20, 0, 51, "preset", "veryfast", _X26X, odd_pixel_format="yuv444p",
                  options={"rc-lookahead": "10"}, strip="filter_units=remove_types=6", stores_aspect=True),
    "hevc": Codec("libx265", 23, 0, 51, "preset", "veryfast", _X26X, odd_pixel_format="yuv444p",
                  deep_pixel_format="yuv420p10le", deep_odd_pixel_format="yuv444p10le",
                  options={"x265-params": _X265}, tag="hvc1", smallest=64, stores_aspect=True),
    "av1": Codec("libsvtav1", 30, 1, 63, "preset", "9", _numbers(13),
                 deep_pixel_format="yuv420p10le", deep_odd_pixel_format="yuv420p10le",
                 options={"svtav1-params": "lp=2:lookahead=16"}),
    "vp9": Codec("libvpx-vp9", 31, 0, 63, "cpu-used", "5", _numbers(8),
                 options={"b": "0", "deadline": "good", "row-mt": "1", "lag-in-frames": "10"}),
    "ffv1": Codec("ffv1", pixel_format="bgr0", odd_pixel_format="bgr0", deep_pixel_format="gbrp10le",
                  deep_odd_pixel_format="gbrp10le", options={"level": "3", "slicecrc": "1"}),
    "gif": Codec("gif", pixel_format="pal8", odd_pixel_format="pal8"),
    "png": Codec("png"),
    "jpg": Codec("jpg", 95, 1, 100),
}  # fmt: skip


@dataclass(frozen=True)
class Container:
    """One row of the container table."""

    format: str
    codecs: tuple[str, ...]
    """Supported codecs; the first is the default."""
    options: dict[str, str] = field(default_factory=dict)
    stores_colours: bool = True
    """Whether it can store a colour description for 10 bits."""


_FASTSTART = {"movflags": "+faststart"}
CONTAINERS = {
    ".mp4": Container("mp4", ("h264", "hevc", "av1", "vp9"), _FASTSTART),
    ".m4v": Container("mp4", ("h264", "hevc"), _FASTSTART),
    ".mov": Container("mov", ("h264", "hevc"), _FASTSTART),
    ".mkv": Container("matroska", ("h264", "hevc", "av1", "vp9", "ffv1")),
    ".webm": Container("webm", ("vp9", "av1")),
    ".avi": Container("avi", ("h264", "ffv1"), stores_colours=False),
    ".gif": Container("gif", ("gif",), stores_colours=False),
}


VIDEO_SUFFIXES = frozenset(
    (*CONTAINERS, ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv", ".3gp", ".ogv", ".vob", ".mxf", ".dv")
) - {".gif"}  # fmt: skip
"""Extensions by which a file in a folder is taken for a video; a file that is named is read whatever its extension."""


def choose(target: Path, encoding: Encoding, *, deep: bool = False) -> tuple[str, Container]:
    """The codec name and container for a video file, by its extension; with `deep`, a 10-bit codec by default.

    Raises:
        OutputError: If the extension is not supported.
        OptionError: If the container cannot hold the codec.
    """
    container = CONTAINERS.get(target.suffix.lower())
    if container is None:
        known = ", ".join(CONTAINERS)
        raise OutputError(f"{target} has an unsupported extension: use one of {known}, or an image format")
    deep_codecs = [name for name in container.codecs if CODECS[name].deep_pixel_format and container.stores_colours]
    name = encoding.codec or (deep_codecs if deep and deep_codecs else container.codecs)[0]
    if name not in container.codecs:
        homes = [extension for extension, other in CONTAINERS.items() if name in other.codecs]
        where = f"write to {' or '.join(homes)}" if homes else "write to a folder of images"
        raise OptionError(f"{target.suffix} files cannot hold {name}: {where}, or choose {container.codecs[0]}")
    if encoding.colours == "keep" and name not in deep_codecs and (deep or not deep_codecs or encoding.codec):
        better = f"choose {' or '.join(deep_codecs)}" if deep_codecs else "write to .mp4, .mov, .mkv or .webm"
        what = name if deep_codecs else f"{target.suffix} files"
        raise OptionError(f"{what} cannot store 10 bits or HDR: {better}, or omit `colours`")
    return name, container


def choose_images(target: Path, encoding: Encoding) -> str:
    """The extension of the images for a still image, a numbered pattern, or (without extension) a folder.

    Raises:
        OptionError: If the codec is not an image format.
    """
    suffix = target.suffix.lower()
    if encoding.colours == "keep":
        raise OptionError("images are written with 8 bits: omit `colours`, or write to .mp4, .mov, .mkv or .webm")
    if suffix in IMAGE_SUFFIXES:
        return suffix
    if suffix or encoding.codec not in (None, "png", "jpg"):
        raise OptionError(f"{target} is an image output: choose png or jpg, or name a video such as {target.stem}.mp4")
    return f".{encoding.codec or 'png'}"


def codec_available(name: str) -> bool:
    """Whether this FFmpeg build can write a codec of CODECS; images do not need FFmpeg."""
    encoder = CODECS[name].encoder
    return name in ("png", "jpg") or encoder in av.codecs_available

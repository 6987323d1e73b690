"""Still images, and folders, patterns and globs of images as frames of a video."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from motionveil._core.errors import InputError, TruncatedError, TruncationWarning
from motionveil._core.types import UInt8Array, VideoInfo

from .colour import over_black
from .completeness import decode_picture, is_damaged_jpeg
from .heif import HEIF_SUFFIXES, is_heif, read_heif
from .orientation import Orientation
from .profile import UnknownProfileError, profile_of, to_srgb
from .source import ReadOptions, Source

IMAGE_SUFFIXES = HEIF_SUFFIXES | {
    ".jpg",
    ".jpeg",
    ".jpe",
    ".png",
    ".webp",
    ".bmp",
    ".tif",
    ".tiff",
    ".pgm",
    ".ppm",
    ".jp2",
}
"""Image formats that can be read and written."""
COLOUR_IMAGE_SUFFIXES = IMAGE_SUFFIXES - {".pgm"}
ALPHA_IMAGE_SUFFIXES = frozenset({".png", ".webp", ".tif", ".tiff"})
"""Image formats that are written with transparency."""
NUMBER = r"(%0?\d{0,2}d)(?![a-zA-Z])"
"""The frame number in a pattern."""


def is_numbered(name: str) -> bool:
    """Whether a name is a numbered pattern: contains ``%06d`` or ``%d``, but not as in ``50%discount``."""
    return re.search(NUMBER, name) is not None


class ImageSource(Source):
    """One still image (at time 0), or a sequence at ``image_rate`` images per second.

    Raises:
        InputError: If an image cannot be read, or differs in size from the first.
    """

    def __init__(self, name: str, paths: Sequence[Path], options: ReadOptions, is_sequence: bool) -> None:
        super().__init__(name, options)
        self._interval = 1 / options.image_rate
        self._paths = paths
        self._damaged = False
        self._window = [
            index
            for index in range(len(paths))
            if not options.is_before(index * self._interval) and not options.is_after(index * self._interval)
        ]
        photo = read_photo(paths[0])
        first = photo.pixels
        self.notices += photo.notices
        if photo.alpha is not None and is_sequence:
            self.notices.append(f"{name} has transparent parts: they are composited over black")
        self._size = first.shape
        width, height = options.fit(first.shape[1], first.shape[0])
        self.info = VideoInfo(
            width=width,
            height=height,
            frame_rate=options.image_rate,
            num_frames=len(self._window),
            duration=options.limit(len(paths) * self._interval),
            codec="image",
            pixel_format="rgb24",
            is_image=not is_sequence,
            start=options.first,
        )
        if not self._window:
            raise self._no_frames()

    def _frames(self) -> Iterator[tuple[UInt8Array, Fraction]]:
        for index in self._window:
            frame = read_image(self._paths[index], on_damage=partial(self._complain, self._paths[index]))
            if frame.shape != self._size:
                raise InputError(
                    f"{self._paths[index]} is {frame.shape[1]}x{frame.shape[0]} but the images before it are "
                    f"{self._size[1]}x{self._size[0]}: a folder is read as one video; "
                    f"to process unrelated images, pass them individually, like {self.name}/*.jpg"
                )
            yield frame, index * self._interval

    def _complain(self, path: Path) -> None:
        """Warn once, or raise in strict mode, because an image is damaged."""
        if self.options.strict:
            raise TruncatedError(f"{path} is damaged: get an undamaged copy or omit `strict`")
        if not self._damaged:
            self._damaged = True
            self.notices.append(f"{path} is damaged: using what could be read of it and of similar images")
            warnings.warn(self.notices[-1], TruncationWarning, stacklevel=2)

    def close(self) -> None:
        """Do nothing; no resource is held."""


@dataclass(frozen=True)
class Photo:
    """An image as it is displayed.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, upright, in sRGB, composited over black.
        alpha: (H, W) uint8; None if the image is opaque.
        notices: Messages about what could not be converted.
    """

    pixels: UInt8Array
    alpha: UInt8Array | None = None
    notices: tuple[str, ...] = ()


def read_image(path: Path, *, on_damage: Callable[[], None] | None = None) -> UInt8Array:
    """An image as upright (H, W, 3) uint8 RGB; see `read_photo`."""
    return read_photo(path, on_damage=on_damage).pixels


def read_photo(path: Path, *, on_damage: Callable[[], None] | None = None) -> Photo:
    """Read an image: apply orientation and colour profile, composite over black, and keep the alpha channel.

    Args:
        path: The file.
        on_damage: Called if the image is damaged but can be decoded; None skips the check.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        file = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check its name and permissions") from error
    if is_heif(file):
        picture = read_heif(path)
        pixels, notices = _in_srgb(path, picture.pixels, picture.profile)
        return Photo(pixels, notices=notices)
    decoded, complained = decode_picture(file)
    if decoded is None:
        raise InputError(f"{path} is {'not an image, or damaged' if file else 'empty'}: remove or replace it")
    if on_damage is not None and (complained or is_damaged_jpeg(file)):
        on_damage()
    rgb, alpha = _separated(decoded)
    rgb, notices = _in_srgb(path, rgb, profile_of(file))
    upright = Orientation.from_exif(file)
    if alpha is None:
        return Photo(upright.apply(rgb), notices=notices)
    pixels = over_black(np.concatenate([rgb, alpha[..., None]], axis=2))
    return Photo(upright.apply(pixels), upright.apply(alpha), notices)


def alpha_of(path: Path) -> UInt8Array | None:
    """The alpha channel of an image, (H, W) uint8, upright; None if it is opaque."""
    return read_photo(path).alpha if path.suffix.lower() in ALPHA_IMAGE_SUFFIXES and path.is_file() else None


def _separated(pixels: npt.NDArray[Any]) -> tuple[UInt8Array, UInt8Array | None]:
    """Split what OpenCV decoded into (H, W, 3) uint8 RGB and (H, W) alpha (None if opaque)."""
    if pixels.dtype == np.uint16:
        pixels = (pixels.astype(np.uint32) * 255 + 32767) // 65535
    elif pixels.dtype != np.uint8:
        pixels = np.nan_to_num(pixels * 255.0).clip(0, 255)  # floating-point images hold [0, 1]
    image = pixels.astype(np.uint8, copy=False)
    if image.ndim == 2:
        image = image[..., None]
    channels = image.shape[2]
    alpha = image[..., -1] if channels in (2, 4) else None
    rgb = image[..., [2, 1, 0]] if channels >= 3 else image[..., :1].repeat(3, axis=2)
    if alpha is not None and alpha.min() == 255:
        alpha = None
    return np.ascontiguousarray(rgb), None if alpha is None else np.ascontiguousarray(alpha)


def _in_srgb(path: Path, pixels: UInt8Array, profile: bytes) -> tuple[UInt8Array, tuple[str, ...]]:
    """Pixels converted from their colour profile to sRGB; unchanged, with a notice, if it is not supported."""
    if not profile:
        return pixels, ()
    try:
        convert = to_srgb(profile)
    except UnknownProfileError:
        return pixels, (f"{path} has an unsupported colour profile: its colours may look different",)
    return (pixels if convert is None else convert(pixels)), ()


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Sort key that puts ``frame2`` before ``frame10``."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", path.name)]


def images_in(folder: Path) -> list[Path]:
    """The images directly in a folder, in natural order, without hidden files."""
    found = (p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
    return sorted(found, key=natural_order)


def images_matching(pattern: str) -> list[Path]:
    """The images of a numbered pattern (``dir/%06d.jpg``) or a glob (``dir/*.png``), in natural order."""
    path = Path(pattern)
    if not path.parent.is_dir():
        return []
    if not is_numbered(path.name):
        return sorted(path.parent.glob(path.name), key=natural_order)
    begin, _, rest = re.split(NUMBER, path.name, maxsplit=1)
    expression = re.compile(re.escape(begin) + r"\d+" + re.escape(rest))
    return sorted((p for p in path.parent.iterdir() if expression.fullmatch(p.name)), key=natural_order)

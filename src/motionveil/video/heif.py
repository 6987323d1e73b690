"""HEIF photos (HEIC, AVIF), assembled from their tiles and upright."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from motionveil._core.errors import InputError
from motionveil._core.types import UInt8Array

from .colour import BT601, RgbConverter
from .container import file_location, open_container
from .orientation import Orientation

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

HEIF_SUFFIXES = frozenset({".heic", ".heif", ".hif", ".avif"})
_STILL_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2", b"avif", b"heif"})
_CODED = frozenset({b"hvc1", b"av01"})
_MOST_TILES = 4096
_MOST_PIXELS = 1 << 28


def is_heif(head: bytes) -> bool:
    """Whether these first bytes are those of a still image in a HEIF container."""
    return head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS


@dataclass
class _Items:
    """The item directory of a HEIF file: the meta box of ISO/IEC 14496-12 and 23008-12."""

    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    parts: dict[int, list[int]] = field(default_factory=dict)
    """For a derived item, the items it is made from (dimg)."""
    properties: dict[int, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    places: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    """For each item, (construction method, offset, length) of its data."""
    data: bytes = b""
    """Data stored in the directory itself (idat)."""


@dataclass(frozen=True)
class HeifPicture:
    """A decoded image. pixels: (H, W, 3) uint8 RGB, upright. profile: ICC profile, empty if there is none."""

    pixels: UInt8Array
    profile: bytes = b""


def read_heif(path: Path) -> HeifPicture:
    """The primary image of a file.

    Raises:
        InputError: If it cannot be read.
    """
    file = path.read_bytes()
    try:
        items = _directory(file)
        kind = items.kinds[items.primary]
        tiles = [items.primary] if kind in _CODED else items.parts[items.primary]
        if kind not in _CODED | {b"grid"} or not 0 < len(tiles) <= _MOST_TILES:
            raise KeyError
        _check_size(path, file, items, tiles)
        pixels = _decoded(path, tiles)
        whole = pixels[tiles[0]] if kind in _CODED else _assembled([pixels[tile] for tile in tiles], _grid(file, items))
        return HeifPicture(_upright(whole, items), _profile(items, tiles[0]))
    except (KeyError, IndexError, struct.error, ValueError, ZeroDivisionError) as error:
        raise InputError(f"{path} is damaged, or an unsupported kind of HEIF image: export it as JPEG") from error


def _check_size(path: Path, file: bytes, items: _Items, tiles: list[int]) -> None:
    """Reject images that would exhaust memory, before anything is decoded."""
    areas = {
        item: max((a * b for a, b in (struct.unpack_from(">II", body, 4) for body in found)), default=0)
        for item in {items.primary, *tiles}
        for found in [[body for kind, body in items.properties.get(item, ()) if kind == b"ispe"]]
    }
    whole = 0
    if items.kinds[items.primary] == b"grid":
        *_, width, height = _grid(file, items)
        whole = width * height
    if max(whole, areas[items.primary], sum(areas[tile] for tile in tiles)) > _MOST_PIXELS:
        raise InputError(f"{path} declares more than {_MOST_PIXELS >> 20} megapixels: export it smaller")


def _decoded(path: Path, tiles: list[int]) -> dict[int, UInt8Array]:
    """RGB of the items with these numbers; FFmpeg exposes each as a stream."""
    import av

    convert = RgbConverter(matrix=BT601)  # the MIAF default
    found: dict[int, UInt8Array] = {}
    container = open_container(file_location(path))
    try:
        wanted = {stream.index: stream for stream in container.streams.video if stream.id in tiles}
        for packet in cast("Iterator[av.Packet[VideoStream]]", container.demux(list(wanted.values()))):
            if packet.size and packet.stream.id not in found:
                frames = packet.decode() or packet.stream.codec_context.decode(None)
                found[packet.stream.id] = convert(frames[0])
    except av.error.FFmpegError as error:
        raise ValueError(str(error)) from error
    finally:
        container.close()
    return found


def _grid(file: bytes, items: _Items) -> tuple[int, int, int, int]:
    """Rows, columns, width and height of a tiled image."""
    [(method, offset, length)] = items.places[items.primary]
    body = (items.data if method == 1 else file)[offset : offset + length]
    _, flags, rows, columns = struct.unpack_from(">4B", body)
    width, height = struct.unpack_from(">II" if flags & 1 else ">HH", body, 4)
    return rows + 1, columns + 1, width, height


def _assembled(tiles: list[UInt8Array], grid: tuple[int, int, int, int]) -> UInt8Array:
    rows, columns, width, height = grid
    if len(tiles) != rows * columns:
        raise ValueError("a tile is missing")
    lines = [np.concatenate(tiles[row * columns : (row + 1) * columns], axis=1) for row in range(rows)]
    whole = np.concatenate(lines)[:height, :width]
    if whole.shape[:2] != (height, width):
        raise ValueError("the tiles are too small")
    return whole


def _upright(pixels: UInt8Array, items: _Items) -> UInt8Array:
    for kind, body in items.properties.get(items.primary, ()):
        if kind == b"irot":
            pixels = Orientation.from_rotation(90 * (body[0] & 3)).apply(pixels)
        elif kind == b"clap":
            pixels = _cropped(pixels, body)
        elif kind == b"imir":  # 0: flip vertically, 1: flip horizontally
            pixels = Orientation(flip_x=bool(body[0] & 1), flip_y=not body[0] & 1).apply(pixels)
    return np.ascontiguousarray(pixels)


def _cropped(pixels: UInt8Array, body: bytes) -> UInt8Array:
    """Apply the clean aperture (clap): width, height, and the offset of its centre from that of the image."""
    numbers = struct.unpack_from(">iIiIiIiI", body)
    wide, high, right, down = (top / bottom for top, bottom in zip(numbers[::2], numbers[1::2], strict=True))
    height, width = pixels.shape[:2]
    left, top = round((width - wide) / 2 + right), round((height - high) / 2 + down)
    shown = pixels[max(top, 0) : max(top, 0) + round(high), max(left, 0) : max(left, 0) + round(wide)]
    if wide < 1 or high < 1 or not shown.size:
        raise ValueError("the clean aperture is empty")
    return shown


def _profile(items: _Items, tile: int) -> bytes:
    for item in (items.primary, tile):
        for kind, body in items.properties.get(item, ()):
            if kind == b"colr" and body[:4] in (b"prof", b"rICC"):
                return body[4:]
    return b""


def _directory(file: bytes) -> _Items:
    found = _Items()
    meta = next(body for kind, body in boxes(file) if kind == b"meta")
    parts = dict(boxes(meta[4:]))
    found.data = parts.get(b"idat", b"")
    version = parts[b"pitm"][0]
    (found.primary,) = struct.unpack_from(">I" if version else ">H", parts[b"pitm"], 4)
    _read_kinds(parts[b"iinf"], found)
    _read_references(parts.get(b"iref", b"\0" * 4), found)
    _read_properties(parts[b"iprp"], found)
    _read_places(parts[b"iloc"], found)
    return found


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, body) of each box in a sequence of boxes."""
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if length == 1:
            (length,), header = struct.unpack_from(">Q", data, at + 8), 16
        length = length or len(data) - at
        if length < header:
            return
        yield kind, data[at + header : at + length]
        at += length


def _read_kinds(body: bytes, found: _Items) -> None:
    start = 6 if body[0] == 0 else 8
    for _, entry in boxes(body[start:]):
        if entry[0] >= 2:
            number, kind = struct.unpack_from(">H2x4s" if entry[0] == 2 else ">I2x4s", entry, 4)
            found.kinds[number] = kind


def _read_references(body: bytes, found: _Items) -> None:
    sign = "I" if body[0] else "H"
    for kind, reference in boxes(body[4:]):
        source, count = struct.unpack_from(f">{sign}H", reference)
        if kind == b"dimg":
            found.parts[source] = list(struct.unpack_from(f">{count}{sign}", reference, struct.calcsize(f">{sign}H")))


def _read_properties(body: bytes, found: _Items) -> None:
    parts = list(boxes(body))
    properties = list(boxes(next(inner for kind, inner in parts if kind == b"ipco")))
    for kind, ipma in parts:
        if kind != b"ipma":
            continue
        version, flags = ipma[0], ipma[3]
        (count,), at = struct.unpack_from(">I", ipma, 4), 8
        for _ in range(count):
            sign = ">IB" if version else ">HB"
            item, number = struct.unpack_from(sign, ipma, at)
            at += struct.calcsize(sign)
            width = 2 if flags & 1 else 1
            for place in range(at, at + number * width, width):
                index = int.from_bytes(ipma[place : place + width], "big") & (0x7FFF if flags & 1 else 0x7F)
                if index:
                    found.properties.setdefault(item, []).append(properties[index - 1])
            at += number * width


def _read_places(body: bytes, found: _Items) -> None:
    version = body[0]
    sizes = (body[4] >> 4, body[4] & 15, body[5] >> 4, body[5] & 15 if version else 0)
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        return int.from_bytes(body[at - size : at], "big")

    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)  # data reference index
        base = number(sizes[2])
        for _ in range(number(2)):
            number(sizes[3])
            offset = base + number(sizes[0])
            found.places.setdefault(item, []).append((method, offset, number(sizes[1])))

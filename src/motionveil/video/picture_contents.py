"""What an image file contains besides its pixels: EXIF, GPS, XMP, text, thumbnails, trailing data."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from .completeness import decode_picture


@dataclass(frozen=True)
class Tag:
    """One tag. place: its location, for instance 'file', 'stream 0', 'EXIF', 'GPS'."""

    place: str
    name: str
    value: str


@dataclass
class Extras:
    """The findings of a walk through a file. thumbnails: (width, height). others: other contents, in words."""

    tags: list[Tag] = field(default_factory=list)
    thumbnails: list[tuple[int, int]] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


_EXIF_NAMES: Mapping[int, str] = {
    0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0131: "Software", 0x0132: "DateTime",
    0x013B: "Artist", 0x013C: "HostComputer", 0x02BC: "XMP", 0x8298: "Copyright", 0x83BB: "IPTC", 0x8649: "Photoshop",
    0x9003: "DateTimeOriginal", 0x9004: "DateTimeDigitized", 0x927C: "MakerNote", 0x9286: "UserComment",
    0x9C9B: "XPTitle", 0x9C9C: "XPComment", 0x9C9D: "XPAuthor", 0x9C9E: "XPKeywords", 0x9C9F: "XPSubject",
    0xA420: "ImageUniqueID", 0xA430: "CameraOwnerName", 0xA431: "BodySerialNumber", 0xA432: "LensSpecification",
    0xA433: "LensMake", 0xA434: "LensModel", 0xA435: "LensSerialNumber",
}  # fmt: skip
"""TIFF 6.0 and EXIF 2.32 tags about people, devices and times; the rest describe the pixels."""
_EXIF, _GPS, _INTEROPERABILITY = 0x8769, 0x8825, 0xA005
_THUMBNAIL, _THUMBNAIL_LENGTH = 0x0201, 0x0202
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_MAX_TEXT = 200


def picture_extras(data: bytes) -> Extras | None:
    """Walk through a JPEG, PNG, WebP or TIFF file; None for other formats. Damage ends the walk."""
    found = Extras()
    for start, walk in _WALKS.items():
        if data.startswith(start) and (start != b"RIFF" or data[8:12] == b"WEBP"):
            try:
                walk(data, found)
            except (struct.error, IndexError, zlib.error):
                found.others.append("a part that cannot be read")
            return found
    return None


def _jpeg(data: bytes, found: Extras) -> None:
    at = 2
    while at < len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker == 0xFF:
            at += 1
            continue
        if marker == 0xD9:
            at += 2
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        _jpeg_segment(marker, data[at + 4 : at + 2 + length], found)
        at += 2 + length
        if marker == 0xDA:
            at = _end_of_scan(data, at)
    _after_end(data, at, found)


def _end_of_scan(data: bytes, at: int) -> int:
    """The position of the next marker: in entropy-coded data, FF is followed by 00 or a restart marker."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
    return len(data)


def _jpeg_segment(marker: int, body: bytes, found: Extras) -> None:
    if marker == 0xE1 and body.startswith(b"Exif\0\0"):
        _tiff(body[6:], found)
    elif marker == 0xE1:
        found.tags.append(Tag("XMP", "XMP", _text(body)))
    elif marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) >= 14 and body[12] and body[13]:
        found.thumbnails.append((body[12], body[13]))
    elif marker == 0xE2 and body.startswith(b"MPF\0"):
        found.others.append("an index of further images (MPF)")
    elif marker == 0xED:
        found.tags.append(Tag("IPTC", "Photoshop", f"{len(body)} bytes"))
    elif marker == 0xFE:
        found.tags.append(Tag("file", "comment", _text(body)))
    elif 0xE0 <= marker <= 0xEF and not body.startswith((b"JFIF", b"JFXX", b"ICC_PROFILE", b"Adobe")):
        found.others.append(f"a segment APP{marker - 0xE0} of {len(body)} bytes ({_text(body[:12])!r})")


def _png(data: bytes, found: Extras) -> None:
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length
        if kind == b"IEND":
            break
        if kind == b"eXIf":
            _tiff(body, found)
        elif kind == b"tIME":
            year, *rest = struct.unpack(">H5B", body)
            found.tags.append(Tag("file", "time", "{}-{:02}-{:02} {:02}:{:02}:{:02}".format(year, *rest)))
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            name, _, rest_of = body.partition(b"\0")
            if kind == b"zTXt":
                rest_of = zlib.decompressobj().decompress(rest_of[1:], 1 << 16)
            found.tags.append(Tag("file", _text(name), _text(rest_of)))
    _after_end(data, at, found)


def _webp(data: bytes, found: Extras) -> None:
    (length,) = struct.unpack_from("<I", data, 4)
    at, end = 12, min(len(data), 8 + length + length % 2)
    while at + 8 <= end:
        kind, (length,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        body = data[at + 8 : at + 8 + length]
        if kind == b"EXIF":
            _tiff(body.removeprefix(b"Exif\0\0"), found)
        elif kind == b"XMP ":
            found.tags.append(Tag("XMP", "XMP", _text(body)))
        at += 8 + length + length % 2
    _after_end(data, end, found)


def _tiff(data: bytes, found: Extras) -> None:
    """EXIF, or a whole TIFF file: a linked structure of tag directories."""
    order = "<" if data[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", data, 4)
    waiting, seen, number = [("EXIF", first)], set[int](), 0
    while waiting:
        place, at = waiting.pop(0)
        if not at or at in seen or len(seen) > 64:
            continue
        seen.add(at)
        directory = dict(tiff_directory(data, at, order))
        if place == "GPS":
            found.tags.append(Tag("GPS", "position", _position(directory, data, order)))
            continue
        for tag, (kind, raw) in directory.items():
            if tag in (_EXIF, _GPS, _INTEROPERABILITY) and len(raw) >= 4:
                waiting.append(("GPS" if tag == _GPS else "EXIF", struct.unpack_from(order + "I", raw)[0]))
            elif tag in _EXIF_NAMES:
                value = _text(raw, "utf-16-le") if 0x9C9B <= tag <= 0x9C9F else _text(raw)
                found.tags.append(Tag("EXIF", _EXIF_NAMES[tag], value if kind in (1, 2, 7) else f"{len(raw)} bytes"))
            elif kind == 2 and len(raw) > 4:  # four bytes hold codes and versions, such as R98
                found.tags.append(Tag("EXIF", f"tag {tag:#06x}", _text(raw)))
        if _THUMBNAIL in directory and _THUMBNAIL_LENGTH in directory:
            (start,), (length,) = (
                struct.unpack_from(order + "I", directory[t][1]) for t in (_THUMBNAIL, _THUMBNAIL_LENGTH)
            )
            found.thumbnails.append(_size_of(data[start : start + length]))
        if place == "EXIF" and number < 8:
            count = struct.unpack_from(order + "H", data, at)[0]
            if at + 6 + 12 * count <= len(data):
                waiting.append(("EXIF", struct.unpack_from(order + "I", data, at + 2 + 12 * count)[0]))
            number += 1


def tiff_directory(data: bytes, at: int, order: str) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """(tag, (type, value)) of one directory."""
    (count,) = struct.unpack_from(order + "H", data, at)
    for entry in range(count):
        place = at + 2 + 12 * entry
        tag, kind, number = struct.unpack_from(order + "HHI", data, place)
        length = _SIZES.get(kind, 1) * number
        start = place + 8 if length <= 4 else struct.unpack_from(order + "I", data, place + 8)[0]
        yield tag, (kind, data[start : start + length])


def _position(directory: Mapping[int, tuple[int, bytes]], data: bytes, order: str) -> str:
    """Latitude and longitude in degrees, if the GPS directory has both."""

    def degrees(tag: int) -> float:
        numbers: tuple[int, ...] = struct.unpack(order + "6I", directory[tag][1])
        value = sum(numbers[2 * i] / max(numbers[2 * i + 1], 1) / float(60**i) for i in range(3))
        return -value if directory.get(tag - 1, (2, b""))[1][:1] in (b"S", b"W") else value

    try:
        return f"{degrees(2):.5f}, {degrees(4):.5f}"
    except (KeyError, struct.error):
        return "GPS data without a position"


def _size_of(data: bytes) -> tuple[int, int]:
    """(width, height) of an encoded image; (0, 0) if it cannot be decoded."""
    picture, _ = decode_picture(data)
    return (0, 0) if picture is None else (picture.shape[1], picture.shape[0])


def _after_end(data: bytes, at: int, found: Extras) -> None:
    if len(rest := data[at:]) and rest.strip(b"\0"):
        found.others.append(f"{len(rest)} bytes after the end of the image")


def _text(raw: bytes, encoding: str = "utf-8") -> str:
    text = raw.decode(encoding, "replace")
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_MAX_TEXT]


_WALKS: Mapping[bytes, Callable[[bytes, Extras], None]] = {
    b"\xff\xd8": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"RIFF": _webp,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
}

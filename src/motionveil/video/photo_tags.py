"""Tags that a photo may keep: exposure and panorama data; location and device only on request."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from motionveil._core.errors import InputError

from .picture_contents import tiff_directory

TAGGED_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png"})
"""Image formats that tags are written into."""

_EXIF = 0x8769
_KEPT: Mapping[int, str] = {
    0x829A: "exposure time", 0x829D: "aperture", 0x8822: "exposure program", 0x8827: "sensitivity",
    0x9003: "date and time", 0x9204: "exposure bias", 0x9207: "metering", 0x9209: "flash", 0x920A: "focal length",
    0xA402: "exposure mode", 0xA403: "white balance", 0xA405: "focal length of 35 mm film",
}  # fmt: skip
"""EXIF 2.32 tags that reveal neither the location, nor the camera, nor a person."""
_PLACE: Mapping[int, str] = dict.fromkeys(range(7), "place")
"""GPS tags: version, latitude, longitude, altitude; without time, method and text."""
_DEVICE: Mapping[int, str] = {0x010F: "device", 0x0110: "device"}
_LENS: Mapping[int, str] = {0xA433: "lens", 0xA434: "lens"}
NAMED = ("place", "device")
"""Tag groups that are kept only on request."""

_GPS = 0x8825
_LONGEST = 64  # maximum bytes of one value
_SIGNS = {1: "B", 2: "c", 3: "H", 4: "I", 5: "I", 10: "i"}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}
Directory = dict[int, tuple[int, bytes]]
"""Type and bytes (little-endian) by tag number."""
_PANORAMA = re.compile(rb"GPano:([A-Za-z]{1,40})(?:=\"([^\"<>]{1,40})\"|>([^<>]{1,40})</)")
_PANORAMA_NAMESPACE = "http://ns.google.com/photos/1.0/panorama/"


@dataclass(frozen=True)
class PhotoTags:
    """Tags of a photo. exif: exposure data. panorama: GPano fields. device: make and model. place: GPS position."""

    exif: Directory = field(default_factory=dict)
    panorama: dict[str, str] = field(default_factory=dict)
    device: Directory = field(default_factory=dict)
    place: Directory = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Their names, in words."""
        words = [{**_KEPT, **_LENS}[tag] for tag in self.exif] + (["panorama projection"] if self.panorama else [])
        words += (["device"] if self.device else []) + (["place"] if self.place else [])
        return list(dict.fromkeys(words))


def read_photo_tags(path: Path, named: Collection[str] = ()) -> PhotoTags:
    """The tags of a photo that may be kept; none if it is damaged.

    Args:
        path: The photo.
        named: Groups of NAMED to include.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        file = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check its name and permissions") from error
    panorama = {
        name.decode(): value.decode("ascii", "ignore")
        for name, attribute, text in _PANORAMA.findall(file[: 1 << 20])
        if re.fullmatch(rb"[\w.+-]+", value := attribute or text)
    }
    return replace(_exif(file, named), panorama=panorama)


def with_tags(file: bytes, tags: PhotoTags) -> bytes:
    """Add these tags to a JPEG or PNG file that has none."""
    exif, xmp = _exif_block(tags), _xmp(tags)
    if file[:2] == b"\xff\xd8":
        bodies = ([b"Exif\0\0" + exif] if exif else []) + ([b"http://ns.adobe.com/xap/1.0/\0" + xmp] if xmp else [])
        segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in bodies)
        return file[:2] + segments + file[2:]
    chunks = _chunk(b"eXIf", exif) if exif else b""
    chunks += _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp) if xmp else b""
    return file[:33] + chunks + file[33:]  # after the header, which must come first


def _exif(file: bytes, named: Collection[str]) -> PhotoTags:
    for marker in (b"Exif\0\0", b"eXIf", b"EXIF"):
        at = file.find(marker)
        tiff = file[at + len(marker) :] if at >= 0 else b""
        start = max(tiff.find(b"II*\0", 0, 16), tiff.find(b"MM\0*", 0, 16))
        if start >= 0:
            try:
                return _kept_of(tiff[start:], named)
            except (struct.error, KeyError):
                continue
    return PhotoTags()


def _kept_of(tiff: bytes, named: Collection[str]) -> PhotoTags:
    order = "<" if tiff[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    image = dict(tiff_directory(tiff, first, order))

    def kept(directory: Mapping[int, tuple[int, bytes]], tags: Mapping[int, str]) -> Directory:
        return {tag: _turned(*directory[tag], order) for tag in directory if tag in tags and _fits(*directory[tag])}

    def below(tag: int, tags: Mapping[int, str]) -> Directory:
        if tag not in image:
            return {}
        (at,) = struct.unpack_from(order + "I", image[tag][1])
        return kept(dict(tiff_directory(tiff, at, order)), tags)

    has_device = "device" in named
    return PhotoTags(
        exif=below(_EXIF, {**_KEPT, **_LENS} if has_device else _KEPT),
        device=kept(image, _DEVICE) if has_device else {},
        place=below(_GPS, _PLACE) if "place" in named else {},
    )


def _fits(kind: int, raw: bytes) -> bool:
    return kind in _SIGNS and 0 < len(raw) <= _LONGEST


def _turned(kind: int, raw: bytes, order: str) -> tuple[int, bytes]:
    """The value in little-endian byte order."""
    count = len(raw) // struct.calcsize(_SIGNS[kind])
    numbers = struct.unpack_from(f"{order}{count}{_SIGNS[kind]}", raw)
    return kind, struct.pack(f"<{count}{_SIGNS[kind]}", *numbers)


def _exif_block(tags: PhotoTags) -> bytes:
    """A TIFF structure whose only directory points to those of EXIF and GPS."""
    below = {tag: found for tag, found in ((_EXIF, tags.exif), (_GPS, tags.place)) if found}
    if not below and not tags.device:
        return b""
    pointers: Directory = {tag: (4, bytes(4)) for tag in below}
    at = 8 + len(_directory({**tags.device, **pointers}, 8))
    parts = b""
    for tag, found in below.items():
        pointers[tag] = 4, struct.pack("<I", at + len(parts))
        parts += _directory(found, at + len(parts))
    return b"II*\0" + struct.pack("<I", 8) + _directory({**tags.device, **pointers}, 8) + parts


def _directory(entries: Directory, at: int) -> bytes:
    """A directory at this offset, followed by its values."""
    table, data, place = struct.pack("<H", len(entries)), b"", at + 2 + 12 * len(entries) + 4
    for tag, (kind, raw) in sorted(entries.items()):
        table += struct.pack("<HHI", tag, kind, len(raw) // _SIZES[kind])
        if len(raw) <= 4:
            table += raw.ljust(4, b"\0")
        else:
            table += struct.pack("<I", place + len(data))
            data += raw + b"\0" * (len(raw) % 2)
    return table + bytes(4) + data


def _xmp(tags: PhotoTags) -> bytes:
    if not tags.panorama:
        return b""
    fields = " ".join(f'GPano:{name}="{value}"' for name, value in sorted(tags.panorama.items()))
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:GPano="{_PANORAMA_NAMESPACE}" {fields}/></rdf:RDF></x:xmpmeta>'
    ).encode()


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))

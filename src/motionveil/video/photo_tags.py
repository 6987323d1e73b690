"""What a photo may keep of the tags of its source: how it was taken, how a panorama is shown; nothing else."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from motionveil.errors import InputError

from .picture_contents import tiff_directory

TAGGED_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png"})
"""Pictures that tags are written into."""

_EXIF = 0x8769
_KEPT: Mapping[int, str] = {
    0x829A: "exposure time", 0x829D: "aperture", 0x8822: "exposure program", 0x8827: "sensitivity",
    0x9003: "date and time", 0x9204: "exposure bias", 0x9207: "metering", 0x9209: "flash", 0x920A: "focal length",
    0xA402: "exposure mode", 0xA403: "white balance", 0xA405: "focal length of 35 mm film",
}  # fmt: skip
"""Tags of EXIF 2.32 that say neither where, nor with what camera, nor of whom."""
_LONGEST = 64  # bytes of one value
_PANORAMA = re.compile(rb"GPano:([A-Za-z]{1,40})(?:=\"([^\"<>]{1,40})\"|>([^<>]{1,40})</)")
_PANORAMA_NAMESPACE = "http://ns.google.com/photos/1.0/panorama/"


@dataclass(frozen=True)
class PhotoTags:
    """exif: values of type and bytes, little-endian, by the number of the tag. panorama: GPano's fields."""

    exif: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    panorama: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """What they are, in words."""
        return [_KEPT[tag] for tag in self.exif] + (["panorama projection"] if self.panorama else [])


def read_photo_tags(path: Path) -> PhotoTags:
    """The tags of a photo that may be kept; none where it is damaged. Raises InputError where it cannot be read."""
    try:
        file = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check the name and its permissions") from error
    panorama = {
        name.decode(): value.decode("ascii", "ignore")
        for name, attribute, text in _PANORAMA.findall(file[: 1 << 20])
        if re.fullmatch(rb"[\w.+-]+", value := attribute or text)
    }
    return PhotoTags(_exif(file), panorama)


def with_tags(file: bytes, tags: PhotoTags) -> bytes:
    """A JPEG or PNG file with these tags, and no others than it had."""
    exif, xmp = _exif_block(tags), _xmp(tags)
    if file[:2] == b"\xff\xd8":
        bodies = ([b"Exif\0\0" + exif] if exif else []) + ([b"http://ns.adobe.com/xap/1.0/\0" + xmp] if xmp else [])
        segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in bodies)
        return file[:2] + segments + file[2:]
    chunks = _chunk(b"eXIf", exif) if exif else b""
    chunks += _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp) if xmp else b""
    return file[:33] + chunks + file[33:]  # behind the header, which comes first


def _exif(file: bytes) -> dict[int, tuple[int, bytes]]:
    for marker in (b"Exif\0\0", b"eXIf", b"EXIF"):
        at = file.find(marker)
        tiff = file[at + len(marker) :] if at >= 0 else b""
        start = max(tiff.find(b"II*\0", 0, 16), tiff.find(b"MM\0*", 0, 16))
        if start >= 0:
            try:
                return _kept_of(tiff[start:])
            except (struct.error, KeyError):
                continue
    return {}


def _kept_of(tiff: bytes) -> dict[int, tuple[int, bytes]]:
    order = "<" if tiff[:2] == b"II" else ">"
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    (at,) = struct.unpack_from(order + "I", dict(tiff_directory(tiff, first, order))[_EXIF][1])
    found = {}
    for tag, (kind, raw) in tiff_directory(tiff, at, order):
        sign = {2: "c", 3: "H", 4: "I", 5: "I", 10: "i"}.get(kind)
        if tag not in _KEPT or sign is None or not 0 < len(raw) <= _LONGEST:
            continue
        count = len(raw) // struct.calcsize(sign)
        found[tag] = (kind, struct.pack(f"<{count}{sign}", *struct.unpack_from(f"{order}{count}{sign}", raw)))
    return found


def _exif_block(tags: PhotoTags) -> bytes:
    """A TIFF file that holds one directory, which leads to that of EXIF."""
    if not tags.exif:
        return b""
    sizes = {2: 1, 3: 2, 4: 4, 5: 8, 10: 8}
    start = 8 + 2 + 12 + 4
    table, data, at = struct.pack("<H", len(tags.exif)), b"", start + 2 + 12 * len(tags.exif) + 4
    for tag, (kind, raw) in sorted(tags.exif.items()):
        count = len(raw) // sizes[kind]
        table += struct.pack("<HHI", tag, kind, count)
        if len(raw) <= 4:
            table += raw.ljust(4, b"\0")
        else:
            table += struct.pack("<I", at + len(data))
            data += raw + b"\0" * (len(raw) % 2)
    head = b"II*\0" + struct.pack("<IHHHIII", 8, 1, _EXIF, 4, 1, start, 0)
    return head + table + b"\0" * 4 + data


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

"""What a file holds besides its pictures, against files made with every such thing."""

from __future__ import annotations

import json
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

import motionveil
from motionveil._core.errors import InputError
from motionveil._core.types import UInt8Array
from motionveil.audit.container import ContainerFindings, examine
from motionveil.outputs.run_manifest import plain
from motionveil.video import Contents, Tag

from ..conftest import textured
from ..video.films import make_film, numbered


def revealed(findings: ContainerFindings) -> set[str]:
    return {finding.kind for finding in findings.findings if finding.level == "reveals"}


def exif(thumbnail: bytes, order: str = "<") -> bytes:
    """An EXIF block by hand: the maker, a position (48.5 N, 11.25 W), a moment, a thumbnail; TIFF 6.0, EXIF 2.32."""

    def directory(at: int, entries: list[tuple[int, int, bytes]], following: int = 0) -> bytes:
        """Entries (tag, type, value); what is longer than four bytes lies behind the directory."""
        behind = at + 2 + 12 * len(entries) + 4
        head, tail = struct.pack(order + "H", len(entries)), b""
        for tag, kind, value in entries:
            size = {2: 1, 4: 4, 5: 8}[kind]
            head += struct.pack(order + "HHI", tag, kind, len(value) // size)
            if len(value) <= 4:
                head += value.ljust(4, b"\0")
            else:
                head += struct.pack(order + "I", behind + len(tail))
                tail += value
        return head + struct.pack(order + "I", following) + tail

    def long(value: int) -> bytes:
        return struct.pack(order + "I", value)

    def angle(degrees: int, minutes: int) -> bytes:
        return struct.pack(order + "6I", degrees, 1, minutes, 1, 0, 1)

    start = (b"II*\0" if order == "<" else b"MM\0*") + long(8)
    gps, details, second, picture = 200, 400, 500, 600
    blocks = {
        8: directory(
            8, [(0x10F, 2, b"Camera Works\0"), (0x8769, 4, long(details)), (0x8825, 4, long(gps))], following=second
        ),
        gps: directory(gps, [(1, 2, b"N\0"), (2, 5, angle(48, 30)), (3, 2, b"W\0"), (4, 5, angle(11, 15))]),
        details: directory(details, [(0x9003, 2, b"2024:05:01 10:00:00\0")]),
        second: directory(second, [(0x201, 4, long(picture)), (0x202, 4, long(len(thumbnail)))]),
        picture: thumbnail,
    }
    data = start
    for at, block in blocks.items():
        assert len(data) <= at
        data = data.ljust(at, b"\0") + block
    return data


def encoded(picture: UInt8Array, suffix: str) -> bytes:
    return bytes(cv2.imencode(suffix, picture)[1])


@pytest.fixture
def picture(rng: np.random.Generator) -> UInt8Array:
    return textured(60, 80, rng)


def test_a_film_with_everything(tmp_path: Path) -> None:
    path = make_film(
        tmp_path / "film.mp4",
        numbered(8),
        sound=True,
        metadata={"location": "+48.1000+011.5000/", "creation_time": "2024-05-01T10:00:00Z", "title": "Ann"},
    )
    found = examine(path)
    assert revealed(found) == {"sound", "gps", "date", "text"}
    assert [stream.kind for stream in found.streams] == ["video", "audio"]
    assert found.gps[0].value.startswith("+48.1000+011.5000")
    assert all("2024-05-01" in tag.value for tag in found.dates)
    assert found.reveals
    json.dumps(plain(found))


def test_what_was_removed_tells_nothing(tmp_path: Path) -> None:
    metadata = {"location": "+48.1342+011.5771/", "creation_time": "2024-05-01T10:00:00Z", "comment": "Ann"}
    original = make_film(tmp_path / "in.mp4", numbered(4), metadata=metadata)
    output = make_film(tmp_path / "out.mp4", numbered(4))
    assert set(examine(output, original).removed) == {"the recording location", "a date", "a title or text"}
    dated = make_film(tmp_path / "dated.mp4", numbered(4), metadata={"creation_time": "2026-01-01T00:00:00Z"})
    assert set(examine(dated, original).removed) == {"the recording location", "a title or text"}


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("encoder", "GoPro AVC encoder", "device"), ("encoder", "DJI.AVC", "device"),
        ("encoder", "x264 by Ann", "device"),
        ("encoder", "Anna's iPhone 12", "device"), ("encoder-eng", "Pixel 7", "device"),
        ("xmp:CreatorTool", "Picasa", "device"), ("encoding_tool", "Lavf60.16.100", "harmless"),
        ("encoder", "Lavc60.31.102 libx264", "harmless"), ("ENCODER", "x264 - core 164 r3095 baee400", "harmless"),
        ("encoder", "libvpx-vp9", "harmless"), ("encoder", "SVT-AV1 Encoder Lib v2.1.0", "harmless"),
        ("encoder", "SVT-AV1 v2.1.0", "harmless"), ("title", "x264 and Ann", "text"),
        ("major_brand", "isom", "harmless"), ("major_brand", "XAVC", "device"), ("major_brand", "qt  ", "harmless"),
        ("compatible_brands", "isomiso2avc1mp41", "harmless"), ("compatible_brands", "isomniko", "device"),
        ("vendor_id", "[0][0][0][0]", "harmless"), ("vendor_id", "GoPr", "device"),
        ("com.apple.quicktime.model", "iPhone 12", "device"), ("com.apple.quicktime.make", "Apple", "device"),
        ("com.apple.quicktime.software", "17.1", "device"), ("com.apple.quicktime.author", "Ann", "text"),
        ("com.apple.quicktime.creationdate", "2024-05-01", "date"), ("creation_time", "2024-05-01", "date"),
        ("com.apple.quicktime.location.ISO6709", "+48.1+011.5/", "gps"),
        ("com.apple.quicktime.location.name", "Munich", "gps"),
    ],
)  # fmt: skip
def test_what_tags_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, kind: str) -> None:
    contents = Contents("mov", tags=(Tag("file", name, value),))
    monkeypatch.setattr("motionveil.audit.container.read_contents", lambda path: contents)
    (found,) = examine(tmp_path / "film.mov").findings
    assert (found.level, found.kind) == (("harmless", "tag") if kind == "harmless" else ("reveals", kind))


def test_cover_chapters_attachment(tmp_path: Path, picture: UInt8Array) -> None:
    path = tmp_path / "film.mkv"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 80, 60, "yuv420p"
        container.add_attachment("cover.jpg", "image/jpeg", encoded(picture, ".jpg"))
        container.add_attachment("notes.txt", "text/plain", b"who is who")
        container.set_chapters(
            [
                {
                    "id": 1,
                    "start": 0,
                    "end": 100,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": "Ann comes in"},
                },
                {"id": 2, "start": 100, "end": 200, "time_base": Fraction(1, 1000), "metadata": {}},
            ]
        )
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    found = examine(path)
    assert {"thumbnail", "attachment", "chapters"} <= revealed(found)
    assert (80, 60) in found.thumbnails
    assert "Ann comes in" in found.chapters
    assert len(found.chapters) == 2
    assert [stream.kind for stream in found.attachments] == ["attachment"]


def test_blocks_that_players_pass_over(tmp_path: Path) -> None:
    path = make_film(tmp_path / "film.mp4", numbered(4))
    assert not revealed(examine(path))
    data = path.read_bytes()
    path.write_bytes(data + struct.pack(">I4s", 24, b"uuid") + b"position and name"[:16])
    assert any("'uuid' of 24 bytes" in finding.text for finding in examine(path).findings)
    path.write_bytes(data + struct.pack(">I4s", 12, b"free") + b"left")
    assert any("free space" in finding.text for finding in examine(path).findings)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_exif(tmp_path: Path, picture: UInt8Array, suffix: str, order: str) -> None:
    block = exif(encoded(picture[:30, :40], ".jpg"), order)
    data = encoded(picture, suffix)
    assert not revealed(examine(written(tmp_path / f"plain{suffix}", data)))
    if suffix == ".jpg":
        data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block + data[2:]
    elif suffix == ".png":
        data = data[:33] + struct.pack(">I", len(block)) + b"eXIf" + block + b"\0\0\0\0" + data[33:]
    elif suffix == ".webp":
        data += b"EXIF" + struct.pack("<I", len(block)) + block + b"\0" * (len(block) % 2)
        data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    else:
        data = block  # EXIF is a TIFF file by itself
    found = examine(written(tmp_path / f"photo{suffix}", data))
    assert revealed(found) == {"gps", "date", "device", "thumbnail"}
    assert [tag.value for tag in found.gps] == ["48.50000, -11.25000"]
    assert [tag.value for tag in found.dates] == ["2024:05:01 10:00:00"]
    assert [tag.value for tag in found.devices] == ["Camera Works"]
    assert found.thumbnails == ((40, 30),)


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_what_follows_a_picture(tmp_path: Path, picture: UInt8Array, suffix: str) -> None:
    path = written(tmp_path / f"photo{suffix}", encoded(picture, suffix) + b"a film of the same moment")
    assert any("25 bytes after the end" in finding.text for finding in examine(path).findings)


def test_text_and_time_in_a_png(tmp_path: Path, picture: UInt8Array) -> None:
    data = encoded(picture, ".png")
    text = b"Author\0Ann"
    chunks = struct.pack(">I", len(text)) + b"tEXt" + text + b"\0" * 4
    chunks += struct.pack(">I", 7) + b"tIME" + struct.pack(">H5B", 2024, 5, 1, 10, 0, 0) + b"\0" * 4
    found = examine(written(tmp_path / "photo.png", data[:33] + chunks + data[33:]))
    assert [(tag.name, tag.value) for tag in found.tags] == [("Author", "Ann"), ("time", "2024-05-01 10:00:00")]
    assert revealed(found) == {"text", "date"}


@pytest.mark.parametrize("cut", [1, 40, 200])
def test_damaged_pictures_are_no_accident(tmp_path: Path, picture: UInt8Array, cut: int) -> None:
    block = exif(encoded(picture, ".jpg"))
    data = encoded(picture, ".jpg")
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block + data[2:]
    examine(written(tmp_path / "photo.jpg", data[:cut]))
    examine(written(tmp_path / "photo.tif", block[: 8 + cut]))


def test_a_folder_of_pictures(tmp_path: Path, picture: UInt8Array) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    data = encoded(picture, ".jpg")
    for index in range(5):
        comment = b"\xff\xfe" + struct.pack(">H", 2 + 6) + f"take {index}".encode()
        written(folder / f"{index}.jpg", data[:2] + (comment if index % 2 else b"") + data[2:])
    found = examine(folder)
    assert found.files == 5
    assert [f.text for f in found.findings] == [
        "the file contains a text: comment (file) is 'take 1' (in 2 of 5 images)"
    ]
    assert examine(folder / "%d.jpg").findings == found.findings
    written(folder / "Thumbs.db", b"small copies")
    assert any("Thumbs.db" in finding.text for finding in examine(folder).findings)


@pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.webm", "out.mov", "out.avi", "out.gif", "frames/%06d.png"])
def test_our_own_output_reveals_nothing(tmp_path: Path, name: str) -> None:
    source = make_film(tmp_path / "Ann.mp4", numbered(4, 64, 64), sound=True, metadata={"title": "Ann"})
    target = tmp_path / name
    motionveil.obfuscate_video(source, target, preview=True, record=True)
    found = examine(target, source)
    assert not revealed(found)
    assert {"sound", "a title or text"} <= {*found.removed}
    assert "Ann" not in "".join(found.removed)
    assert sum("shows the original" in sentence for sentence in found.beside) == 2
    assert sum("names the original file" in sentence for sentence in found.beside) == 1


def test_kept_sound_and_tags_are_seen(tmp_path: Path) -> None:
    source = make_film(tmp_path / "in.mp4", numbered(4, 64, 64), sound=True, metadata={"title": "Ann"})
    encoding = motionveil.Encoding(audio="keep", metadata="keep")
    motionveil.obfuscate_video(source, tmp_path / "out.mp4", encoding=encoding)
    found = examine(tmp_path / "out.mp4", source)
    assert revealed(found) == {"sound", "text"}
    assert not found.removed


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        examine(tmp_path / "missing.mp4")
    with pytest.raises(InputError):
        examine(tmp_path / "missing.png")
    with pytest.raises(InputError, match="no image"):
        examine(tmp_path)

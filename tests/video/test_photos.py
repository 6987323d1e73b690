"""Photographs as phones and programs make them: tiles, turned, transparent, moving, with colour profiles."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionveil._core.errors import InputError, OptionError, TruncatedError
from motionveil._core.types import UInt8Array
from motionveil.outputs.output_paths import output_for
from motionveil.video import Encoding, VideoWriter, animation, open_source, probe, read_contents, read_picture
from motionveil.video.gamut import to_xyz
from motionveil.video.heif import _assembled, _Items, _upright
from motionveil.video.heif_writer import encode_heif
from motionveil.video.photo_tags import read_photo_tags
from motionveil.video.picture_writer import with_alpha
from motionveil.video.profile import UnknownProfileError, profile_of, to_srgb

from .films import picture

P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BT709 = ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
D65_TO_D50 = np.array(  # Bradford
    [[1.0479298, 0.0229468, -0.0501922], [0.0296278, 0.9904345, -0.0170738], [-0.0092430, 0.0150552, 0.7518743]]
)
SRGB_CURVE = struct.pack(
    ">4s4xH2x5i", b"para", 3, *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
)


def icc(primaries: tuple[tuple[float, float], ...], curve: bytes = SRGB_CURVE, space: bytes = b"RGB ") -> bytes:
    """A profile of three primaries and one curve."""
    columns = (D65_TO_D50 @ to_xyz(primaries)).T
    entries = [
        (name, struct.pack(">4s4x3i", b"XYZ ", *(round(v * 65536) for v in column)))
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)
    ] + [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    at = 132 + 12 * len(entries)
    table, data = struct.pack(">I", len(entries)), b""
    for name, body in entries:
        table += struct.pack(">4sII", name, at + len(data), len(body))
        data += body + b"\0" * (-len(body) % 4)
    head = bytearray(128)
    head[16:24] = space + b"XYZ "
    return bytes(head) + table + data


def png_with(pixels: UInt8Array, profile: bytes) -> bytes:
    """A PNG of (H, W, 3) RGB with a profile."""
    file = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    body = b"profile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I4s", len(body), b"iCCP") + body + struct.pack(">I", zlib.crc32(b"iCCP" + body))
    return file[:33] + chunk + file[33:]


def tiff_with(pixels: UInt8Array, profile: bytes) -> bytes:
    """An uncompressed TIFF of (H, W, 3) RGB with a profile."""
    height, width = pixels.shape[:2]
    start = 8 + 2 + 12 * 11 + 4
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, start), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, start + 6 + len(profile)), (277, 3, 1, 3), (278, 4, 1, height), (279, 4, 1, pixels.size),
        (284, 3, 1, 1), (0x8773, 7, len(profile), start + 6),
    ]  # fmt: skip
    table = b"".join(
        struct.pack("<HHI", tag, kind, count) + struct.pack("<H2x" if (kind, count) == (3, 1) else "<I", value)
        for tag, kind, count, value in entries
    )
    return (
        b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + struct.pack("<3H", 8, 8, 8)
        + profile + pixels.tobytes()
    )  # fmt: skip


def jpeg_with(pixels: UInt8Array, profile: bytes) -> bytes:
    """A JPEG of (H, W, 3) RGB with a profile in two parts."""
    file = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    parts = b""
    for number, part in enumerate((profile[:100], profile[100:]), 1):
        body = b"ICC_PROFILE\0" + bytes((number, 2)) + part
        parts += b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body
    return file[:2] + parts + file[2:]


def in_p3(rgb: UInt8Array) -> UInt8Array:
    """sRGB colours as Display P3 writes them."""
    level = rgb / 255
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    light = np.clip(light @ (np.linalg.inv(to_xyz(P3)) @ to_xyz(BT709)).T, 0, 1)
    return np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)).astype(
        np.uint8
    )


@pytest.mark.parametrize("kind", [".png", ".jpg", ".tif"])
def test_colour_profiles_are_followed(tmp_path: Path, kind: str) -> None:
    file = {".png": png_with, ".jpg": jpeg_with, ".tif": tiff_with}[kind](in_p3(picture()), icc(P3))
    assert profile_of(file) == icc(P3)
    path = tmp_path / f"a{kind}"
    path.write_bytes(file)
    back = read_picture(path)
    for y, x in ((4, 4), (4, 44), (28, 4), (28, 44)):
        np.testing.assert_allclose(back[y, x].astype(int), picture()[y, x], atol=8 if kind == ".jpg" else 3)


def test_an_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    assert to_srgb(icc(BT709)) is None
    path = tmp_path / "a.png"
    path.write_bytes(png_with(picture(), icc(BT709)))
    np.testing.assert_array_equal(read_picture(path), picture())


@pytest.mark.parametrize(
    "curve",
    [
        struct.pack(">4s4xI", b"curv", 0),
        struct.pack(">4s4xIH", b"curv", 1, round(2.2 * 256)),
        struct.pack(">4s4xI256H", b"curv", 256, *(round((i / 255) ** 2.2 * 65535) for i in range(256))),
        struct.pack(">4s4xH2xi", b"para", 0, round(2.2 * 65536)),
    ],
)
def test_curves_of_profiles(curve: bytes) -> None:
    convert = to_srgb(icc(BT709, curve))
    gamma = 1.0 if len(curve) == 12 else 2.2
    light = (128 / 255) ** gamma
    expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    grey = np.full((1, 1, 3), 128, np.uint8)
    result = grey if convert is None else convert(grey)
    np.testing.assert_allclose(result[0, 0], expected, atol=2)


@pytest.mark.parametrize(
    "profile", [b"", b"x" * 200, icc(P3, space=b"CMYK"), icc(P3)[:150], icc(P3, b"mft2" + bytes(20))]
)
def test_a_profile_that_cannot_be_followed(tmp_path: Path, profile: bytes) -> None:
    with pytest.raises(UnknownProfileError):
        to_srgb(profile)
    if profile:
        path = tmp_path / "a.png"
        path.write_bytes(png_with(picture(), profile))
        with open_source(path) as source:
            [notice] = source.notices
        assert "colour profile" in notice


def rgba() -> UInt8Array:
    """Half transparent on the left, opaque on the right, nothing at the top."""
    alpha = np.full((32, 48, 1), 255, np.uint8)
    alpha[:, :24] = 128
    alpha[:8] = 0
    return np.concatenate([picture(), alpha], axis=2)


def through(source: Path, target: Path) -> list[str]:
    with open_source(source) as opened, VideoWriter(target, opened.info, audio_from=source) as writer:
        for clip in opened:
            writer.write(clip)
        return [*opened.notices, *writer.notices]


@pytest.mark.parametrize("kind", [".png", ".webp", ".tif"])
def test_transparency_is_kept(tmp_path: Path, kind: str) -> None:
    source, target = tmp_path / "a.png", tmp_path / f"b{kind}"
    source.write_bytes(cv2.imencode(".png", rgba()[..., [2, 1, 0, 3]])[1].tobytes())
    assert not through(source, target)
    back = cv2.imread(str(target), cv2.IMREAD_UNCHANGED)
    assert back is not None
    np.testing.assert_allclose(back[..., 3].astype(int), rgba()[..., 3], atol=3)
    np.testing.assert_allclose(back[12, 4, 2::-1].astype(int), picture()[12, 4], atol=8)
    assert not back[:8, :, :3].any() or kind == ".webp"  # what nobody saw is not there to be found


@pytest.mark.parametrize("target", ["b.jpg", "b.bmp"])
def test_lost_transparency_is_told(tmp_path: Path, target: str) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(cv2.imencode(".png", rgba()[..., [2, 1, 0, 3]])[1].tobytes())
    [notice] = through(source, tmp_path / target)
    assert "transparent" in notice


def test_straight_alpha_of_what_was_over_black() -> None:
    over = np.array([[[100, 50, 0], [10, 20, 30], [0, 0, 0]]], np.uint8)
    alpha = np.array([[128, 255, 0]], np.uint8)
    expected = [[[199, 100, 0, 128], [10, 20, 30, 255], [0, 0, 0, 0]]]
    np.testing.assert_array_equal(with_alpha(over, alpha), expected)


@pytest.mark.parametrize("kind", [".webp", ".png"])
def test_a_moving_picture_is_a_film(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a{kind}"
    moving = cv2.Animation()
    moving.frames = [np.full((32, 48, 3), level, np.uint8) for level in (40, 120, 200)]
    moving.durations = np.array([100, 300, 200], np.int32)  # type: ignore[assignment]
    assert cv2.imwriteanimation(str(path), moving)
    with open_source(path) as source:
        assert not source.info.is_image
        assert source.info.duration == Fraction(6, 10)
        clips = list(source)
        assert sum(len(clip) for clip in source) == 3  # and can be read again
    frames = np.concatenate([clip.frames for clip in clips])
    np.testing.assert_allclose(frames.mean((1, 2, 3)), [40, 120, 200], atol=3)
    assert [time for clip in clips for time in clip.pts] == [0, Fraction(1, 10), Fraction(4, 10)]
    assert output_for(path, None, many=False).suffix == ".mp4"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match="animation that is damaged"):
        open_source(path)


@pytest.mark.parametrize("most", [1 << 28, 10_000, 1])
def test_a_long_animation_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    path = tmp_path / "a.webp"
    moving = cv2.Animation()
    moving.frames = [np.full((32, 48, 3), 30 * index, np.uint8) for index in range(7)]
    moving.durations = np.arange(10, 80, 10, dtype=np.int32)  # type: ignore[assignment]
    assert cv2.imwriteanimation(str(path), moving)
    monkeypatch.setattr(animation, "_MOST_BYTES", most)
    with open_source(path) as source:
        for _ in range(2):
            clips = list(source)
            frames = np.concatenate([clip.frames for clip in clips])
            np.testing.assert_allclose(frames.mean((1, 2, 3)), 30 * np.arange(7), atol=3)
            expected = [Fraction(t, 1000) for t in (0, 10, 30, 60, 100, 150, 210)]
            assert [time for clip in clips for time in clip.pts] == expected
        assert not source.notices


def test_an_animation_is_read_up_to_its_damage(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], rng: np.random.Generator
) -> None:
    path = tmp_path / "a.png"
    moving = cv2.Animation()
    moving.frames = [rng.integers(0, 255, (32, 48, 3), np.uint8) for _ in range(6)]
    moving.durations = np.full(6, 100, np.int32)  # type: ignore[assignment]
    assert cv2.imwriteanimation(str(path), moving)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with open_source(path) as source:
        assert 0 < sum(len(clip) for clip in source) < 6
        assert source.notices == [f"{path} is damaged: using the part that could be read"]
    with pytest.raises(TruncatedError, match="is damaged"):
        open_source(path, strict=True)
    assert capfd.readouterr().err == ""


@pytest.mark.data
@pytest.mark.parametrize("name", ["04_iphone_grid.heic", "04b_single.heic", "04c.avif"])
def test_a_photo_of_a_phone_is_whole(tmp_path: Path, cases_dir: Path, name: str) -> None:
    path = cases_dir / name
    info = probe(path)
    assert info.is_image
    assert (info.width, info.height) == (1280, 720)
    expected = read_picture(cases_dir / "15_displayp3.jpg").astype(int)  # the same picture
    found = read_picture(path).astype(int)
    assert np.abs(found - expected).mean() < 4
    assert output_for(path, None, many=False).suffix == ".jpg"
    damaged = tmp_path / name
    for length in (40, 300, len(path.read_bytes()) // 2):
        damaged.write_bytes(path.read_bytes()[:length])
        with pytest.raises(InputError):
            read_picture(damaged)


@pytest.mark.parametrize("size", [(96, 128), (97, 131)])
@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_photos_are_written_as_phones_do(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    pixels = cv2.GaussianBlur(picture(*size), (9, 9), 0).astype(np.uint8)
    file = encode_heif(pixels, suffix, 95)
    path = tmp_path / f"a{suffix}"
    path.write_bytes(file)
    assert probe(path).is_image
    found = read_picture(path)
    assert found.shape == pixels.shape
    assert np.abs(found.astype(int) - pixels).mean() < 2
    assert len(encode_heif(pixels, suffix, 20)) < len(file)
    if suffix == ".avif" and cv2.haveImageReader(str(path)):  # by another library
        read = cv2.imread(str(path))
        assert read is not None
        other = read[..., ::-1]
        assert np.abs(other[: size[0], : size[1]].astype(int) - pixels).mean() < 3


def test_a_photo_of_a_phone_becomes_one(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(cv2.imencode(".png", picture(64, 96))[1].tobytes())
    for suffix in (".heic", ".avif"):
        target = tmp_path / f"b{suffix}"
        with open_source(source) as opened, VideoWriter(target, opened.info, audio_from=source) as writer:
            for clip in opened:
                writer.write(clip)
        assert np.abs(read_picture(target).astype(int) - read_picture(source)).mean() < 6
    with pytest.raises(OptionError, match=r"use \.avif or \.png"):
        encode_heif(picture(32, 96), ".heic", 95)


def test_absurd_sizes_are_refused_before_decoding(tmp_path: Path) -> None:
    file = encode_heif(picture(64, 96), ".heic", 50)
    claimed = struct.pack(">II", 96, 64)
    path = tmp_path / "a.heic"
    path.write_bytes(file.replace(claimed, struct.pack(">II", 1 << 20, 1 << 20)))
    with pytest.raises(InputError, match="megapixels"):
        read_picture(path)


def test_tiles_are_laid_in_rows() -> None:
    tiles = [np.full((4, 4, 3), number, np.uint8) for number in range(6)]
    whole = _assembled(tiles, (2, 3, 10, 7))
    assert whole.shape == (7, 10, 3)
    np.testing.assert_array_equal(whole[[0, 0, 0, 5, 5, 5], [0, 5, 9, 0, 5, 9], 0], range(6))


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ([(b"irot", b"\1")], np.rot90(picture(), 1)),
        ([(b"irot", b"\2")], np.rot90(picture(), 2)),
        ([(b"irot", b"\3")], np.rot90(picture(), 3)),
        ([(b"imir", b"\1")], picture()[:, ::-1]),
        ([(b"imir", b"\0")], picture()[::-1]),
        ([(b"irot", b"\1"), (b"imir", b"\1")], np.rot90(picture(), 1)[:, ::-1]),
    ],
)
def test_heif_pictures_are_turned(properties: list[tuple[bytes, bytes]], expected: UInt8Array) -> None:
    items = _Items(primary=1, properties={1: properties})
    np.testing.assert_array_equal(_upright(picture(), items), expected)


def exif(order: str) -> bytes:
    """Make, exposure, place and a date, as a camera writes them."""
    text, date = b"Camera 12345\0\0", b"2024:01:01 10:00:00\0"
    sign = "<" if order == "II" else ">"

    def directory(at: int, entries: list[tuple[int, int, int, bytes]]) -> bytes:
        table, data = struct.pack(sign + "H", len(entries)), b""
        end = at + 2 + 12 * len(entries) + 4
        for tag, kind, count, raw in entries:
            table += struct.pack(sign + "HHI", tag, kind, count)
            table += raw.ljust(4, b"\0") if len(raw) <= 4 else struct.pack(sign + "I", end + len(data))
            data += raw if len(raw) > 4 else b""
        return table + b"\0" * 4 + data

    number = struct.Struct(sign + "I").pack
    exposure = [
        (0x829A, 5, 1, struct.pack(sign + "II", 1, 250)),
        (0x8827, 3, 1, struct.pack(sign + "H", 400)),
        (0x9003, 2, len(date), date),
        (0xA431, 2, len(text), text),
    ]
    gps = [
        (2, 5, 3, struct.pack(sign + "6I", 52, 1, 30, 1, 0, 1)),
        (4, 5, 3, struct.pack(sign + "6I", 13, 1, 24, 1, 0, 1)),
    ]
    lead = [(0x010F, 2, len(text), text), (0x8769, 4, 1, number(400)), (0x8825, 4, 1, number(800))]
    head = order.encode() + struct.pack(sign + "HI", 42, 8)
    first = (head + directory(8, lead)).ljust(400, b"\0")
    return (first + directory(400, exposure)).ljust(800, b"\0") + directory(800, gps)


XMP = (
    b'<x GPano:ProjectionType="equirectangular" dc:creator="Anna">'
    b"<GPano:FullPanoWidthPixels>9000</GPano:FullPanoWidthPixels>"
)


@pytest.mark.parametrize("kind", [".jpg", ".png"])
@pytest.mark.parametrize("order", ["II", "MM"])
def test_a_photo_keeps_how_it_was_taken_and_not_where(tmp_path: Path, order: str, kind: str) -> None:
    file = cv2.imencode(".jpg", picture())[1].tobytes()
    bodies = [b"Exif\0\0" + exif(order), b"http://ns.adobe.com/xap/1.0/\0" + XMP]
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body for body in bodies)
    source, target = tmp_path / "a.jpg", tmp_path / f"b{kind}"
    source.write_bytes(file[:2] + segments + file[2:])
    assert {"Make", "BodySerialNumber", "position"} <= {tag.name for tag in read_contents(source).tags}
    keep = Encoding(metadata="keep")
    with open_source(source) as opened, VideoWriter(target, opened.info, encoding=keep, audio_from=source) as writer:
        for clip in opened:
            writer.write(clip)
        [notice] = writer.notices
    assert "exposure time, sensitivity, date and time, panorama projection" in notice
    made = target.read_bytes()
    assert all(word not in made for word in (b"Camera", b"12345", b"Anna"))
    found = {tag.name: tag.value for tag in read_contents(target).tags}
    assert found["DateTimeOriginal"] == "2024:01:01 10:00:00"
    assert "position" not in found
    assert b'GPano:ProjectionType="equirectangular"' in made
    assert b'GPano:FullPanoWidthPixels="9000"' in made
    assert read_photo_tags(target) == read_photo_tags(source)
    assert read_photo_tags(source).exif[0x829A] == (5, struct.pack("<II", 1, 250))
    assert cv2.imread(str(target)) is not None


@pytest.mark.parametrize("kind", [".jpg", ".png"])
@pytest.mark.parametrize("order", ["II", "MM"])
def test_place_and_device_are_kept_where_named(tmp_path: Path, order: str, kind: str) -> None:
    file = cv2.imencode(".jpg", picture())[1].tobytes()
    body = b"Exif\0\0" + exif(order)
    source = tmp_path / "a.jpg"
    source.write_bytes(file[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + file[2:])
    expected = {tag.name: tag.value for tag in read_contents(source).tags}
    for named in (("place",), ("device",), ("place", "device")):
        target = tmp_path / f"{'-'.join(named)}{kind}"
        encoding = Encoding(metadata=",".join(("keep", *named)))
        with (
            open_source(source) as opened,
            VideoWriter(target, opened.info, encoding=encoding, audio_from=source) as writer,
        ):
            for clip in opened:
                writer.write(clip)
            [notice] = writer.notices
        found = {tag.name: tag.value for tag in read_contents(target).tags}
        assert found.get("position") == (expected["position"] if "place" in named else None)
        assert found.get("Make") == (expected["Make"] if "device" in named else None)
        assert "BodySerialNumber" not in found
        assert all((name in notice.partition(";")[0]) == (name in named) for name in ("place", "device"))
        assert all((name in notice.partition(";")[2]) != (name in named) for name in ("place", "device"))


@pytest.mark.parametrize("text", ["yes", "drop,place", "keep,names", "place", "keep,", ""])
def test_tags_that_cannot_be_named(text: str) -> None:
    with pytest.raises(OptionError, match="choose drop, keep, or keep,place,device"):
        Encoding(metadata=text)


@pytest.mark.parametrize("target", ["b.webp", "b"])
def test_tags_go_from_photo_to_photo_only(tmp_path: Path, target: str) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(cv2.imencode(".png", picture())[1].tobytes())
    with open_source(source) as opened, pytest.raises(OptionError, match="omit `metadata`"):
        VideoWriter(tmp_path / target, opened.info, encoding=Encoding(metadata="keep"), audio_from=source)

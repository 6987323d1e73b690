"""Colours of constant frames against the formulas of the ITU, computed here."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from motionveil._core.types import Float32Array, UInt8Array
from motionveil.video import open_source
from motionveil.video.colour import over_black
from motionveil.video.tonemap import HLG, PQ, ToneMap, hlg_to_scene, pq_to_nits

from .films import make_film, to_yuv, yuv_frame

COLOURS = [(255, 255, 255), (0, 0, 0), (200, 40, 30), (20, 160, 60), (30, 50, 220), (128, 128, 128)]


def colours_of(film: Path) -> UInt8Array:
    with open_source(film) as source:
        frames = np.concatenate([clip.frames for clip in source])
    assert all((frame == frame[0, 0]).all() for frame in frames)
    return frames[:, 0, 0]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le", "yuv422p12le"])
def test_matrix_range_and_depth(tmp_path: Path, matrix: int, full: bool, pixel_format: str) -> None:
    bits = 10 if "10" in pixel_format else 12 if "12" in pixel_format else 8
    frames = [yuv_frame(to_yuv(c, matrix, full=full, bits=bits), (16, 16), pixel_format) for c in COLOURS]
    tags = {"colorspace": matrix, "color_range": 2 if full else 1}
    for frame in frames:
        frame.colorspace, frame.color_range = tags["colorspace"], tags["color_range"]
    film = make_film(tmp_path / "a.mkv", frames, codec="ffv1", pixel_format=pixel_format, tags=tags)
    np.testing.assert_allclose(colours_of(film).astype(int), COLOURS, atol=2)


@pytest.mark.parametrize(("height", "matrix"), [(576, 5), (718, 5), (720, 1), (1080, 1)])
def test_matrix_of_an_untagged_video_goes_by_its_height(tmp_path: Path, height: int, matrix: int) -> None:
    frames = [yuv_frame(to_yuv(c, matrix), (16, height)) for c in COLOURS]
    film = make_film(tmp_path / "a.mkv", frames, codec="ffv1")
    np.testing.assert_allclose(colours_of(film).astype(int), COLOURS, atol=2)


def test_h264_full_range(tmp_path: Path) -> None:
    frames = [yuv_frame(to_yuv(c, 5, full=True), (32, 32), "yuvj420p") for c in COLOURS]
    film = make_film(tmp_path / "a.mp4", frames, pixel_format="yuvj420p", options={"qp": "0"}, tags={"color_range": 2})
    np.testing.assert_allclose(colours_of(film).astype(int), COLOURS, atol=2)


def test_reading_does_not_darken(tmp_path: Path) -> None:
    ramp = [yuv_frame((level, 128, 128), (16, 16)) for level in range(16, 236)]
    film = make_film(tmp_path / "a.mkv", ramp, codec="ffv1")
    expected = (np.arange(220) * 255 / 219)[:, None]
    assert abs((colours_of(film) - expected).mean()) < 0.05


@pytest.mark.parametrize(("codec", "pixel_format", "extension"), [("png", "rgba", ".mov"), ("qtrle", "argb", ".mov")])
def test_transparency_is_laid_over_black(tmp_path: Path, codec: str, pixel_format: str, extension: str) -> None:
    rgba = np.full((16, 16, 4), (200, 100, 50, 128), np.uint8)
    frame = av.VideoFrame.from_ndarray(rgba, format="rgba").reformat(format=pixel_format)
    film = make_film(tmp_path / f"a{extension}", [frame], codec=codec, pixel_format=pixel_format)
    np.testing.assert_allclose(colours_of(film)[0], [100, 50, 25], atol=1)


def test_over_black_rounds() -> None:
    values, alphas = np.meshgrid(np.arange(256), np.arange(256))
    rgba = np.stack([values, values, values, alphas], -1).astype(np.uint8)
    np.testing.assert_array_equal(over_black(rgba)[..., 0], np.rint(values * alphas / 255 + 1e-9))


def pq_of(nits: Float32Array) -> Float32Array:
    y = (nits / 10000) ** 0.1593017578125
    return np.asarray(((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375, np.float32)


def test_transfer_functions_match_the_standards() -> None:
    nits = np.array([0, 0.1, 10, 203, 1000, 10000], np.float32)
    np.testing.assert_allclose(pq_to_nits(pq_of(nits)), nits, rtol=2e-3, atol=1e-3)
    assert pq_to_nits(np.array([0.58], np.float32))[0] == pytest.approx(203, rel=0.02)  # ITU-R BT.2408
    scene = hlg_to_scene(np.array([0, 0.5, 0.75, 1], np.float32))
    np.testing.assert_allclose(scene, [0, 1 / 12, 0.265, 1], atol=1e-3)


def tone_mapped(linear_nits_2020: list[float]) -> UInt8Array:
    signal = pq_of(np.array(linear_nits_2020, np.float32))
    result: UInt8Array = ToneMap(PQ)(np.rint(signal * 65535).astype(np.uint16).reshape(1, 1, 3))[0, 0]
    return result


def test_tone_curve() -> None:
    grey = [int(tone_mapped([nits] * 3)[0]) for nits in (0, 1, 5, 20, 50, 100, 203, 400, 1000, 4000)]
    assert grey == sorted(grey)
    assert grey[0] == 0
    assert 180 < grey[6] < 210  # paper white is bright and leaves room for highlights
    assert grey[8] >= 254
    assert grey[9] == 255
    white = 1000 / 203  # the curve again, by hand, at 50 nits
    x = 50 / 203
    assert grey[4] == pytest.approx(255 * (x * (1 + x / white**2) / (1 + x)) ** (1 / 2.4), abs=1)
    for nits in (1, 50, 203):
        r, g, b = tone_mapped([nits] * 3)
        assert max(r, g, b) - min(r, g, b) <= 1  # BT.2020's white is BT.709's


def test_tone_map_keeps_hues() -> None:
    # a BT.709 orange in BT.2020 light comes back as that orange, at several brightnesses
    to_2020 = np.linalg.inv(
        np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])
    )
    for brightness in (20, 100, 300):
        light = to_2020 @ (np.array([1.0, 0.4, 0.1]) * brightness)
        back = (tone_mapped(light.tolist()) / 255.0) ** 2.4
        np.testing.assert_allclose(back / back[0], [1, 0.4, 0.1], atol=0.03)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_video_is_tone_mapped(tmp_path: Path, transfer: int) -> None:
    signal = 0.58 if transfer == PQ else 0.75  # both are paper white
    level = round((16 + 219 * signal) * 4)
    frames = [yuv_frame((level, 512, 512), (32, 32), "yuv420p10le") for _ in range(3)]
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": transfer, "color_range": 1}
    for frame in frames:
        for name, value in tags.items():
            setattr(frame, name, value)
    film = make_film(
        tmp_path / "a.mp4", frames, codec="libx265", pixel_format="yuv420p10le",
        options={"x265-params": "log-level=error:lossless=1"}, tags=tags,
    )  # fmt: skip
    colours = colours_of(film)
    assert np.ptp(colours.astype(int)) <= 1
    assert 185 < colours[0, 0] < 205


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le"])
@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_colours_of_hdr_video(tmp_path: Path, transfer: int, tagged: bool, pixel_format: str) -> None:
    bits = 12 if "12" in pixel_format else 10
    signals = [(red, green, blue) for red in (40, 110, 180) for green in (40, 110, 180) for blue in (40, 110, 180)]
    frames = [yuv_frame(to_yuv(signal, 9, bits=bits), (32, 32), pixel_format) for signal in signals]
    tags = {"color_trc": transfer, "color_range": 1} | ({"colorspace": 9, "color_primaries": 9} if tagged else {})
    for frame in frames:
        for name, value in tags.items():
            setattr(frame, name, value)
    film = make_film(tmp_path / "a.mkv", frames, codec="ffv1", pixel_format=pixel_format, tags=tags)
    exact = np.rint(np.array(signals) / 255 * 65535).astype(np.uint16)
    expected = ToneMap(transfer)(exact[None])[0]
    np.testing.assert_allclose(colours_of(film).astype(int), expected.astype(int), atol=3)


@pytest.mark.parametrize("primaries", [9, 12])
def test_wide_gamut_of_ordinary_range(tmp_path: Path, primaries: int) -> None:
    to_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # ITU-R BT.2087
    to_p3 = np.array([[0.8225, 0.1774, 0.0000], [0.0332, 0.9669, 0.0000], [0.0171, 0.0724, 0.9108]])
    light = (np.array(COLOURS) / 255) ** 2.4
    wide = 255 * (light @ (to_2020 if primaries == 9 else to_p3).T) ** (1 / 2.4)
    frames = [yuv_frame(to_yuv(c, 9, bits=10), (16, 16), "yuv444p10le") for c in wide]
    tags = {"colorspace": 9, "color_primaries": primaries, "color_trc": 14, "color_range": 1}
    for frame in frames:
        for name, value in tags.items():
            setattr(frame, name, value)
    film = make_film(tmp_path / "a.mkv", frames, codec="ffv1", pixel_format="yuv444p10le", tags=tags)
    np.testing.assert_allclose(colours_of(film).astype(int), COLOURS, atol=4)

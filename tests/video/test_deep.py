"""Ten bits and high dynamic range, kept from a film to its result: colours, tags, levels, what is covered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

import motionveil
from motionveil._core.errors import InputError, OptionError
from motionveil._core.types import Colours, UInt16Array
from motionveil.fillers import Filler, MotionNoise, SolidColour
from motionveil.flow import DISFlow
from motionveil.obfuscation.obfuscators import Selective
from motionveil.regions import Rectangle
from motionveil.video import Encoding, VideoWriter, cover, open_source, probe
from motionveil.video.deep import to_deep
from motionveil.video.tonemap import HLG, PQ, hlg_to_scene, nits_to_pq, pq_to_nits, scene_to_hlg

from ..conftest import clips_of
from .films import make_film, numbered, to_yuv

KEEP = Encoding(colours="keep")
WIDTH, HEIGHT = 1280, 64
RANGES = {"pq": (9, PQ), "hlg": (9, HLG), "standard": (1, 1)}
SIGNALS = [(40, 110, 180), (180, 60, 60), (60, 170, 70), (70, 70, 190)]


def ramp_film(path: Path, primaries: int, transfer: int, *, mastering: bool = False) -> tuple[Path, UInt16Array]:
    """Three frames of 10 bits: above a grey ramp over all levels, below four colours; and the planes of one."""
    planes = np.zeros((3, HEIGHT, WIDTH), np.uint16)
    planes[:, : HEIGHT // 2] = 512
    planes[0, : HEIGHT // 2] = np.linspace(64, 940, WIDTH).round()
    for index, signal in enumerate(SIGNALS):
        columns = slice(index * WIDTH // 4, (index + 1) * WIDTH // 4)
        planes[:, HEIGHT // 2 :, columns] = np.reshape(to_yuv(signal, primaries, bits=10), (3, 1, 1))
    tags = {"colorspace": primaries, "color_primaries": primaries, "color_trc": transfer, "color_range": 1}
    frames = []
    for _ in range(3):
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv444p10le")
        for plane, values in zip(frame.planes, planes, strict=True):
            padded = np.zeros((HEIGHT, plane.line_size // 2), np.uint16)
            padded[:, :WIDTH] = values
            plane.update(padded.tobytes())
        for name, value in tags.items():
            setattr(frame, name, value)
        frames.append(frame)
    parameters = "log-level=error:lossless=1"
    if mastering:
        screen = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
        parameters += f":master-display={screen}:max-cll=1000,400"
    film = make_film(
        path, frames, codec="libx265", pixel_format="yuv444p10le", options={"x265-params": parameters}, tags=tags
    )
    return film, planes


def veiled(filler: Filler, *, x: int = 0) -> Selective:
    """A method that covers 128 columns from x on, in all rows."""
    return Selective(Rectangle(x, 0, 128, HEIGHT), filler, DISFlow())


def planes_of(path: Path) -> tuple[npt.NDArray[np.uint16], av.VideoFrame]:
    """The code values of the second frame (3, H, W), chroma repeated to full size; and the frame."""
    with av.open(str(path)) as container:
        frame = list(container.decode(video=0))[1]
    full = frame.reformat(format="yuv444p10le")
    return np.stack(
        [np.frombuffer(bytes(plane), np.uint16).reshape(plane.height, -1)[:, : plane.width] for plane in full.planes]
    ), frame


@pytest.mark.parametrize("kind", RANGES)
@pytest.mark.parametrize(("name", "codec"), [("a.mp4", None), ("a.mov", None), ("a.webm", None), ("a.mkv", "av1")])
def test_ten_bits_go_through(tmp_path: Path, kind: str, name: str, codec: Any) -> None:
    primaries, transfer = RANGES[kind]
    film, planes = ramp_film(tmp_path / "in.mkv", primaries, transfer)
    encoding = Encoding(codec=codec, colours="keep", quality=2)
    target = tmp_path / name
    motionveil.obfuscate_video(film, target, obfuscator=veiled(SolidColour(colour="#808080")), encoding=encoding)
    found, frame = planes_of(target)
    assert frame.format.name == "yuv420p10le"
    matrix = 9 if kind != "standard" else 6  # of such a height
    assert (frame.colorspace, frame.color_trc) == (matrix, transfer if kind != "standard" else matrix)
    assert frame.color_primaries == (primaries if kind != "standard" else matrix)
    ramp = found[0, 4 : HEIGHT // 2 - 4, 160:]
    assert len(np.unique(np.median(ramp, axis=0))) > 600
    np.testing.assert_allclose(ramp, np.broadcast_to(planes[0, 4, 160:], ramp.shape), atol=8)
    if kind != "standard":
        for index in range(4):
            middle = 160 + index * (WIDTH // 4) if index == 0 else index * (WIDTH // 4) + WIDTH // 8
            np.testing.assert_allclose(
                found[:, HEIGHT * 3 // 4, middle].astype(int), planes[:, HEIGHT * 3 // 4, middle], atol=8
            )
    assert np.ptp(found[0, :, 16:112].astype(int)) <= 8  # nothing is seen of what was there
    again = probe(target).colours
    assert again is not None
    assert again.transfer == transfer


@pytest.mark.parametrize("kind", RANGES)
def test_without_loss_nothing_else_changes(tmp_path: Path, kind: str) -> None:
    film, _ = ramp_film(tmp_path / "in.mkv", *RANGES[kind])
    target = tmp_path / "a.mkv"
    encoding = Encoding(codec="ffv1", colours="keep")
    motionveil.obfuscate_video(film, target, obfuscator=veiled(MotionNoise(), x=640), encoding=encoding)
    before, after = deep_frames(film), deep_frames(target)
    assert abs(before[:, :, :640].astype(int) - after[:, :, :640]).max() <= 64  # a step of 10 bits
    assert abs(before[:, :, 768:].astype(int) - after[:, :, 768:]).max() <= 64
    assert abs(before[:, :, 640:768].astype(int) - after[:, :, 640:768]).mean() > 5000
    assert len(np.unique(after[0, 4, :640, 0])) > 256


def deep_frames(path: Path) -> UInt16Array:
    with open_source(path, full_depth=True) as source:
        assert sum(len(clip) for clip in source) == 3
        return np.concatenate(list(source.set_aside.values()))


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_noise_is_not_blinding(tmp_path: Path, transfer: int) -> None:
    film, _ = ramp_film(tmp_path / "in.mkv", 9, transfer)
    target = tmp_path / "a.mkv"
    method = veiled(MotionNoise(statistics="uniform"))
    motionveil.obfuscate_video(film, target, obfuscator=method, encoding=Encoding(codec="ffv1", colours="keep"))
    noise = (deep_frames(target)[:, :, :128] / 65535).astype(np.float32)
    nits = pq_to_nits(noise)
    if transfer == HLG:  # ITU-R BT.2100: the system gamma of a screen of 1000 nits
        scene = hlg_to_scene(noise)
        nits = 1000 * scene * (scene @ np.array([[0.2627], [0.6780], [0.0593]])) ** 0.2
    assert 150 < nits.max() <= 210  # paper white is 203
    assert noise.std() > 0.05


def test_the_screen_it_was_made_on_is_said(tmp_path: Path) -> None:
    film, _ = ramp_film(tmp_path / "in.mkv", 9, PQ, mastering=True)
    expected = probe(film).colours
    assert expected is not None
    assert expected.light == (1000, 400)
    assert expected.mastering is not None
    assert expected.mastering[-1] == 1000
    for name in ("a.mp4", "a.webm"):
        target = tmp_path / name
        motionveil.obfuscate_video(film, target, obfuscator=veiled(SolidColour()), encoding=KEEP)
        found = probe(target).colours
        assert found is not None
        assert found.light == (1000, 400)
        assert found.mastering == pytest.approx(expected.mastering, abs=1e-3)


def test_what_is_ordinary_stays_so(tmp_path: Path) -> None:
    film = make_film(tmp_path / "in.mp4", numbered(3, 64, 128))
    for name, encoding in (("a.mp4", KEEP), ("b.mp4", Encoding())):
        motionveil.obfuscate_video(film, tmp_path / name, obfuscator=veiled(SolidColour()), encoding=encoding)
    assert probe(tmp_path / "a.mp4").codec == "h264"
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_hdr_becomes_ordinary_where_nobody_asks(tmp_path: Path) -> None:
    film, _ = ramp_film(tmp_path / "in.mkv", 9, PQ)
    motionveil.obfuscate_video(film, tmp_path / "a.mp4", obfuscator=veiled(SolidColour()))
    assert probe(tmp_path / "a.mp4").colours is None


@pytest.mark.parametrize(
    ("name", "codec", "reason"),
    [
        ("a.mp4", "h264", "h264 cannot store 10 bits or HDR: choose hevc or av1"),
        ("a.mkv", "vp9", "vp9 cannot store 10 bits or HDR: choose hevc or av1 or ffv1"),
        ("a.avi", None, "avi files cannot store 10 bits or HDR: write to .mp4"),
        ("a.gif", None, "gif files cannot store 10 bits or HDR: write to .mp4"),
        ("a.png", None, "images are written with 8 bits"),
        ("images", None, "images are written with 8 bits"),
    ],
)
def test_what_cannot_keep_it_is_refused(tmp_path: Path, name: str, codec: Any, reason: str) -> None:
    film, _ = ramp_film(tmp_path / "in.mkv", 9, PQ)
    with pytest.raises(OptionError, match=reason):
        motionveil.obfuscate_video(
            film, tmp_path / name, obfuscator=veiled(SolidColour()), encoding=Encoding(codec=codec, colours="keep")
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv"]


def test_a_method_over_whole_frames_is_refused(tmp_path: Path) -> None:
    class Whole:
        def stream(self, clips: Any) -> Any:
            return clips

    film, _ = ramp_film(tmp_path / "in.mkv", 9, PQ)
    with pytest.raises(OptionError, match="omit `colours`"):
        motionveil.obfuscate_video(film, tmp_path / "a.mp4", obfuscator=Whole(), encoding=KEEP)


def test_a_writer_is_not_content_with_8_bits(tmp_path: Path) -> None:
    film, _ = ramp_film(tmp_path / "in.mkv", 9, PQ)
    with (
        pytest.raises(OptionError, match="full depth"),
        VideoWriter(tmp_path / "a.mp4", probe(film), encoding=KEEP) as w,
    ):
        w.write(next(iter(clips_of(numbered(1, HEIGHT, WIDTH)))))
    assert not (tmp_path / "a.mp4").exists()


def test_frames_are_turned_and_resized(tmp_path: Path) -> None:
    film, _ = ramp_film(tmp_path / "in.mkv", 9, PQ)
    with open_source(film, size=(320, 32), full_depth=True) as source:
        [clip] = list(source)
        [deep] = source.set_aside.values()
    assert deep.shape == (3, 32, 320, 3) == clip.frames.shape
    assert len(np.unique(deep[0, 4])) > 300


def test_transfer_functions_and_back() -> None:
    nits = np.array([0.01, 1, 50, 203, 1000, 10000], np.float32)
    np.testing.assert_allclose(pq_to_nits(nits_to_pq(nits)), nits, rtol=2e-3)
    scene = np.linspace(0, 1, 101, dtype=np.float32)
    np.testing.assert_allclose(hlg_to_scene(scene_to_hlg(scene)), scene, atol=1e-5)


@pytest.mark.parametrize(("transfer", "white"), [(PQ, 0.5807), (HLG, 0.7500)])
def test_ordinary_white_is_paper_white(transfer: int, white: float) -> None:
    """ITU-R BT.2408: 203 nits, 58 % of PQ and 75 % of HLG."""
    found = to_deep(Colours(9, transfer))(np.full((1, 1, 3), 255, np.uint8)) / 65535
    np.testing.assert_allclose(found, white, atol=2e-3)


def test_covering_is_exact_at_both_ends(rng: np.random.Generator) -> None:
    deep = rng.integers(0, 65536, (1, 8, 9, 3), np.uint16)
    filling = rng.integers(0, 256, (1, 8, 9, 3), np.uint8)
    opacity = np.zeros((1, 8, 9), np.float32)
    opacity[0, 2:4], opacity[0, 4] = 1, 0.5
    found, colours = deep.copy(), Colours(9, PQ)
    cover(found, filling, opacity, colours)
    filled = to_deep(colours)(filling[0])
    np.testing.assert_array_equal(found[0, :2], deep[0, :2])
    np.testing.assert_array_equal(found[0, 5:], deep[0, 5:])
    np.testing.assert_array_equal(found[0, 2:4], filled[2:4])
    np.testing.assert_allclose(found[0, 4], (deep[0, 4].astype(float) + filled[4]) / 2, atol=1)


@pytest.mark.parametrize(
    ("tag", "transfer", "space", "readable"),
    [("dvh1", 2, 2, False), ("dvh1", PQ, 9, True), ("", 2, 2, True), ("", PQ, 14, False)],
)
def test_colours_that_nobody_here_can_read(tmp_path: Path, tag: str, transfer: int, space: int, readable: bool) -> None:
    """Dolby Vision of profile 5 says no transfer; others can be read without what Dolby adds."""
    frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 99, np.uint8), "rgb24").reformat(format="yuv420p10le")
    if transfer != 2:
        frame.color_trc, frame.colorspace = transfer, space
    said: dict[str, int] = {"color_trc": transfer, "colorspace": space} if transfer != 2 else {}
    name = "a.mp4" if tag else "a.mkv"
    options = {"x265-params": "log-level=error:bframes=0"}
    film = make_film(
        tmp_path / name, [frame] * 5, codec="libx265", pixel_format="yuv420p10le", options=options, tags=said
    )
    film.write_bytes(film.read_bytes().replace(b"hev1", b"dvh1"))
    if readable:
        probe(film)
    else:
        with pytest.raises(InputError, match="export it as HDR10"):
            probe(film)

"""The steps of the method as files, and flow in Middlebury's colours and format."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import motionveil
from motionveil import drawing
from motionveil._core.errors import InputError, OptionError, OutputError
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.flow.middlebury import colour_wheel, flo_bytes, flow_colours, flow_of_flo
from motionveil.obfuscation.factory import Networks
from motionveil.obfuscation.presets import PRESETS
from motionveil.pipeline.runner import Window
from motionveil.pipeline.saliency_export import maps_are_there, write_saliency
from motionveil.pipeline.step_export import Export, export_is_there, write_export

from ..conftest import textured
from .test_obfuscation import read, write

SMALL = PRESETS["secure"].with_features("parts", short_side=64, levels=1)


def flow_of(*vectors: tuple[float, float]) -> Float32Array:
    return np.array([vectors], np.float32)


def test_the_colour_wheel() -> None:
    """Known entries of makecolorwheel of Baker et al.: 15 steps to yellow, 6, 4, 11, 13, 6."""
    wheel = colour_wheel()
    assert wheel.shape == (55, 3)
    corners = {
        0: (255, 0, 0),
        15: (255, 255, 0),
        21: (0, 255, 0),
        25: (0, 255, 255),
        36: (0, 0, 255),
        49: (255, 0, 255),
    }
    for index, colour in corners.items():
        assert tuple(wheel[index]) == colour
    assert tuple(wheel[1]) == (255, 17, 0)
    assert tuple(wheel[27]) == (0, 255 - 46, 255)
    assert tuple(wheel[54]) == (255, 0, 255 - 212)


def test_flow_colours() -> None:
    """Right is red, left cyan, down yellow, up violet; half as fast is half as full, and too fast is darker."""
    full = flow_colours(flow_of((1, 0), (-1, 0), (0, 1), (0, -1)), largest=1)
    expected = [(255, 0, 0), (0, 209, 255), (255, 229, 0), (88, 0, 255)]
    np.testing.assert_allclose(full[0].astype(int), expected, atol=1)
    half, none, fast = flow_colours(flow_of((0.5, 0), (0, 0), (3, 0)), largest=1)[0].tolist()
    assert (half, none, fast) == ([255, 127, 127], [255, 255, 255], [191, 0, 0])
    assert flow_colours(flow_of((8, 0), (4, 0)))[0].tolist() == [[255, 0, 0], [255, 127, 127]]
    assert (flow_colours(np.zeros((3, 3, 2), np.float32)) == 255).all()
    # A minus zero is a zero.
    np.testing.assert_array_equal(flow_colours(flow_of((1, -0.0))), flow_colours(flow_of((1, 0.0))))


def test_flo_files(rng: np.random.Generator) -> None:
    flow = rng.normal(0, 5, (5, 7, 2)).astype(np.float32)
    data = flo_bytes(flow)
    assert data[:4] == b"PIEH"
    assert struct.unpack_from("<fii", data) == (202021.25, 7, 5)
    assert struct.unpack_from("<ff", data, 12 + 8 * (2 * 7 + 3)) == tuple(flow[2, 3])
    np.testing.assert_array_equal(flow_of_flo(data), flow)
    for damaged in (b"", b"PIEH", b"nothing of the kind", data[:-1]):
        with pytest.raises(InputError):
            flow_of_flo(damaged)


def test_opencv_reads_our_flow(tmp_path: Path, rng: np.random.Generator) -> None:
    flow = rng.normal(0, 5, (5, 7, 2)).astype(np.float32)
    (tmp_path / "a.flo").write_bytes(flo_bytes(flow))
    np.testing.assert_array_equal(cv2.readOpticalFlow(str(tmp_path / "a.flo")), flow)


@pytest.fixture
def film(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Eight frames that move by (3, -1) a frame, then one of another scene."""
    big = textured(140, 200, rng)
    frames = [big[20 + t : 116 + t, 60 - 3 * t : 188 - 3 * t] for t in range(8)]
    return write(tmp_path / "film.mkv", np.stack([*frames, 255 - textured(96, 128, rng)]), codec="ffv1")


def png(path: Path) -> npt.NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_everything(film: Path, tmp_path: Path) -> None:
    networks = Networks(SMALL)
    export = Export(hide="face,hand", flow_range=4)
    folder = write_export(film, tmp_path / "steps", export=export, networks=networks, seed=3)
    assert folder == tmp_path / "steps" / "film"
    assert names(folder) == ["flow", "flow_colours", "mask", "noise", "saliency", "settings.json", "sheet.png"]
    assert names(folder / "saliency") == ["cheek", "eyes", "forehead", "hand", "lips", "other_person"]
    for part in ("flow_colours", "mask", "noise", "saliency/hand"):
        assert names(folder / part) == [f"{t:06d}.png" for t in range(9)]
        assert png(folder / part / "000004.png").shape[:2] == (96, 128)
        assert png(folder / part / "000004.png").ndim == (3 if part in ("flow_colours", "noise") else 2)
    flow = flow_of_flo((folder / "flow" / "000004.flo").read_bytes())
    np.testing.assert_allclose(np.median(flow.reshape(-1, 2), axis=0), (-3, 1), atol=0.3)
    colours = cv2.cvtColor(png(folder / "flow_colours" / "000004.png"), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(colours, flow_colours(flow, largest=4))
    settings = json.loads((folder / "settings.json").read_text())
    assert settings["frames"] == 9
    assert settings["without_flow"] == [0, 8]
    assert settings["flow"]["full colour"] == "4 pixels"
    assert not flow_of_flo((folder / "flow" / "000008.flo").read_bytes()).any()
    assert "3" not in settings["seed"]


def test_the_parts_make_the_output(film: Path, tmp_path: Path) -> None:
    """input, mask and noise, blended, are what `obfuscate_video` makes with the same seed."""
    networks = Networks(SMALL)
    folder = write_export(
        film, tmp_path, export=Export(what=["noise", "mask"], hide="person"), networks=networks, seed=3, overwrite=True
    )
    encoding = motionveil.Encoding(codec="ffv1")
    motionveil.obfuscate_video(film, tmp_path / "out.mkv", networks=networks, seed=3, encoding=encoding)
    frames, output = read(film)[0], read(tmp_path / "out.mkv")[0]
    for t in range(len(frames)):
        mask = png(folder / "mask" / f"{t:06d}.png")[..., None] / 255
        noise = cv2.cvtColor(png(folder / "noise" / f"{t:06d}.png"), cv2.COLOR_BGR2RGB)
        expected = frames[t] + mask * (noise.astype(np.float64) - frames[t])
        assert np.abs(expected - output[t]).max() <= 2  # one level of the mask's eight bits, and colour conversion


@pytest.mark.parametrize(
    ("what", "there"),
    [
        (["flow"], {"flow", "flow_colours"}),
        (["saliency"], {"saliency"}),
        (["mask"], {"mask"}),
        (["saliency", "flow"], {"saliency", "flow", "flow_colours"}),
    ],
)
def test_only_what_was_asked_for(film: Path, tmp_path: Path, what: list[str], there: set[str]) -> None:
    export = Export(what=what, hide="hand", flow_format="npz")
    folder = write_export(film, tmp_path / "o", export=export, networks=Networks(SMALL), window=Window(end=0.1))
    assert set(names(folder)) == there | {"settings.json", "sheet.png"}
    if "flow" in what:
        with np.load(folder / "flow" / "000001.npz") as file:
            assert file["flow"].shape == (96, 128, 2)
            assert file["flow"].dtype == np.float32


def test_goes_on_and_replaces_only_its_own(film: Path, tmp_path: Path) -> None:
    networks, window = Networks(SMALL), Window(end=0.1)
    export = Export(what=["flow"])
    folder = write_export(film, tmp_path / "o", export=export, networks=networks, window=window)
    assert export_is_there(film, tmp_path / "o", export=export, networks=networks, window=window)
    for other in (Export(what=["mask"]), Export(what=["flow"], flow_format="npz"), Export(what=["flow"], flow_range=2)):
        assert not export_is_there(film, tmp_path / "o", export=other, networks=networks, window=window)
    assert not export_is_there(film, tmp_path / "o", export=export, networks=networks, window=Window(end=0.2))
    with pytest.raises(OutputError, match="exists"):
        write_export(film, tmp_path / "o", export=export, networks=networks, window=window)
    write_export(film, tmp_path / "o", export=export, networks=networks, window=window, overwrite=True)
    (folder / "flow" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="other files than an export"):
        write_export(film, tmp_path / "o", export=export, networks=networks, window=window, overwrite=True)
    assert (folder / "flow" / "notes.txt").exists()


@pytest.mark.parametrize(
    ("flow_format", "victim"),
    [("npz", "flow/000001.npz"), ("flo", "flow/000001.flo"), ("flo", "flow_colours/000000.png")],
)
def test_what_is_there_is_counted_and_opened(film: Path, tmp_path: Path, flow_format: str, victim: str) -> None:
    given: Any = {"export": Export(what=["flow"], flow_format=flow_format), "networks": Networks(SMALL)}  # type: ignore[arg-type]
    window = Window(end=0.1)
    folder = write_export(film, tmp_path / "o", **given, window=window)
    assert export_is_there(film, tmp_path / "o", **given, window=window)
    data = (folder / victim).read_bytes()
    (folder / victim).write_bytes(data[:-3])
    assert not export_is_there(film, tmp_path / "o", **given, window=window)
    (folder / victim).unlink()
    assert not export_is_there(film, tmp_path / "o", **given, window=window)
    (folder / victim).write_bytes(data)
    assert export_is_there(film, tmp_path / "o", **given, window=window)


def test_frames_keep_their_names(tmp_path: Path, rng: np.random.Generator) -> None:
    picture: UInt8Array = textured(64, 96, rng)
    for name in ("depth_1", "rgb_000007", "rgb_000008"):
        drawing.write_image(tmp_path / "s01" / "001" / f"{name}.png", picture)
    pattern = str(tmp_path / "s01" / "001" / "rgb*.png")
    given: Any = {"networks": Networks(SMALL), "keep_names": True}
    export = Export(what=["mask"])
    for overwrite in (False, True):  # what is ours is known by these names too
        folder = write_export(pattern, tmp_path / "o", export=export, **given, overwrite=overwrite)
    assert folder.name == "001"
    assert names(folder / "mask") == ["rgb_000007.png", "rgb_000008.png"]
    maps = write_saliency(pattern, tmp_path / "maps", attributes=["hair"], match_first=True, **given)
    assert names(maps / "hair") == ["rgb_000007.png", "rgb_000008.png"]
    common: Any = {"attributes": ["hair"], "networks": given["networks"], "window": Window()}
    assert maps_are_there(pattern, tmp_path / "maps", **common, match_first=True)
    assert not maps_are_there(pattern, tmp_path / "maps", **common)
    (maps / "hair" / "rgb_000008.png").unlink()
    assert not maps_are_there(pattern, tmp_path / "maps", **common, match_first=True)


def test_an_error_leaves_nothing(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*anything: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("motionveil.pipeline.step_export.write_file", fails)
    with pytest.raises(OutputError, match="No space left"):
        write_export(film, tmp_path / "o", export=Export(what=["flow"]), networks=Networks(SMALL))
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Export(what=["flow", "depth"]), "depth"),
        (lambda: Export(what=[]), "nothing"),
        (lambda: Export(flow_format="exr"), "exr"),  # type: ignore[arg-type]
        (lambda: Export(flow_range=0), "above 0"),
    ],
)
def test_wrong_settings(make: Callable[[], Export], text: str) -> None:
    with pytest.raises(OptionError, match=text):
        make()


def test_a_picture(tmp_path: Path, rng: np.random.Generator) -> None:
    picture: UInt8Array = textured(64, 96, rng)
    drawing.write_image(tmp_path / "photo.png", picture)
    networks = Networks(PRESETS["secure"].with_features("parts", short_side=64, levels=1))
    folder = write_export(tmp_path / "photo.png", tmp_path / "o", networks=networks)
    assert names(folder / "noise") == ["000000.png"]
    assert png(folder / "flow_colours" / "000000.png").min() == 255

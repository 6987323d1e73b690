"""Pictures of obfuscations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motionveil._core.errors import OptionError, WeightsError
from motionveil._core.types import Float32Array, Point, UInt8Array
from motionveil.detection.features import DescriptorGrid
from motionveil.detection.templates import Template
from motionveil.flow import FlowEstimator
from motionveil.learned import build_degradation, save_learned
from motionveil_bench.report import Sheet, sheets
from motionveil_bench.report.sheets import flow_sheet, obfuscation_sheet, saliency_sheet, video_sheets

from ..clips.test_frames import write_video


class Halves:
    """Left half along the first axis, right half along the second."""

    fingerprint = "halves"
    channels = 2

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        descriptors = np.zeros((len(frames), 4, 8, 2), np.float32)
        descriptors[:, :, :4, 0] = descriptors[:, :, 4:, 1] = 1
        return DescriptorGrid(descriptors, Point(8, 8), Point(3.5, 3.5))


class Shift(FlowEstimator):
    """Motion by the difference of two frames' brightness, to the right, on a grid an eighth as fine."""

    def prepare(self, frame: UInt8Array) -> float:
        return float(frame.mean())

    def between(self, source: float, target: float) -> Float32Array:
        return np.full((4, 8, 2), (abs(source - target), 0), np.float32)


def _video(*levels: int) -> UInt8Array:
    return np.stack([np.full((32, 64, 3), level, np.uint8) for level in levels])


def test_saliency_is_bright_where_a_template_is() -> None:
    templates = [
        Template(name, np.eye(2, dtype=np.float32)[i], "halves", "") for i, name in enumerate(("left", "right"))
    ]
    sheet = saliency_sheet([_video(90)[0]], Halves(), templates, per_row=2)
    height, width = sheet.image.shape[:2]
    tile = sheet.image[30 : height // 2 - 8, width // 2 + 8 : width - 12]
    assert tile[:, : tile.shape[1] // 3].mean() > tile[:, -tile.shape[1] // 3 :].mean() + 20


def test_flows_share_one_scale_and_the_liveliest_frame() -> None:
    videos = {"original": _video(10, 10, 30, 30), "blur_weak": _video(10, 10, 20, 20), "solid": _video(9, 9, 9, 9)}
    sheet = flow_sheet(videos, flow=Shift())
    assert "160.0 pixels" in sheet.caption
    width = sheet.image.shape[1] // 3
    middle = sheet.image[sheet.image.shape[0] // 2]
    full, half, none = (middle[width * k + width // 2].astype(int) for k in range(3))
    assert none.min() >= 254
    saturation = [int(colour.max() - colour.min()) for colour in (full, half, none)]
    assert saturation[0] > saturation[1] > saturation[2]
    with pytest.raises(OptionError, match="one of 1 to 3"):
        flow_sheet(videos, index=0, flow=Shift())
    with pytest.raises(OptionError, match="at least two frames"):
        flow_sheet({"original": _video(1)}, flow=Shift())


def test_moments_are_the_same_in_all() -> None:
    sheet = obfuscation_sheet({"original": _video(10, 20, 30), "κ": _video(40, 50, 60)}, moments=2)
    assert "frames 0, 2" in sheet.caption
    height, width = sheet.image.shape[:2]
    found = [
        int(sheet.image[y, x, 0])
        for y in (height // 4 + 10, height * 3 // 4 + 10)
        for x in (width // 4, width * 3 // 4)
    ]
    assert found == [10, 40, 30, 60]


def test_videos_that_do_not_fit_are_refused() -> None:
    with pytest.raises(OptionError, match="no videos"):
        obfuscation_sheet({})
    with pytest.raises(OptionError, match=r"one length and size, not a \(1, 32, 64, 3\), b \(2, 32, 64, 3\)"):
        obfuscation_sheet({"a": _video(1), "b": _video(1, 2)})


def test_learned_obfuscators_are_shown_beside_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "video.mp4"
    generator = np.random.default_rng(0)
    frames = np.kron(generator.integers(0, 256, (6, 8, 12, 3), np.uint8), np.ones((1, 8, 8, 1), np.uint8))
    write_video(source, frames)
    file = tmp_path / "obfuscator.safetensors"
    save_learned(file, build_degradation("low_resolution", size=4), method="elr", size=32, fit="squash", about={})
    shown: dict[str, UInt8Array] = {}

    def keep(videos: sheets.Videos, *, moments: int) -> Sheet:
        shown.update(videos)
        return obfuscation_sheet(videos, moments=moments)

    monkeypatch.setattr(sheets, "obfuscation_sheet", keep)
    names = ["original", "pixelate_4", "elr"]
    found = video_sheets(source, names, learned={"elr": file, "elr_16": file}, num_frames=3, height=64)
    assert [sheet.name for sheet in found] == ["obfuscations", "figure_6", "figure_4"]
    assert list(shown) == ["original", "pixelate_4", "elr", "elr_16"]
    assert {video.shape for video in shown.values()} == {(3, 64, 96, 3)}
    assert (shown["elr"] == shown["elr_16"]).all()
    assert len(np.unique(shown["elr"][0].reshape(-1, 3), axis=0)) <= 16
    with pytest.raises(WeightsError, match="no file"):
        video_sheets(source, names, learned={"elr": tmp_path / "none.safetensors"}, num_frames=3, height=64)


@pytest.mark.data
def test_sheets_of_a_real_video(data_dir: Path) -> None:
    clip = data_dir / "clips" / "kth_person01_boxing_d1_uncomp.avi"
    found = video_sheets(clip, ["original", "blur_weak", "secure", "no_such_name"], num_frames=4, height=120)
    assert [sheet.name for sheet in found] == ["obfuscations", "figure_6", "figure_4"]
    assert found[0].image.shape[1] < 3 * 1.5 * sheets._HEIGHT
    assert all(sheet.image.std() > 10 for sheet in found)

"""Masks from files: matched frame by frame, and refused where they do not fit."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil._core.types import Float32Array, UInt8Array, VideoInfo
from motionveil.drawing import write_image
from motionveil.regions import MaskVideo
from motionveil.video import VideoWriter

from ..conftest import clips_of


def masks(count: int, size: tuple[int, int] = (32, 48)) -> UInt8Array:
    """A white column of 8 pixels that moves by 4 a frame."""
    made = np.zeros((count, *size, 3), np.uint8)
    for t in range(count):
        made[t, :, 4 * t : 4 * t + 8] = 255
    return made


def folder(path: Path, frames: UInt8Array) -> Path:
    path.mkdir()
    for index, frame in enumerate(frames):
        write_image(path / f"{index:03d}.png", frame)
    return path


def opacity(region: MaskVideo, count: int = 6, lengths: list[int] | None = None) -> Float32Array:
    return np.concatenate(list(region.stream(clips_of(np.zeros((count, 32, 48, 3), np.uint8), lengths))))


@pytest.mark.parametrize("lengths", [None, [1] * 6, [4, 2]])
def test_a_folder_gives_one_mask_to_every_frame(tmp_path: Path, lengths: list[int] | None) -> None:
    region = MaskVideo(folder(tmp_path / "masks", masks(6)))
    assert np.array_equal(opacity(region, lengths=lengths), masks(6)[..., 0] / 255)
    assert repr(region) == "MaskVideo('masks')"


def test_a_video_with_loss_is_exact_inside_and_outside(tmp_path: Path) -> None:
    info = VideoInfo(48, 32, Fraction(25), 6, None, "h264", "yuv420p")
    with VideoWriter(tmp_path / "mask.mp4", info) as writer:
        for clip in clips_of(masks(6)):
            writer.write(clip)
        writer.finish()
        writer.commit()
    found = opacity(MaskVideo(tmp_path / "mask.mp4"))
    exact = masks(6)[..., 0] / 255
    assert (found == exact).mean() > 0.9
    assert np.abs(found - exact).max() < 0.3


def test_grey_hides_partly_and_colours_count_by_their_brightest_channel(tmp_path: Path) -> None:
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, 8:16] = 128
    picture[:, 16:24] = (255, 0, 0)
    picture[:, 24:32] = 250
    picture[:, 32:40] = 5
    write_image(tmp_path / "mask.png", picture)
    found = opacity(MaskVideo(tmp_path / "mask.png"))
    assert len(found) == 6
    for columns, value in ((0, 0), (8, 128 / 255), (16, 1), (24, 1), (32, 0)):
        assert found[:, :, columns : columns + 8] == pytest.approx(value), columns


def test_masks_of_another_size_are_resized(tmp_path: Path) -> None:
    found = opacity(MaskVideo(folder(tmp_path / "masks", np.repeat(masks(6), 2, 1).repeat(2, 2))))
    assert np.abs(found - masks(6)[..., 0] / 255).max() < 0.51
    assert (found == masks(6)[..., 0] / 255).mean() > 0.9


def test_only_a_part_is_read(tmp_path: Path) -> None:
    path = folder(tmp_path / "masks", masks(9))
    assert np.array_equal(opacity(MaskVideo(path, skip=3)), masks(9)[3:, ..., 0] / 255)
    assert np.array_equal(opacity(MaskVideo(path, skip=1, whole=False)), masks(9)[1:7, ..., 0] / 255)


@pytest.mark.parametrize(
    ("count", "skip", "says"),
    [
        (5, 0, "has 5 frames, fewer than the video"),
        (7, 2, "has 7 frames, fewer than the video"),
        (7, 0, r"more frames than the video \(6\)"),
    ],
)
def test_another_number_of_frames_is_refused(tmp_path: Path, count: int, skip: int, says: str) -> None:
    region = MaskVideo(folder(tmp_path / "masks", masks(count)), skip=skip)
    with pytest.raises(OptionError, match=says):
        opacity(region)


def test_a_mask_that_cannot_be_read_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for path in (tmp_path / "text.png", tmp_path / "none.mp4", tmp_path):
        with pytest.raises(InputError):
            MaskVideo(path)

"""Arrays in and out, for programs that read and write video themselves; videos as sequences of frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import motionveil
from motionveil import Networks, obfuscate_frames, obfuscate_image, open_video
from motionveil._core.types import UInt8Array
from motionveil.fillers import SolidColour
from motionveil.regions import Rectangle, Where

from ..conftest import textured
from .test_obfuscation import read, write

CORNER = Where(hide=(), areas=(Rectangle(0, 0, 8, 8),))


def frames_of(count: int = 11) -> list[UInt8Array]:
    picture = textured(48, 64, np.random.default_rng(3))
    return [np.roll(picture, index, axis=1) for index in range(count)]


def film(path: Path) -> Path:
    return write(path, np.stack(frames_of()), codec="ffv1")


def test_frames_are_replaced_where_asked_and_nowhere_else() -> None:
    frames = frames_of()
    results = list(obfuscate_frames(iter(frames), where=CORNER, filler="solid"))
    assert len(results) == len(frames)
    for before, after in zip(frames, results, strict=True):
        assert len(np.unique(after[:8, :8].reshape(-1, 3), axis=0)) == 1
        changed = before.copy()
        changed[:8, :8] = after[:8, :8]
        assert np.array_equal(changed, after)


def test_the_order_of_channels_is_kept() -> None:
    frames = frames_of(3)
    options: dict[str, Any] = {"where": CORNER, "filler": SolidColour(colour="#c86400")}
    rgb = list(obfuscate_frames(frames, **options))
    bgr = list(obfuscate_frames([f[..., ::-1] for f in frames], channels="bgr", **options))
    for one, other in zip(rgb, bgr, strict=True):
        assert np.array_equal(one, other[..., ::-1])
    assert tuple(rgb[0][2, 2]) == (200, 100, 0)


def test_the_same_noise_as_in_a_file(tmp_path: Path) -> None:
    """With a seed, frames from memory and frames of a file without loss come out alike."""
    source = film(tmp_path / "a.mkv")
    motionveil.obfuscate_video(
        source, tmp_path / "b.mkv", where=CORNER, seed=4, encoding=motionveil.Encoding(codec="ffv1")
    )
    with open_video(source) as video:
        rate = float(video.info.frame_rate)
        made = np.stack(list(obfuscate_frames(video, frame_rate=rate, where=CORNER, seed=4)))
    assert np.array_equal(made, read(tmp_path / "b.mkv")[0])


def test_images(tmp_path: Path) -> None:
    image = frames_of(1)[0]
    kept = image.copy()
    made = obfuscate_image(image, where=CORNER, filler="solid")
    assert np.array_equal(image, kept)
    assert np.array_equal(made[9:], image[9:])
    assert not np.array_equal(made, image)


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([], "no frames"),
        ([np.zeros((8, 8), np.uint8)], "frame 0"),
        ([np.zeros((8, 8, 3), np.float32)], "float32"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)], "unlike the others"),
        (["frame.png"], "str"),
    ],
)
def test_what_is_no_frame_is_refused(frames: list[UInt8Array], text: str) -> None:
    with pytest.raises(motionveil.InputError, match=text):
        list(obfuscate_frames(frames, where=CORNER, filler="solid"))


def test_settings_that_contradict_each_other() -> None:
    with pytest.raises(motionveil.OptionError, match="networks"):
        obfuscate_frames(frames_of(), networks=Networks(), preset="secure")
    with pytest.raises(motionveil.OptionError, match="channels"):
        obfuscate_frames(frames_of(), where=CORNER, channels="grb")  # type: ignore[arg-type]
    with pytest.raises(motionveil.OptionError, match="frame rate"):
        obfuscate_frames(frames_of(), where=CORNER, frame_rate=0)


def test_a_filler_by_name_or_object_replaces_that_of_the_preset(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    for filler in ("solid", SolidColour()):
        result = motionveil.obfuscate_video(
            source, tmp_path / "b.mkv", where=CORNER, filler=filler, overwrite=True, record=True,
            encoding=motionveil.Encoding(codec="ffv1"),
        )  # fmt: skip
        assert len(np.unique(read(tmp_path / "b.mkv")[0][:, :8, :8].reshape(-1, 3), axis=0)) == 1
        assert result.record is not None
        assert "SolidColour" in result.record.read_text("utf-8")


def test_a_video_is_a_sequence_of_frames(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    frames, _ = read(source)
    with open_video(source) as video:
        for index in (3, 5, 1, 1, -1):
            assert np.array_equal(video[index], frames[index])
        assert len(video) == len(frames) == len(list(video))
        assert f"{video.info.width}x{video.info.height}" in repr(video)
        with pytest.raises(IndexError):
            video[len(frames)]

"""Networks over videos: sizes, times, cutting, and what does not get through."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import motionveil
from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, UInt8Array
from motionveil.learned import DEGRADATIONS, Degradation, Fit, LearnedObfuscator
from motionveil.learned.degradation import PictureDegradation
from motionveil.learned.obfuscator import size_for
from motionveil.obfuscation.device_placement import gpu_of

from ..conftest import clips_of, textured
from ..pipeline.test_obfuscation import read, write
from .sample import small

pytestmark = pytest.mark.usefixtures("one_torch_thread")


class Same(PictureDegradation):
    """Shows everything."""

    name = "same"

    def degraded(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures


def obfuscator(degradation: Degradation, size: int = 24, fit: Fit = "crop") -> LearnedObfuscator:
    return LearnedObfuscator(degradation, method="grl", size=size, fit=fit, about={}, device="cpu")


def joined(clips: list[Clip]) -> UInt8Array:
    return np.concatenate([clip.frames for clip in clips])


@pytest.fixture
def frames(rng: np.random.Generator) -> UInt8Array:
    picture = textured(50, 71, rng)
    return np.stack([np.roll(picture, 3 * t, axis=1) for t in range(7)])


@pytest.mark.parametrize("name", list(DEGRADATIONS))
@pytest.mark.parametrize("fit", ["crop", "squash"])
def test_counts_sizes_and_times_are_kept_and_cutting_does_not_matter(name: str, fit: Fit, frames: UInt8Array) -> None:
    method, before = obfuscator(small(name), fit=fit), frames.copy()
    whole = list(method.stream(clips_of(frames)))
    assert whole[0].frames.shape == frames.shape
    assert whole[0].frames.dtype == np.uint8
    assert not np.array_equal(whole[0].frames, frames)
    for lengths in ([1] * 7, [3, 3, 1], [2, 5]):
        clips = clips_of(frames, lengths)
        made = list(method.stream(clips))
        assert [(c.start, c.pts, len(c)) for c in made] == [(c.start, c.pts, len(c)) for c in clips]
        assert np.array_equal(joined(made), joined(whole))
    assert np.array_equal(frames, before)


@pytest.mark.parametrize("name", list(DEGRADATIONS))
def test_two_videos_at_once(name: str, frames: UInt8Array) -> None:
    method = obfuscator(small(name))
    videos = (frames, np.ascontiguousarray(frames[::-1]))
    alone = [joined(list(method.stream(clips_of(video)))) for video in videos]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda video: joined(list(method.stream(clips_of(video, [2, 2, 3])))), videos))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_the_frame_before_is_that_of_the_video(frames: UInt8Array) -> None:
    method = obfuscator(small("blur_difference_quantise"))
    made = joined(list(method.stream(clips_of(frames))))
    # The first frame is its own previous one, and a still video stays an even grey.
    still = joined(list(method.stream(clips_of(np.repeat(frames[:1], 3, 0)))))
    assert len(np.unique(still)) == 1
    assert np.array_equal(made[0], still[0])
    assert made[1].std() > 5
    backwards = joined(list(method.stream(clips_of(np.ascontiguousarray(frames[::-1])))))
    assert not np.array_equal(backwards[-2], made[1])


def test_nothing_finer_than_in_training_gets_through(rng: np.random.Generator) -> None:
    noise = rng.integers(0, 256, (1, 160, 240, 3), np.uint8)
    made = joined(list(obfuscator(Same(), size=16).stream(clips_of(noise))))
    assert made.std() < 10
    # Where a frame has the size of training, all of it is there.
    assert np.array_equal(joined(list(obfuscator(Same(), size=160).stream(clips_of(noise)))), noise)


def test_low_resolution_stays_in_blocks(rng: np.random.Generator) -> None:
    frames = textured(64, 96, rng)[None]
    made = joined(list(obfuscator(small("low_resolution", size=4), size=32, fit="squash").stream(clips_of(frames))))
    cells = made[0].reshape(4, 16, 4, 24, 3)
    assert (cells == cells[:, :1, :, :1]).all()
    assert np.abs(cells[:, 0, :, 0] - frames[0].reshape(4, 16, 4, 24, 3).mean((1, 3))).max() <= 2


def test_sizes() -> None:
    assert size_for((480, 640), 112, "crop") == (112, 149)
    assert size_for((640, 480), 112, "crop") == (149, 112)
    assert size_for((480, 640), 112, "squash") == (112, 112)


def test_the_network_given_stays_as_it_is() -> None:
    degradation = small("unet").train()
    method = obfuscator(degradation)
    assert degradation.training
    assert not method.degradation.training
    assert all(parameter.requires_grad for parameter in degradation.parameters())


def test_a_video_that_changes_its_size(frames: UInt8Array) -> None:
    other = replace(clips_of(np.ascontiguousarray(frames[:2, :, :40]))[0], start=7)
    method = obfuscator(small("blur_difference_quantise"))
    made = list(method.stream([*clips_of(frames), other]))
    assert made[1].frames.shape == (2, 50, 40, 3)


def test_the_whole_job(frames: UInt8Array, tmp_path: Path) -> None:
    film = write(tmp_path / "in.mkv", frames[:, :, :70], codec="ffv1")
    before = film.read_bytes()
    method = obfuscator(small("unet"))
    assert gpu_of(method) is None
    lossless = motionveil.Encoding(codec="ffv1")
    result = motionveil.obfuscate_video(
        film, tmp_path / "out.mkv", obfuscator=method, encoding=lossless, preview=True, record=True
    )
    made, times = read(tmp_path / "out.mkv")
    source, times_before = read(film)
    assert times == times_before
    assert np.array_equal(made, joined(list(method.stream(clips_of(source)))))
    assert result.preview is not None
    assert result.sheet is not None
    # Two panels: there is no opacity to show.
    assert read(result.preview)[0].shape == (7, 50, 140, 3)
    assert film.read_bytes() == before
    with pytest.raises(OptionError, match="not both"):
        motionveil.obfuscate_video(film, tmp_path / "x.mkv", obfuscator=method, hide="face")


def test_any_object_that_streams_will_do(frames: UInt8Array, tmp_path: Path) -> None:
    class Inverted:
        def stream(self, clips: object) -> object:
            return (replace(clip, frames=255 - clip.frames) for clip in clips)  # type: ignore[attr-defined]

        def __repr__(self) -> str:
            return "Inverted()"

    film = write(tmp_path / "in.mkv", frames[:, :, :70], codec="ffv1")
    result = motionveil.obfuscate_video(
        film,
        tmp_path / "out.mkv",
        obfuscator=Inverted(),  # type: ignore[arg-type]
        encoding=motionveil.Encoding(codec="ffv1"),
        record=True,
    )
    assert np.abs(255 - read(tmp_path / "out.mkv")[0].astype(int) - read(film)[0]).max() <= 2
    assert result.record is not None
    assert '"obfuscator": "Inverted()"' in result.record.read_text()

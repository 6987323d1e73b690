"""Every attack succeeds where it is known that it must, and finds nothing where there is nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage.metrics import structural_similarity

from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, Float32Array, UInt8Array
from motionveil.audit.footage import Excerpt
from motionveil.audit.reconstruction import ATTACKS, AttackerTraining, reconstruct, training_excerpts
from motionveil.audit.reconstruction.deblurring import Wiener, kernel_of
from motionveil.audit.reconstruction.depixelation import found_cells
from motionveil.audit.reconstruction.evidence import GREY, scene_of
from motionveil.audit.reconstruction.known_seed import spread, uncovered
from motionveil.audit.reconstruction.similarity import BEST, psnr, ssim, ssim_map
from motionveil.fillers import Filler, GaussianBlur, IidNoise, MotionNoise, Pixelation, SolidColour
from motionveil.obfuscation.obfuscators import Selective

from ..conftest import ConstantFlow, clips_of

BLIND = [name for name in ATTACKS if name not in ("known_seed", "known_noise", "trained_network")]
HEIGHT, WIDTH, LENGTH = 160, 208, 7
BOX = (slice(32, 128), slice(40, 168))


class Box:
    """A rectangle of one opacity."""

    def __init__(self, opacity: float) -> None:
        self.opacity = opacity

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        for clip in clips:
            opacity = np.zeros(clip.frames.shape[:3], np.float32)
            opacity[(slice(None), *BOX)] = self.opacity
            yield opacity


def scenery(seed: int, *, speed: float = 0.0) -> UInt8Array:
    """Frames of a picture with coarse and fine detail that moves by `speed` pixels to the right per frame."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((HEIGHT, WIDTH + 64, 3), np.float32)
    for sigma in (1.2, 3.0, 8.0, 20.0):
        layer = cv2.GaussianBlur(rng.standard_normal(picture.shape).astype(np.float32), (0, 0), sigma)
        picture += layer / layer.std()
    picture = np.clip(picture * 28 + rng.uniform(90, 160, 3), 0, 255).astype(np.float32)
    shifts = [np.array([[1, 0, -32 + speed * t], [0, 1, 0]], np.float32) for t in range(LENGTH)]
    moved = [cv2.warpAffine(picture, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT) for shift in shifts]
    return np.stack(moved).astype(np.uint8)


def method(filler: Filler, opacity: float = 1.0, speed: float = 0.0) -> Selective:
    return Selective(Box(opacity), filler, ConstantFlow(speed, 0))


def excerpt_of(frames: UInt8Array, made: Selective) -> Excerpt:
    output = np.concatenate([clip.frames for clip in made.stream(clips_of(frames))])
    touched, core = np.zeros((2, *frames.shape[:3]), bool)
    touched[(slice(None), *BOX)] = True
    core[:, BOX[0].start + 8 : BOX[0].stop - 8, BOX[1].start + 8 : BOX[1].stop - 8] = True
    return Excerpt(0, clips_of(frames)[0].pts, frames, output, touched, core)


def test_similarity_is_that_of_others(rng: np.random.Generator) -> None:
    first = scenery(1)[0]
    second = np.clip(first + rng.normal(0, 12, first.shape), 0, 255).astype(np.uint8)
    _, expected = structural_similarity(
        first, second, channel_axis=2, gaussian_weights=True, use_sample_covariance=False, full=True, data_range=255
    )
    where = np.zeros((1, HEIGHT, WIDTH), bool)
    where[:, 40:90, 50:70] = True
    np.testing.assert_allclose(ssim_map(first, second)[8:-8, 8:-8], expected.mean(2)[8:-8, 8:-8], atol=2e-3)
    assert ssim([(first[None], second[None], where)]) == pytest.approx(expected.mean(2)[where[0]].mean(), abs=2e-3)
    error = (first.astype(float) - second)[where[0]]
    assert psnr([(first[None], second[None], where)]) == pytest.approx(10 * np.log10(255**2 / np.mean(error**2)))
    assert psnr([(first[None], first[None], where)]) == BEST
    assert np.isnan(psnr([(first[None], first[None], where & False)]))


@pytest.mark.parametrize("colour", ["grey", "black"])
def test_a_colour_gives_nothing_away(colour: str) -> None:
    excerpt = excerpt_of(scenery(2, speed=1), method(SolidColour(colour=colour)))
    found = reconstruct([excerpt], attacks=BLIND, targets=2)
    for recovery in found.values():
        assert recovery.not_run is None
        assert abs(recovery.gain) < 0.1 if colour == "grey" else recovery.gain < 0.1
        assert recovery.setting
        assert 5 < recovery.psnr < 25


def test_noise_that_moves_gives_nothing_away() -> None:
    frames = scenery(3, speed=1)
    found = reconstruct([excerpt_of(frames, method(MotionNoise(seed=1), speed=1))], attacks=BLIND, targets=2)
    assert max(recovery.gain for recovery in found.values()) < 1


def test_a_negative_is_turned_back() -> None:
    excerpt = excerpt_of(scenery(4), method(SolidColour()))
    negative = np.where(excerpt.touched[..., None], 255 - excerpt.original[..., ::-1], excerpt.original)
    found = reconstruct([replace(excerpt, output=negative.astype(np.uint8))], attacks=["none", "recolouring"])
    assert found["none"].gain < 3
    assert found["recolouring"].gain > 20
    assert found["recolouring"].psnr > 40


def test_blur_is_sharpened() -> None:
    excerpt = excerpt_of(scenery(4), method(GaussianBlur(sigma=10, kernel=13)))
    found = reconstruct([excerpt], attacks=["none", "deblurring"], targets=2)
    assert found["deblurring"].psnr > found["none"].psnr + 1
    assert found["deblurring"].gain > 3
    assert "Wiener" in found["deblurring"].setting


def test_large_pixels_are_interpolated_and_moving_ones_show_more() -> None:
    still = reconstruct([excerpt_of(scenery(5), method(Pixelation(cell=12)))], attacks=["none", "depixelation"])
    assert still["depixelation"].psnr > still["none"].psnr + 0.5
    excerpt = excerpt_of(scenery(5, speed=1.5), method(Pixelation(cell=12), speed=1.5))
    moving = reconstruct([excerpt], attacks=["none", "depixelation"], targets=1)
    assert moving["depixelation"].psnr > moving["none"].psnr + 1
    assert "all frames along the motion" in moving["depixelation"].setting


def test_the_grid_of_large_pixels_is_found() -> None:
    excerpt = excerpt_of(scenery(5), method(Pixelation(cell=11)))
    cell = 11 * min(HEIGHT, WIDTH) / 224
    assert found_cells(excerpt.output[3], excerpt.touched[3]) == (round(HEIGHT / cell), round(WIDTH / cell))


def test_fresh_noise_averages_out() -> None:
    excerpt = excerpt_of(scenery(6), method(IidNoise(seed=1), 0.5))
    found = reconstruct([excerpt], attacks=["none", "temporal_averaging", "denoising"])
    assert found["temporal_averaging"].psnr > found["none"].psnr + 3
    assert found["temporal_averaging"].setting.endswith(", contrast x 1.5")
    assert found["temporal_averaging"].gain > 1
    assert found["denoising"].psnr > found["none"].psnr + 3
    covered = reconstruct([excerpt_of(scenery(6), method(IidNoise(seed=1)))], attacks=["temporal_averaging"])
    assert covered["temporal_averaging"].gain < 0.5


def test_averages_follow_the_motion() -> None:
    excerpt = excerpt_of(scenery(7, speed=4), method(IidNoise(seed=1, statistics="wide"), 0.25, speed=4))
    found = reconstruct([excerpt], attacks=["none", "temporal_averaging"])
    assert found["temporal_averaging"].setting.startswith("mean of all frames along the motion")
    assert found["temporal_averaging"].psnr > found["none"].psnr + 1


@pytest.mark.parametrize(("opacity", "least", "most"), [(0.3, 30, 100), (0.8, 24, 100), (1.0, -100, 1)])
def test_a_known_seed_undoes_what_is_not_fully_covered(opacity: float, least: float, most: float) -> None:
    frames = scenery(8)

    def remake(seed: int) -> Selective:
        return method(MotionNoise(transport="first_frame", grain=1, statistics="kinetics", seed=seed), opacity)

    excerpt = excerpt_of(frames, remake(77))
    found = reconstruct([excerpt], attacks=["known_seed"], remake=remake, clips=lambda: clips_of(frames, [3, 4]))
    recovery = found["known_seed"]
    assert recovery.not_run is None
    if opacity < 1:
        assert recovery.psnr > least
        assert recovery.gain > 10
        assert np.median(np.abs(recovery.moments[0].recovered.astype(int) - recovery.moments[0].original)) <= 4
    else:
        assert recovery.gain < most


def test_what_was_blended_is_computed(rng: np.random.Generator) -> None:
    picture, noise = rng.integers(0, 256, (2, 20, 30, 3), np.uint8)
    opacity = rng.uniform(0, 0.6, (20, 30)).astype(np.float32)
    blended = np.rint(picture + opacity[..., None] * (noise.astype(float) - picture)).astype(np.uint8)
    assert np.abs(uncovered(blended, noise, opacity).astype(int) - picture).max() <= 2


def test_gaps_are_filled_from_what_is_near() -> None:
    picture = np.full((60, 80, 3), 50, np.uint8)
    picture[:, 40:] = 200
    weights = np.ones((60, 80), np.float32)
    weights[10:50, 5:30] = 0
    known = np.where(weights[..., None] > 0, picture, np.uint8(0))
    filled = spread(known, weights)
    np.testing.assert_array_equal(filled[weights > 0], picture[weights > 0])
    assert abs(filled[12, 7].astype(int) - 50).max() <= 1


def test_a_known_blur_is_undone_exactly() -> None:
    picture = scenery(9)[0].astype(np.float32)
    kernel = kernel_of(1.5, None, 224)
    blurred = cv2.sepFilter2D(picture, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT)
    sharp = Wiener(blurred.astype(np.float32), kernel)(1e-5)
    before, after = (float(np.abs(p[20:-20, 20:-20] - picture[20:-20, 20:-20]).mean()) for p in (blurred, sharp))
    assert after < before / 3


def test_a_network_learns_the_method_on_other_videos(one_torch_thread: None) -> None:
    def remake(seed: int) -> Selective:
        return method(Pixelation(cell=12))

    others = [scenery(seed) for seed in (20, 21, 22, 23)]
    sources = [lambda frames=frames: clips_of(frames) for frames in others]
    training = training_excerpts(sources, remake, every=4, short_side=80)
    assert [len(excerpt.original) for excerpt in training] == [3] * 8
    told: list[float] = []
    found = reconstruct(
        [excerpt_of(scenery(24), remake(0))],
        attacks=["trained_network"],
        training=training,
        how=AttackerTraining(steps=40, seconds=None, width=8, crop=64, batch=4),
        on_progress=lambda name, share: told.append(share),
    )
    assert found["trained_network"].gain > 2
    assert told == sorted(told)
    assert told[-1] == 1


def test_training_repeats(one_torch_thread: None) -> None:
    training = training_excerpts(
        [lambda: clips_of(scenery(20))], lambda seed: method(MotionNoise(seed=seed)), every=4, short_side=80
    )
    excerpt = excerpt_of(scenery(24), method(MotionNoise(seed=3)))
    how = AttackerTraining(steps=3, seconds=None, width=8, crop=32, batch=2)
    first, second = (
        reconstruct([excerpt], attacks=["trained_network"], training=training, how=how)["trained_network"]
        for _ in range(2)
    )
    assert first.psnr == second.psnr
    assert first.floor_psnr == second.floor_psnr


class SoftBox:
    """A rectangle that fades towards its inside, or outside it."""

    def __init__(self, *, outside: bool) -> None:
        self.outside = outside

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        hard = np.zeros((HEIGHT, WIDTH), np.float32)
        hard[BOX] = 1
        grown = cv2.dilate(hard, np.ones((33, 33))) if self.outside else hard
        shrunk = hard if self.outside else cv2.erode(hard, np.ones((33, 33)))
        soft = np.maximum(cv2.blur(grown, (33, 33)) * grown, shrunk).astype(np.float32)
        for clip in clips:
            yield np.stack([soft] * len(clip))


@pytest.mark.parametrize("outside", [True, False])
def test_who_knows_the_noise_gets_back_what_fades_inside(outside: bool) -> None:
    frames = scenery(8, speed=1)
    made = Selective(SoftBox(outside=outside), MotionNoise(seed=3), ConstantFlow(1, 0))
    excerpt = excerpt_of(frames, made)
    people = np.zeros(frames.shape[:3], bool)
    people[(slice(None), *BOX)] = True
    excerpt = replace(excerpt, touched=people, people=people)
    found = reconstruct(
        [excerpt],
        attacks=["known_noise"],
        remake=lambda seed: Selective(SoftBox(outside=outside), MotionNoise(seed=seed), ConstantFlow(1, 0)),
        clips=lambda: clips_of(frames),
    )
    assert found["known_noise"].not_run is None
    gain = found["known_noise"].gain
    assert gain < 0.6 if outside else gain > 1, gain
    # Not only the core, away from the outline.
    assert found["known_noise"].moments[0].core.sum() == 4 * people[0].sum()


def test_what_is_missing_is_said() -> None:
    excerpt = excerpt_of(scenery(2), method(SolidColour()))
    found = reconstruct([excerpt], attacks=["known_seed", "trained_network"])
    assert "settings" in str(found["known_seed"].not_run)
    assert "no other videos" in str(found["trained_network"].not_run)
    assert np.isnan(found["known_seed"].gain)
    late = replace(excerpt, start=1000)
    frames = clips_of(excerpt.original)
    found = reconstruct([late], attacks=["known_seed"], remake=lambda seed: method(SolidColour()), clips=lambda: frames)
    assert "first 10 seconds" in str(found["known_seed"].not_run)
    found = reconstruct(
        [excerpt],
        attacks=["known_seed"],
        remake=lambda seed: method(SolidColour()),
        clips=lambda: clips_of(frames[0].frames[:3]),
    )
    assert "ends before" in str(found["known_seed"].not_run)
    found = reconstruct([replace(excerpt, core=excerpt.core & False)], attacks=["none"])
    assert "no core" in str(found["none"].not_run)
    with pytest.raises(OptionError, match="choose from none, recolouring, known_seed, known_noise"):
        reconstruct([excerpt], attacks=["magic"])


def test_windows_are_judged_together_and_left_as_they_are() -> None:
    excerpts = [excerpt_of(scenery(seed), method(GaussianBlur(sigma=3))) for seed in (30, 31)]
    before = [excerpt.output.copy() for excerpt in excerpts]
    order: list[str] = []
    found = reconstruct(
        excerpts, attacks=["none", "denoising"], targets=3, on_recovery=lambda recovery: order.append(recovery.name)
    )
    assert order == ["none", "denoising"]
    for excerpt, copy in zip(excerpts, before, strict=True):
        np.testing.assert_array_equal(excerpt.output, copy)
    recovery = found["none"]
    errors = [(w.original[[1, 3, 5]].astype(float) - w.output[[1, 3, 5]])[w.core[[1, 3, 5]]] for w in excerpts]
    assert recovery.psnr == pytest.approx(10 * np.log10(255**2 / np.mean(np.concatenate(errors) ** 2)))
    for moments, excerpt in zip(found["denoising"].moments, excerpts, strict=True):
        assert moments.indices == (1, 3, 5)
        left = ~excerpt.touched[[1, 3, 5]]
        np.testing.assert_array_equal(moments.recovered[left], moments.output[left])
        assert (moments.floor_recovered != moments.recovered).any()
        rows, columns = moments.box
        assert moments.core[:, rows, columns].sum() == moments.core.sum()
        assert rows.start == 40 - 79 // 10 - 2


def test_the_floor_knows_nothing_of_the_picture() -> None:
    excerpt = excerpt_of(scenery(2), method(GaussianBlur(sigma=3)))
    evidence = scene_of(excerpt, 320, targets=4).evidence.flattened()
    assert (evidence.frames[excerpt.touched] == GREY).all()
    np.testing.assert_array_equal(evidence.frames[~excerpt.touched], excerpt.output[~excerpt.touched])


def test_large_frames_are_shrunk_and_the_core_stays_inside() -> None:
    frames = np.stack([cv2.resize(frame, (832, 640)) for frame in scenery(2)])
    touched = np.zeros(frames.shape[:3], bool)
    touched[:, 101:503, 99:641] = True
    small = scene_of(Excerpt(0, (), frames, frames, touched, touched), 320, targets=4)
    assert small.original.shape == (4, 320, 416, 3)
    at_full_size = np.repeat(np.repeat(small.core[0], 2, 0), 2, 1)
    assert at_full_size.any()
    assert not (at_full_size & ~touched[0]).any()
    around = np.repeat(np.repeat(small.evidence.touched[0], 2, 0), 2, 1)
    assert not (touched[0] & ~around).any()


def test_attacks_are_in_the_table_under_their_names() -> None:
    for name, attack in ATTACKS.items():
        made = attack()
        assert made.name == name
        assert made.summary.endswith(".")


def test_torch_is_loaded_only_for_the_network() -> None:
    code = "import sys, motionveil.audit.reconstruction; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_single_small_picture_is_attacked_too() -> None:
    excerpt = excerpt_of(scenery(2), method(GaussianBlur(sigma=3)))
    part = (slice(0, 1), slice(20, 42), slice(30, 62))
    parts = {name: getattr(excerpt, name)[part] for name in ("original", "output", "touched", "core")}
    found = reconstruct([replace(excerpt, pts=excerpt.pts[:1], **parts)], attacks=BLIND)
    assert all(np.isfinite(recovery.gain) for recovery in found.values())

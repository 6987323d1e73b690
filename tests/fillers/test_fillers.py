"""What each filler shows: cases with a known answer. What all of them hold is in contracts/test_obfuscators.py."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, Float32Array, UInt8Array
from motionveil.fillers import FILLERS, Filler
from motionveil.noise import STATISTICS
from motionveil.obfuscation.factory import make_filler

from ..cli.test_commands import Run, run
from ..conftest import textured
from ..pipeline.test_obfuscation import read, write

__all__ = ["run"]

RNG = np.random.default_rng(4)
FRAMES: UInt8Array = np.stack([textured(224, 288, RNG) for _ in range(3)])


def clip_of(frames: UInt8Array, opacity: Float32Array | None = None) -> Clip:
    opacity = np.ones(frames.shape[:3], np.float32) if opacity is None else opacity
    return Clip(frames, 0, tuple(Fraction(t, 25) for t in range(len(frames))), opacity=opacity)


def filled(filler: Filler, frames: UInt8Array = FRAMES, opacity: Float32Array | None = None) -> UInt8Array:
    (filling,) = filler.stream([clip_of(frames, opacity)])
    assert filling.shape == frames.shape
    assert filling.dtype == np.uint8
    return filling


def disc(radius: float) -> Float32Array:
    y, x = np.mgrid[0:224, 0:288]
    return ((x - 144) ** 2 + (y - 112) ** 2 < radius**2).astype(np.float32)


@pytest.mark.parametrize(("name", "cell"), [("pixelate_4", 4), ("pixelate_16", 16), ("pixelate", 16)])
def test_pixelation_is_true_average_pooling(name: str, cell: int) -> None:
    filling = filled(make_filler(name))
    blocks = FRAMES.reshape(3, 224 // cell, cell, 288 // cell, cell, 3).mean((2, 4))
    expected = blocks.repeat(cell, 1).repeat(cell, 2)
    assert np.abs(filling - expected).max() <= 0.51


@pytest.mark.parametrize(("name", "width"), [("blur_weak", 13), ("blur_strong", 21)])
def test_the_published_blurs_have_their_width(name: str, width: int) -> None:
    for scale in (1, 2):
        frames = np.zeros((1, 224 * scale, 224 * scale, 3), np.uint8)
        # A line, and not a point: the filters are nearly flat, and a point of 255 would round to nothing.
        frames[:, :, 112 * scale] = 255
        row = filled(make_filler(name), frames)[0, 100, :, 0]
        assert np.count_nonzero(row) in (width * scale, width * scale + 1)
        spread = cv2.getGaussianKernel(int(np.count_nonzero(row)), 10 * scale)[:, 0] * 255
        assert np.abs(row[row > 0] - spread).max() <= 1.5


def test_relative_sizes_follow_the_region_and_do_not_shrink_at_once() -> None:
    def difference(name: str, opacity: Float32Array) -> float:
        filling = filled(make_filler(name), FRAMES[:1], opacity)
        return float(np.abs(filling[0].astype(int) - FRAMES[0])[disc(20) > 0].mean())

    for name in ("blur_relative", "pixelate_relative"):
        small, large = difference(name, disc(20)[None]), difference(name, disc(100)[None])
        assert 0 < small < large
        shrinking = np.stack([disc(100), disc(20)])
        two = filled(make_filler(name), np.stack([FRAMES[0], FRAMES[0]]), shrinking)
        assert np.abs(two[1].astype(int) - FRAMES[0])[disc(20) > 0].mean() > 1.2 * small


def test_a_blur_wider_than_the_frame() -> None:
    small, all_of_it = np.ascontiguousarray(FRAMES[:1, :24, :30]), np.ones((1, 24, 30), np.float32)
    filled(make_filler("blur", kernel=10**7), small, all_of_it)
    for blur in (make_filler("blur", sigma=1e9), make_filler("blur", relative=1e6)):
        assert filled(blur, small, all_of_it).std() < 0.5 * small.std()


def test_mean_fill_is_the_mean_of_what_is_covered() -> None:
    opacity = np.stack([disc(50), 0.5 * disc(80), 0 * disc(1)])
    filling = filled(make_filler("mean_fill"), FRAMES, opacity)
    for frame, weights, found in zip(FRAMES, opacity, filling, strict=True):
        used = weights if weights.any() else np.ones_like(weights)
        expected = (frame * used[..., None]).sum((0, 1)) / used.sum()
        assert np.abs(found - expected).max() <= 0.51
        assert len(np.unique(found.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize(
    ("colour", "expected"), [("#0a14ff", (10, 20, 255)), ("white", (255, 255, 255)), ((1, 2, 3), (1, 2, 3))]
)
def test_solid_colours(colour: object, expected: tuple[int, int, int]) -> None:
    assert (filled(make_filler("solid", colour=colour)) == expected).all()


def test_inpainting_goes_on_with_what_is_around() -> None:
    y = np.mgrid[0:224, 0:288][0]
    slope = np.repeat((y + 10)[..., None], 3, 2).astype(np.uint8)
    hole = disc(40)
    wrong = np.where(hole[..., None] > 0, 0, slope).astype(np.uint8)
    filling = filled(make_filler("inpaint"), wrong[None], hole[None])[0]
    # Far nearer than one colour for all.
    inside = hole > 0
    flat = np.abs(slope[inside].astype(int) - round(float(slope[inside].mean()))).mean()
    assert np.abs(filling[inside].astype(int) - slope[inside]).mean() < 0.6 * flat
    assert (filled(make_filler("inpaint"), FRAMES[:1], np.ones((1, 224, 288), np.float32)) == 115).all()
    nothing = np.zeros((1, 224, 288), np.float32)
    assert np.array_equal(filled(make_filler("inpaint"), FRAMES[:1], nothing), FRAMES[:1])


def test_noise_without_motion() -> None:
    independent, static = filled(make_filler("iid_noise")), filled(make_filler("static_noise"))
    assert np.array_equal(static[0], static[1])
    assert abs(np.corrcoef(independent[0].ravel(), independent[1].ravel())[0, 1]) < 0.01
    for name, filling in (
        ("kinetics", independent),
        ("imagenet", filled(make_filler("iid_noise", statistics="imagenet"))),
    ):
        low = np.array(STATISTICS[name].mean) - STATISTICS[name].std
        high = np.array(STATISTICS[name].mean) + STATISTICS[name].std
        pixels = filling.reshape(-1, 3) / 255
        assert np.abs(pixels.min(0) - low).max() < 0.01
        assert np.abs(pixels.max(0) - high).max() < 0.01


def test_small_copies() -> None:
    blocks = filled(make_filler("resample", short_side=14, interpolation="nearest"))
    assert len(np.unique(blocks[0].reshape(-1, 3), axis=0)) <= 14 * 18
    # Single pixels are taken, and not averages.
    assert all(
        pixel.tolist() in FRAMES[0].reshape(-1, 3).tolist() for pixel in np.unique(blocks[0].reshape(-1, 3), axis=0)[:5]
    )
    errors = {
        kind: float(
            np.abs(filled(make_filler("resample", short_side=112, interpolation=kind)).astype(int) - FRAMES).mean()
        )
        for kind in ("nearest", "linear", "cubic", "area", "lanczos")
    }
    assert errors["lanczos"] < errors["linear"] < errors["nearest"]
    half, same = (make_filler("resample", factor=2), make_filler("resample", short_side=min(FRAMES.shape[1:3]) // 2))
    assert np.array_equal(filled(half), filled(same))
    with pytest.raises(OptionError, match="at least 1"):
        make_filler("resample", factor=0.5)
    large = make_filler("resample", short_side=500, interpolation="cubic")
    assert np.array_equal(filled(large), FRAMES)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("fog", {}, "unknown filler 'fog'"),
        ("solid", {"color": "#000000"}, "has no option color"),
        ("solid", {"colour": "#0000"}, "invalid colour '#0000'"),
        ("solid", {"colour": 5}, "invalid colour=5"),
        ("blur", {"sigma": "much"}, "invalid sigma='much'"),
        ("blur", {"sigma": 0}, "must be above 0"),
        ("pixelate", {"cell": 0.5}, "at least 1 pixel"),
        ("resample", {"interpolation": "magic"}, "invalid interpolation='magic'"),
        ("iid_noise", {"statistics": "rainbow"}, "unknown statistics 'rainbow'"),
        ("inpaint", {"short_side": 2}, "16 pixels"),
    ],
)
def test_what_does_not_exist(name: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        make_filler(name, **options)  # type: ignore[arg-type]


def test_on_the_command_line(run: Run, tmp_path: Path) -> None:
    source = write(tmp_path / "in.mkv", FRAMES[:, ::2, ::2])
    code, _, errors = run(
        "obfuscate", source, "-o", tmp_path / "out.mkv", "--codec", "ffv1", "--filler", "blur:sigma=3", "-q"
    )
    assert code == 0
    assert "blur can be partly reversed" in errors
    assert "GaussianBlur(sigma=3" in json.loads((tmp_path / "out.mkv.json").read_text())["settings"]["filler"]
    assert len(read(tmp_path / "out.mkv")[0]) == 3
    for wrong in ("fog", "blur:sigma", "blur:radius=3", "blur:sigma=x"):
        assert run("obfuscate", source, "-o", tmp_path / "no.mkv", "--filler", wrong)[0] == 2
        assert not (tmp_path / "no.mkv").exists()


def test_every_filler_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "fillers.md").read_text()
    assert not [name for name in FILLERS if f"`{name}`" not in text]

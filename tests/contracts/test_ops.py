"""Every function of `ops` means the same on arrays and on tensors.

Tensors of the processor run the very code that tensors of a GPU run. Exact are whole numbers: grey values, greatest and
nearest values, Lanczos resampling, which rounds as Pillow does, and sampling at integer points. OpenCV's bilinear
resizing of uint8 has weights of 11 bits, and its sum of two pictures its own rounding: one grey level. Where OpenCV
samples in steps of 1/32 pixel (maps of two channels; before OpenCV 5 everything), values differ by up to 1/64 of what
lies between neighbouring pixels, along both axes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from motionveil import ops
from motionveil._core.errors import OptionError
from motionveil._core.types import Float32Array, UInt8Array

from ..conftest import textured

torch = pytest.importorskip("torch", reason="tensors need torch: pip install 'motionveil[torch]'")

from motionveil.ops import cuda  # noqa: E402

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]

RNG = np.random.default_rng(11)
HEIGHT, WIDTH = 120, 161
PICTURES: list[UInt8Array] = [RNG.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(2)]
MAPS: list[Float32Array] = [RNG.random((HEIGHT, WIDTH), np.float32) for _ in range(2)]
FLOW = np.asarray(RNG.random((HEIGHT, WIDTH, 2)) * 20 - 10, np.float32)
SMOOTH = textured(HEIGHT, WIDTH, RNG)[..., :2].astype(np.float32) / 255
"""Two channels whose neighbours differ by less than 0.15."""
POINTS = np.asarray(RNG.random((50, 70, 2)) * 400 - 120, np.float32)
SIZES = [(60, 80), (60, 81), (30, 40), (36, 48), (240, 322), (50, 200), (7, 5), (119, 160), (1, 1), (HEIGHT, WIDTH)]
BORDERS = ["replicate", "zero", "wrap"]
REMAP = 0.15 * 2 / 64
LEVEL = 1.0


def case(name: str, tolerance: float, *arguments: Any, **options: Any) -> Any:
    parts = [repr(part) for part in (*arguments, *options.values()) if not isinstance(part, np.ndarray | list)]
    return pytest.param(name, arguments, options, tolerance, id=" ".join([name, *parts]))


CASES = [
    case("as_float32", 0, PICTURES[0]),
    case("as_float32", 0, MAPS[0] > 0.5),
    case("as_uint8", 0, 300 * MAPS[0] - 20),
    case("blend", LEVEL, *PICTURES, MAPS[0]),
    *(case("dilate", 0, MAPS[0], radius) for radius in (0, 0.3, 1, 1.5, 2, 2.3, 7.7)),
    case("floor", 0, FLOW),
    case("greatest", 0, MAPS),
    case("greatest", 0, MAPS[:1]),
    case("grey", 0, PICTURES[0]),
    case("mirror", 0, PICTURES[0][None]),
    case("mix", LEVEL, PICTURES[0], 0.6, PICTURES[1], 0.8, -50.3),
    *(case("resize_flow", 1e-3, FLOW, size) for size in SIZES),
    *(case("resize_image", LEVEL, PICTURES[0], size) for size in SIZES),
    case("resize_image", 0, PICTURES[0][:, :160], (30, 40)),
    case("resize_image", LEVEL, PICTURES[0][..., 0], (36, 48)),
    *(case("resize_lanczos", 0, PICTURES[0], size) for size in SIZES),
    *(case("resize_map", 1e-4, values, size) for size in SIZES for values in (MAPS[0], SMOOTH)),
    *(case("sample", 1 / 32, MAPS[0], POINTS, border=border) for border in BORDERS),
    *(case("sample", REMAP, SMOOTH, POINTS, border=border) for border in BORDERS[:1]),
    *(case("sample_image", 8, PICTURES[0], POINTS, border=border) for border in BORDERS),
    *(case("sample_image", 0, PICTURES[0], POINTS, border=border, nearest=True) for border in BORDERS),
    case("sample_image", 0, PICTURES[0], np.round(POINTS * 2) / 2, border="wrap", nearest=True),
    *(case("smooth", 1e-5, values, sigma) for values in (MAPS[0], FLOW) for sigma in (0.7, 2.0, 40.0)),
    case("stack", 0, PICTURES),
    case("stack", 0, PICTURES[:1]),
    case("warp", 1 / 32, MAPS[0], FLOW),
    case("warp", REMAP, SMOOTH, SMOOTH),
]


def moved(argument: Any, device: str) -> Any:
    if isinstance(argument, list):
        return [moved(part, device) for part in argument]
    return ops.to_device(argument, device) if isinstance(argument, np.ndarray) else argument


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("name", "arguments", "options", "tolerance"), CASES)
def test_tensors_give_what_arrays_give(
    name: str, arguments: Sequence[Any], options: dict[str, Any], tolerance: float, device: str
) -> None:
    function: Callable[..., Any] = getattr(ops, name)
    expected = function(*arguments, **options)
    found = function(*(moved(argument, device) for argument in arguments), **options)
    assert isinstance(expected, np.ndarray)
    assert isinstance(found, torch.Tensor)
    assert found.device.type == device
    host = ops.to_host(found)
    assert (host.shape, host.dtype) == (expected.shape, expected.dtype)
    assert np.abs(host.astype(np.float64) - expected.astype(np.float64)).max() <= tolerance


@pytest.mark.parametrize(("name", "arguments", "options", "tolerance"), CASES)
def test_all_of_it_runs_where_the_tensors_lie(
    name: str, arguments: Sequence[Any], options: dict[str, Any], tolerance: float
) -> None:
    """Tensors without values stand for those of a GPU: neither can meet one of the processor, or be looked at."""
    function: Callable[..., Any] = getattr(ops, name)
    found = function(*(moved(argument, "meta") for argument in arguments), **options)
    assert ops.device_of(found) == "meta"
    assert tuple(found.shape) == function(*arguments, **options).shape


def test_no_function_is_left_out() -> None:
    made = {"pixel_grid", "zeros", "to_device"}
    there = {
        name for name, value in vars(cuda).items() if inspect.isfunction(value) and value.__module__ == cuda.__name__
    }
    public = {name for name in there if not name.startswith("_")}
    assert {case.values[0] for case in CASES} == public - made
    assert public < set(ops.__all__)


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_made_is_the_same(device: str) -> None:
    for expected, found in (
        (ops.pixel_grid(7, 9), ops.pixel_grid(7, 9, device=device)),
        (ops.zeros((3, 4, 2)), ops.zeros((3, 4, 2), device=device)),
    ):
        assert ops.device_of(expected) is None
        assert str(ops.device_of(found)).startswith(device)
        np.testing.assert_array_equal(ops.to_host(found), expected)


@pytest.mark.parametrize("device", DEVICES)
def test_tensors_are_exact_where_arrays_are(device: str) -> None:
    flow, image = moved(FLOW, device), moved(MAPS[0], device)
    assert torch.equal(ops.warp(flow, 0 * flow), flow)
    shift = 0 * flow + moved(np.array([3, -2], np.float32), device)
    assert torch.equal(ops.warp(image, shift)[2:, :-3], image[:-2, 3:])
    first, second = (moved(picture, device) for picture in PICTURES)
    opacity = (image > 0.5).float()
    blended = ops.blend(first, second, opacity)
    assert torch.equal(blended, torch.where(opacity[..., None] > 0, second, first))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("border", BORDERS)
def test_flow_that_leads_nowhere_does_no_harm(border: Any, device: str) -> None:
    """On a GPU an index that lies outside would end the process."""
    points = np.zeros((2, 3, 2), np.float32) + np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 3e9], np.float32)[
        :, None
    ].reshape(2, 3, 1)
    for nearest in (False, True):
        found = ops.sample_image(moved(PICTURES[0], device), moved(points, device), border=border, nearest=nearest)
        assert found.shape == (2, 3, 3)


def test_tensors_are_refused_where_arrays_are() -> None:
    with pytest.raises(OptionError, match=r"\(120, 161\) and flow \(119, 161\)"):
        ops.warp(moved(MAPS[0], "cpu"), moved(FLOW[1:], "cpu"))


def test_arrays_that_must_not_be_written_to_are_uploaded() -> None:
    picture = PICTURES[0][::-1]
    picture.flags.writeable = False
    np.testing.assert_array_equal(ops.to_host(ops.to_device(picture, "cpu")), picture)

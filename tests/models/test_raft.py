"""RAFT against the code of its authors and torchvision's, and what its estimator must hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from motionveil._core.errors import OptionError, WeightsError
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.flow import RAFTFlow, with_motion

from ..conftest import clips_of, textured
from ..golden.make_raft import (
    HERE,
    ITERATIONS,
    PAIRS,
    RANDOM_SIZES,
    Pair,
    digest,
    lattice,
    random_images,
    random_weights,
    read_pair,
)

torch = pytest.importorskip("torch", reason="RAFT needs torch: pip install 'motionveil[torch]'")

from motionveil.models.engine.openvino import import_openvino  # noqa: E402
from motionveil.models.raft import ARCHITECTURES, RAFT, from_torchvision, load_raft  # noqa: E402
from motionveil.models.raft.similarities import Similarities  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

RANDOM = np.load(HERE / "raft_random.npz")
TORCHVISION = json.loads((HERE / "raft_torchvision.json").read_text("utf-8"))
TOLERANCE = 1e-3
"""Pixels."""


def tensors(shapes: dict[str, Any]) -> dict[str, Any]:
    return {name: torch.as_tensor(value) for name, value in random_weights(shapes).items()}


def shapes(size: str) -> dict[str, Any]:
    return {name: tuple(value.shape) for name, value in RAFT(size).state_dict().items()}


@pytest.fixture(scope="module")
def networks() -> dict[str, RAFT]:
    """With random weights."""
    return {size: load_raft(tensors(shapes(size))) for size in ARCHITECTURES}


@pytest.fixture
def network(networks: dict[str, RAFT]) -> RAFT:
    return networks["small"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights as the authors' training leaves them."""
    path = tmp_path_factory.mktemp("weights") / "raft-random.pth"
    torch.save({f"module.{name}": value for name, value in tensors(shapes("small")).items()}, path)
    return path


def flow_of(network: RAFT, first: UInt8Array, second: UInt8Array, iterations: int = ITERATIONS) -> Float32Array:
    """Between batches (N, 3, H, W)."""
    with torch.inference_mode():
        return np.asarray(network(torch.tensor(first), torch.tensor(second), iterations), np.float32)


def difference(first: Float32Array, second: Float32Array) -> float:
    assert first.shape == second.shape
    return float(np.abs(first - second).max())


@pytest.mark.parametrize("size", ARCHITECTURES)
@pytest.mark.parametrize(("height", "width"), RANDOM_SIZES)
def test_equals_the_authors_code(size: str, height: int, width: int, networks: dict[str, RAFT]) -> None:
    flow = flow_of(networks[size], *random_images(height, width))
    assert difference(lattice(flow), RANDOM[f"{size}_{height}x{width}"]) < TOLERANCE


@pytest.mark.weights
@pytest.mark.data
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.clip}-{pair.iterations}")
def test_equals_the_authors_code_on_real_frames(pair: Pair, weights_dir: Path, data_dir: Path) -> None:
    golden = np.load(HERE / "raft_small.npz")
    assert [Pair(*fields) for fields in json.loads(str(golden["pairs"]))] == list(PAIRS), "make the file anew"
    number = PAIRS.index(pair)
    frames = read_pair(data_dir / "clips", pair)
    assert digest(frames) == str(golden[f"digest_{number}"]), "these are not the frames that the values were made from"
    flow = RAFTFlow(weights_dir / "raft-small.pth", iterations=pair.iterations, engine="torch", precision="f32")(
        *frames
    )
    assert difference(lattice(np.moveaxis(flow, 2, 0)), golden[f"flow_{number}"]) < TOLERANCE


@pytest.mark.parametrize("size", ARCHITECTURES)
def test_names_of_torchvision(size: str) -> None:
    renamed = from_torchvision(tensors(TORCHVISION[size]))
    assert {name: tuple(value.shape) for name, value in renamed.items()} == shapes(size)


@pytest.mark.parametrize("size", ARCHITECTURES)
def test_equals_torchvision(size: str) -> None:
    flow = flow_of(load_raft(tensors(TORCHVISION[size])), *random_images(*RANDOM_SIZES[0]))
    assert difference(lattice(flow), RANDOM[f"torchvision_{size}"]) < TOLERANCE


def test_similarities_are_interpolated_as_by_grid_sample() -> None:
    """The plain way: all pairs, averaged over cells of the target, sampled at every place by itself."""
    generator = torch.Generator().manual_seed(3)
    n, channels, height, width, radius = 2, 8, 16, 21, 3
    source, target = torch.rand(2, n, channels, height, width, generator=generator)
    points = torch.rand(n, 2, height, width, generator=generator) * 60 - 20
    points[0, :, 0, 0] = torch.tensor([4.0, 7.0])
    points[0, :, 0, 1] = torch.tensor([1e9, -1e9])
    level = torch.einsum("nchw,ncij->nhwij", source, target).reshape(-1, 1, height, width) / channels**0.5
    offsets = torch.arange(-radius, radius + 1.0)
    expected = []
    for scale in (1, 2, 4, 8):
        x, y = (points.permute(1, 0, 2, 3).reshape(2, -1, 1, 1) / scale).unbind()
        grid = torch.stack(
            torch.broadcast_tensors(
                2 * (x + offsets[:, None]) / (level.shape[3] - 1) - 1, 2 * (y + offsets) / (level.shape[2] - 1) - 1
            ),
            -1,
        )
        sampled = torch.nn.functional.grid_sample(level, grid, align_corners=True)
        expected.append(sampled.reshape(n, height, width, -1))
        level = torch.nn.functional.avg_pool2d(level, 2)
    found = Similarities(source, target, radius).around(points)
    torch.testing.assert_close(found, torch.cat(expected, 3).permute(0, 3, 1, 2), atol=1e-4, rtol=0)


def test_a_batch_is_its_images(network: RAFT) -> None:
    first, second = random_images(130, 150)
    single = [flow_of(network, first[i : i + 1], second[i : i + 1]) for i in (0, 1)]
    assert difference(flow_of(network, first, second), np.concatenate(single)) < TOLERANCE


def test_any_size_is_padded_at_the_border_and_cropped(network: RAFT) -> None:
    first, second = random_images(131, 150)
    margins = [(0, 0), (0, 0), (2, 3), (1, 1)]
    padded = flow_of(network, np.pad(first, margins, mode="edge"), np.pad(second, margins, mode="edge"))
    np.testing.assert_array_equal(flow_of(network, first, second), padded[:, :, 2:-3, 1:-1])


@pytest.mark.parametrize("size", ARCHITECTURES)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 16), (40, 24), (8, 200)])
def test_small_images_work(size: str, height: int, width: int, networks: dict[str, RAFT]) -> None:
    first, second = random_images(height, width)
    flow = flow_of(networks[size], first, second)
    assert flow.shape == (2, 2, height, width)
    assert np.isfinite(flow).all()


@pytest.mark.parametrize("shape", [(1, 3, 0, 40), (3, 128, 128), (1, 1, 128, 128)])
def test_other_shapes_are_refused(network: RAFT, shape: tuple[int, ...]) -> None:
    with pytest.raises(OptionError, match="images"):
        network.encode(torch.zeros(shape))


def test_unknown_size_is_refused() -> None:
    with pytest.raises(OptionError, match="small, large"):
        RAFT("medium")


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_openvino_gets_the_same(network: RAFT) -> None:
    openvino = import_openvino()
    first, second = (torch.tensor(images).float() for images in random_images(131, 150))
    with torch.no_grad():
        model = openvino.convert_model(network, example_input=(first, second))
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert difference(compiled((first, second))[0], flow_of(network, first.numpy(), second.numpy(), 12)) < 0.05


# The estimator


def test_a_frame_is_encoded_once(checkpoint: Path, rng: np.random.Generator) -> None:
    picture = textured(130, 140, rng)
    frames = np.stack([np.roll(picture, 2 * t, axis=1) for t in range(3)])
    frames.flags.writeable = False
    estimator = RAFTFlow(checkpoint, iterations=2)
    with mock.patch.object(estimator, "_encode", wraps=estimator._encode) as encode:
        (clip,) = with_motion(clips_of(frames), estimator)
    assert encode.call_count == 3
    assert clip.flow_to_previous is not None
    for now, before, flow in zip(frames[1:], frames, clip.flow_to_previous[1:], strict=False):
        np.testing.assert_array_equal(flow, estimator(now, before))


def test_threads_share_an_estimator(checkpoint: Path, rng: np.random.Generator) -> None:
    estimator = RAFTFlow(checkpoint, iterations=2)
    frames = [textured(130, 140 + 8 * t, rng) for t in range(4)]
    alone = [estimator(frame, frame[::-1]) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda frame: estimator(frame, frame[::-1]), frames))
    for first, second in zip(alone, together, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.weights
@pytest.mark.parametrize(("engine", "precision"), [("torch", "f32"), ("openvino", "f32"), ("openvino", "auto")])
def test_great_motion_is_found(engine: str, precision: str, weights_dir: Path, rng: np.random.Generator) -> None:
    canvas = textured(260, 320, rng)
    estimator = RAFTFlow(weights_dir / "raft-small.pth", engine=engine, precision=precision)
    flow = estimator(canvas[30:230, 40:280], canvas[44:244, 15:255])
    assert flow.dtype == np.float32
    assert np.median(flow[50:-50, 60:-60].reshape(-1, 2), axis=0) == pytest.approx((25, -14), abs=0.5)


@pytest.mark.weights
def test_scale_is_that_of_the_grid(weights_dir: Path, rng: np.random.Generator) -> None:
    canvas = textured(120, 160, rng)
    flow = RAFTFlow(weights_dir / "raft-small.pth", scale=2)(canvas[10:100, 10:130], canvas[8:98, 7:127])
    assert flow.shape == (180, 240, 2)
    assert np.median(flow[40:-40, 40:-40].reshape(-1, 2), axis=0) == pytest.approx((6, 4), abs=0.3)
    assert RAFTFlow(weights_dir / "raft-small.pth", scale=0.5)(canvas, canvas).shape == (60, 80, 2)


def test_settings_are_shown_and_checked(checkpoint: Path) -> None:
    shown = repr(RAFTFlow(checkpoint, iterations=5, scale=0.5, engine="openvino", precision="f32"))
    assert re.fullmatch(
        r"RAFTFlow\(weights='raft-random.pth [0-9a-f]{16}', iterations=5, scale=0.5, engine='openvino \S+ CPU f32'\)",
        shown,
    )
    refused: list[dict[str, Any]] = [{"precision": "int8"}, {"iterations": 0}, {"scale": 0}, {"engine": "toaster"}]
    for options in refused:
        with pytest.raises(OptionError, match=str(*options.values())):
            RAFTFlow(checkpoint, **options)


def test_frames_that_memory_has_no_room_for(checkpoint: Path) -> None:
    with pytest.raises(OptionError, match=r"RAFT would need \d+ GB for frames of 3840x2160; choose a `scale`"):
        RAFTFlow(checkpoint).prepare(np.zeros((2160, 3840, 3), np.uint8))


def test_a_published_name_means_what_was_published(checkpoint: Path, tmp_path: Path) -> None:
    path = tmp_path / "raft-sintel.pth"
    path.write_bytes(checkpoint.read_bytes())
    with pytest.raises(WeightsError, match=r"raft-sintel\.pth"):
        RAFTFlow(path)


# Files


def without_one(weights: dict[str, Any]) -> None:
    del weights["cnet.conv2.bias"]


def with_one_more(weights: dict[str, Any]) -> None:
    weights["cnet.conv9.bias"] = torch.zeros(3)


def with_another_shape(weights: dict[str, Any]) -> None:
    weights["cnet.conv2.bias"] = torch.zeros(3)


@pytest.mark.parametrize("change", [without_one, with_one_more, with_another_shape])
@pytest.mark.parametrize("size", ARCHITECTURES)
def test_other_tensors_are_refused(size: str, change: Callable[[dict[str, Any]], None]) -> None:
    weights = tensors(shapes(size))
    change(weights)
    with pytest.raises(WeightsError, match=rf"this.pth does not match RAFT {size}.*1 tensors.*cnet\.conv[29]\.bias"):
        load_raft(weights, origin="this.pth")


def test_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"conv.weight": torch.zeros(3)}, path)
    with pytest.raises(WeightsError, match=r"other\.pth is not a RAFT checkpoint; give"):
        RAFTFlow(path)


def test_damaged_and_missing_files_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    data = checkpoint.read_bytes()
    path = tmp_path / "cut.pth"
    for length in (0, 100, len(data) // 2, len(data) - 1000):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError, match=r"cut\.pth"):
            RAFTFlow(path)
    with pytest.raises(WeightsError, match="does not exist"):
        RAFTFlow(tmp_path / "none.pth")
    with pytest.raises(WeightsError, match=r"raft-sintel\.pth is missing"):
        RAFTFlow()

"""Whole methods on tensors: the results of arrays, and nothing copied from the GPU on the way that need not be."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest

import motionveil
from motionveil import ops
from motionveil._core.types import Clip, Float32Array, Point, UInt8Array
from motionveil.detection.features import DescriptorGrid, FeatureExtractor, PartsEncoder, ViTEncoder
from motionveil.fillers import FigureAndGround, MotionNoise
from motionveil.flow import DISFlow, FlowEstimator, RAFTFlow, with_motion
from motionveil.noise import Transport
from motionveil.obfuscation.device_placement import gpu_of, on_device, on_host
from motionveil.obfuscation.obfuscators import Explained, Selective
from motionveil.obfuscation.presets import PRESETS
from motionveil.pipeline import obfuscation as pipeline
from motionveil.regions import (
    Coverage,
    Difference,
    FigureOnGround,
    FollowedPerson,
    Intersection,
    Inverse,
    Polygon,
    Rectangle,
    Region,
    Strength,
    TemplateSaliency,
    Union,
    WholeFrame,
)

from ..conftest import BRIGHT, DARK, ROOT, clips_of, textured
from ..models.test_raft import shapes, tensors
from ..pipeline.test_obfuscation import read, write

torch = pytest.importorskip("torch", reason="tensors need torch: pip install 'motionveil[torch]'")

from torch.overrides import TorchFunctionMode  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_torch_thread")

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


class Brightness:
    """A stand-in network on any device: descriptors (bright, dark) of cells of 8x8 pixels."""

    fingerprint = "brightness"
    channels = 2

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        _, height, width, _ = frames.shape
        grey = [ops.smooth(ops.as_float32(ops.grey(frame)), 3.0) * np.float32(1 / 255) for frame in frames]
        bright = ops.stack([ops.resize_map(values, (height // 8, width // 8)) for values in grey])
        both = ops.stack([bright, 1 - bright]) / (bright**2 + (1 - bright) ** 2) ** 0.5
        last = both.swapaxes(0, 1).swapaxes(1, 2).swapaxes(2, 3)
        return DescriptorGrid(last, Point(8, 8), Point(3.5, 3.5))


class Swirl(FlowEstimator):
    """A stand-in flow on any device, on half the frame's grid, whatever the frames: all turns and grows slowly."""

    def prepare(self, frame: UInt8Array) -> UInt8Array:
        return frame

    def between(self, source: UInt8Array, target: UInt8Array) -> Float32Array:
        height, width = source.shape[0] // 2, source.shape[1] // 2
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        x, y = (x - width / 2) / 30, (y - height / 2) / 30
        flow = np.stack([y + 0.3 * x, 0.3 * y - x], -1).astype(np.float32)
        return ops.to_device(flow, ops.device_of(source))


@pytest.fixture(scope="module")
def video() -> UInt8Array:
    """A bright disc moves over a dark ground; a dark frame, then a cut."""
    rng = np.random.default_rng(1)
    ground, disc, other = (textured(96, 144, rng) for _ in range(3))
    y, x = np.mgrid[0:96, 0:144]
    frames = []
    for t in range(12):
        inside = (x - 40 - 3 * t) ** 2 + (y - 48) ** 2 < 26**2
        frames.append(np.where(inside[..., None], 200 + np.roll(disc, 3 * t, axis=1) // 5, ground // 6))
    frames[5] *= 0
    frames[8:] = [np.where(inside[..., None], 0, 100 + np.roll(other, 2 * t, axis=0) // 2) for t in range(4)]
    return np.stack(frames).astype(np.uint8)


EVERYTHING = Coverage(
    thresholds=(0.3, 0.8), margin=0.03, hold=0.1, keyframe_every=3, between="mixed", recheck=0.2, match_first=True
)
REGIONS: dict[str, Region] = {
    "whole_frame": WholeFrame(),
    **{
        name: TemplateSaliency(Brightness(), [BRIGHT, DARK], coverage=coverage, checker=Swirl())
        for name, coverage in {**{n: p.coverage for n, p in PRESETS.items()}, "everything": EVERYTHING}.items()
    },
}
EVERYONE = TemplateSaliency(Brightness(), [BRIGHT], coverage=EVERYTHING, checker=Swirl())
REGIONS["combined"] = Difference(
    Strength(Union(EVERYONE, Intersection(Inverse(EVERYONE), Rectangle(9, 9, "50%", 30, 0.1))), 0.9),
    Union(Polygon(((5, 5), (60, 9), (20, 60))), FollowedPerson(EVERYONE, Point(44, 48), 0.04)),
)


def both(method: Selective, clips: list[Clip], device: str) -> tuple[list[Explained], list[Explained]]:
    """On arrays, and on tensors brought back."""
    found = []
    for item in method.explain(on_device(clips, device)):
        assert str(ops.device_of(item.obfuscated.frames)).startswith(device)
        assert ops.device_of(item.opacity) == ops.device_of(item.obfuscated.frames)
        found.append(
            Explained(
                replace(on_host(item.original), opacity=ops.to_host(item.opacity)),
                ops.to_host(item.filling),
                on_host(item.obfuscated),
            )
        )
    return list(method.explain(clips)), found


def joined(clips: Iterable[Clip]) -> UInt8Array:
    return np.concatenate([clip.frames for clip in clips])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("transport", get_args(Transport))
@pytest.mark.parametrize("grain", [None, 1.0])
@pytest.mark.parametrize("region", REGIONS)
def test_tensors_give_what_arrays_give(
    region: str, grain: float | None, transport: Any, device: str, video: UInt8Array
) -> None:
    method = Selective(REGIONS[region], MotionNoise(transport=transport, grain=grain, seed=4), Swirl())
    arrays, moved = both(method, clips_of(video, [5, 1, 6]), device)
    for one, other in zip(arrays, moved, strict=True):
        np.testing.assert_array_equal(one.original.frames, other.original.frames)
        assert one.obfuscated.pts == other.obfuscated.pts
        # OpenCV before 5 samples in steps of 1/32 pixel; with 5 they agree to 1e-5.
        np.testing.assert_allclose(one.opacity, other.opacity, atol=0.02)
        for end in (0, 1):
            assert ((one.opacity == end) != (other.opacity == end)).mean() < 0.02
        untouched = other.opacity == 0
        np.testing.assert_array_equal(other.obfuscated.frames[untouched], one.original.frames[untouched])
    difference = np.abs(joined(e.obfuscated for e in arrays).astype(int) - joined(e.obfuscated for e in moved))
    # Noise of single pixels is fetched from the nearest one, so that rounding may decide between two of them.
    assert (difference > 3).mean() < (0.001 if grain is None else 0.005)


@pytest.mark.parametrize("device", DEVICES)
def test_figures_on_a_ground_are_the_same_on_tensors(device: str, video: UInt8Array) -> None:
    method = Selective(FigureOnGround(EVERYONE), FigureAndGround(seed=4), Swirl())
    arrays, moved = both(method, clips_of(video, [5, 1, 6]), device)
    assert all((each.opacity == 1).all() for each in moved)
    difference = np.abs(joined(e.obfuscated for e in arrays).astype(int) - joined(e.obfuscated for e in moved))
    # A figure is in or out: rounding may decide at its outline.
    assert (difference > 3).mean() < 0.005


def test_cuts_and_dark_frames_are_found_on_tensors(video: UInt8Array) -> None:
    (clip,) = with_motion(on_device(clips_of(video), "cpu"), Swirl())
    assert clip.flow_to_previous is not None
    assert [t for t, flow in enumerate(clip.flow_to_previous) if flow is None] == [0, 8]
    assert clip.flow_to_previous[5].shape == (1, 1, 2)  # type: ignore[union-attr]
    assert all(flow is None or isinstance(flow, torch.Tensor) for flow in clip.flow_to_previous)


@pytest.mark.parametrize("device", DEVICES)
def test_dis_and_the_embedded_encoder_take_tensors_to_the_cpu_and_back(device: str, video: UInt8Array) -> None:
    frames = ops.to_device(video[:2], device)
    flow, expected = DISFlow()(frames[1], frames[0]), DISFlow()(video[1], video[0])
    assert str(ops.device_of(flow)).startswith(device)
    np.testing.assert_allclose(ops.to_host(flow), expected, atol=0.1)
    encoder = PartsEncoder(short_side=96, levels=2)
    grid = encoder(frames)
    assert str(ops.device_of(grid.descriptors)).startswith(device)
    # Where two looks are equally sure, either may be chosen.
    differences = np.abs(ops.to_host(grid.descriptors) - encoder(video[:2]).descriptors).max(axis=-1)
    assert (differences < 0.05).mean() > 0.97


@pytest.fixture(scope="module")
def raft_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "raft.pth"
    torch.save(tensors(shapes("small")), path)
    return path


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_networks_give_tensors_for_tensors(
    engine: str, device: str, random_vit_file: Path, raft_file: Path, video: UInt8Array
) -> None:
    flow = RAFTFlow(raft_file, iterations=2, engine=engine, precision="f32")
    vit = ViTEncoder(weights=random_vit_file, stride=8, short_side=64, engine=engine, precision="f32")
    assert (flow.device == "cpu") == (vit.device == "cpu") == (engine == "openvino" or not torch.cuda.is_available())
    frames = ops.to_device(video[:2], device)
    found, grid = flow(frames[0], frames[1]), vit(frames[:1])
    expected, known = flow(video[0], video[1]), vit(video[:1])
    assert isinstance(expected, np.ndarray)
    assert isinstance(known.descriptors, np.ndarray)
    for tensor, array in ((found, expected), (grid.descriptors, known.descriptors)):
        assert str(ops.device_of(tensor)).startswith(device)
        np.testing.assert_allclose(ops.to_host(tensor), array, atol=1e-3)
    assert (grid.stride, grid.offset) == (known.stride, known.offset)


class Copies(TorchFunctionMode):
    """Counts what makes Python wait for the GPU: copies to the host, and numbers to decide by."""

    NAMES = ("cpu", "numpy", "__array__", "tolist", "item", "__float__", "__int__", "__bool__", "__index__", "nonzero")

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        if name in self.NAMES and name != "numpy":  # what `cpu` has brought is there
            self.counts[name] += 1
        return function(*arguments, **(options or {}))


def test_copies_are_seen() -> None:
    values = torch.ones(3)
    with Copies() as copies:
        float(values.sum())
        bool(values.any())
        np.asarray(values)
        ops.to_host(values)
        values.sum().item()
    assert copies.counts == {"__float__": 1, "__bool__": 1, "__array__": 1, "cpu": 1, "item": 1}


@pytest.mark.parametrize(
    ("coverage", "transport", "allowed"),
    [
        # The small pictures by which cuts are found, once for each of three clips.
        (PRESETS["paper"].coverage, "first_frame", {"cpu": 3}),
        # And the share of the frame in which the noise is torn, in every frame that moves.
        (PRESETS["paper"].coverage, "accumulated", {"cpu": 3, "__float__": 10}),
        # And the share in which the way is lost.
        (PRESETS["paper_fast"].coverage, "first_frame", {"cpu": 3, "__float__": 10}),
        # And how much is new in a frame; and small maps, since who is missed is followed on the host: opacity and flow
        # of every frame, and what was found in each keyframe.
        (PRESETS["secure"].coverage, "accumulated", {"cpu": 85, "__float__": 20}),
        # Particles live on the host: opacity, flow and heads of every frame.
        (PRESETS["secure"].coverage, "particles", {"cpu": 133, "__float__": 20}),
        # And the descriptors in which templates are matched, once for each video.
        (EVERYTHING, "first_frame", {"cpu": 74, "__float__": 10}),
    ],
)
def test_nothing_is_copied_from_the_gpu_but_what_decides(
    coverage: Coverage, transport: Any, allowed: dict[str, int], video: UInt8Array
) -> None:
    region = TemplateSaliency(Brightness(), [BRIGHT, DARK], coverage=coverage, checker=Swirl())
    method = Selective(region, MotionNoise(transport=transport, seed=4), Swirl())
    clips = list(on_device(clips_of(video, [4, 4, 4]), "cpu"))
    with Copies() as copies:
        assert len(list(method.stream(clips))) == 3
    assert not copies.counts - Counter(allowed), copies.counts


@pytest.mark.parametrize("transport", get_args(Transport))
@pytest.mark.parametrize("region", REGIONS)
def test_all_of_it_runs_where_the_frames_lie(
    region: str, transport: Any, video: UInt8Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tensors without values stand for those of a GPU: neither can meet one of the processor, or be looked at."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(ops, "to_host", lambda array: rng.random(tuple(array.shape), np.float32) * 255)
    monkeypatch.setattr(torch.Tensor, "__float__", lambda tensor: 0.1)
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda tensor: True)
    method = Selective(REGIONS[region], MotionNoise(transport=transport, seed=4), Swirl())
    for explained in method.explain(on_device(clips_of(video, [5, 7]), "meta")):
        assert ops.device_of(explained.opacity) == ops.device_of(explained.obfuscated.frames) == "meta"


def test_figures_on_a_ground_are_drawn_where_the_frames_lie(video: UInt8Array, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.setattr(ops, "to_host", lambda array: rng.random(tuple(array.shape), np.float32) * 255)
    monkeypatch.setattr(torch.Tensor, "__float__", lambda tensor: 0.1)
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda tensor: True)
    method = Selective(FigureOnGround(EVERYONE), FigureAndGround(seed=4), Swirl())
    for explained in method.explain(on_device(clips_of(video, [5, 7]), "meta")):
        assert ops.device_of(explained.obfuscated.frames) == "meta"


def test_networks_copy_nothing(random_vit_file: Path, raft_file: Path, video: UInt8Array) -> None:
    flow = RAFTFlow(raft_file, iterations=2, engine="torch", precision="f32")
    vit = ViTEncoder(weights=random_vit_file, stride=8, short_side=64, engine="torch", precision="f32")
    frames = ops.to_device(video[:2], "cpu")
    vit(frames[:1])  # loads the weights
    with Copies() as copies:
        flow(frames[0], frames[1])
        vit(frames[:1])
    assert not copies.counts, copies.counts


# The choice


def part(device: str | None) -> Any:
    return SimpleNamespace() if device is None else SimpleNamespace(device=device)


@pytest.mark.parametrize(
    ("extractor", "flow", "expected"),
    [
        ("cuda", "cuda", "cuda"),
        ("cuda:1", "cuda:1", "cuda:1"),
        ("cuda", "cpu", None),
        ("cpu", "cuda", None),
        ("cuda", None, None),
        (None, "cuda", None),
        ("cuda:0", "cuda:1", None),
        ("cpu", "cpu", None),
        (None, None, None),
    ],
)
def test_a_method_stays_on_the_gpu_where_all_of_it_runs_there(
    extractor: str | None, flow: str | None, expected: str | None
) -> None:
    region: Any = SimpleNamespace(extractor=part(extractor))
    assert gpu_of(Selective(region, MotionNoise(), part(flow))) == expected


def test_a_region_without_a_network_runs_where_the_flow_does() -> None:
    assert gpu_of(Selective(WholeFrame(), MotionNoise(), part("cuda"))) == "cuda"
    assert gpu_of(Selective(WholeFrame(), MotionNoise(), DISFlow())) is None


def test_clips_go_up_and_come_back(video: UInt8Array) -> None:
    plain = clips_of(video)
    assert list(on_device(plain, None)) == plain
    assert on_host(plain[0]) is plain[0]
    (moving,) = on_device(with_motion(plain, Swirl()), "cpu")
    assert moving.flow_to_previous is not None
    assert isinstance(moving.flow_to_previous[1], torch.Tensor)
    back = on_host(moving)
    np.testing.assert_array_equal(back.frames, video)
    assert back.flow_to_previous is None
    assert repr(moving) == repr(plain[0])


def test_a_video_through_tensors(tmp_path: Path, video: UInt8Array, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole job as on a GPU, on tensors of the processor."""
    source = write(tmp_path / "in.mkv", video)
    lossless = motionveil.Encoding(codec="ffv1")
    method = Selective(REGIONS["secure"], MotionNoise(seed=3), Swirl())
    written = {}
    for device in (None, "cpu"):
        monkeypatch.setattr(pipeline, "gpu_of", lambda method, device=device: device)
        target = tmp_path / f"{device}.mkv"
        result = motionveil.obfuscate_video(source, target, obfuscator=method, encoding=lossless, preview=True)
        assert result.preview is not None
        written[device] = (read(target)[0].astype(int), read(result.preview)[0].astype(int))
    (plain, shown), (moved, shown_too) = written[None], written["cpu"]
    assert (np.abs(plain - moved) > 3).mean() < 0.01
    assert np.abs(shown - shown_too).mean() < 3  # encoded with losses


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("preset", ["secure", "paper"])
def test_a_video_through_networks(
    preset: str,
    device: str,
    random_vit_file: Path,
    raft_file: Path,
    tmp_path: Path,
    video: UInt8Array,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All on torch, and all on the CPU; networks in float32, so that both give nearly the same."""
    source = write(tmp_path / "in.mkv", video)
    written = {}
    for engine in ("torch", "openvino"):
        flow = RAFTFlow(raft_file, iterations=2, engine=engine, precision="f32")
        vit: FeatureExtractor = ViTEncoder(
            weights=random_vit_file, stride=8, short_side=64, engine=engine, precision="f32"
        )
        template = motionveil.make_template("disc", video[0], Point(40, 48), vit)
        region = TemplateSaliency(vit, [template], coverage=PRESETS[preset].coverage)
        method = Selective(region, MotionNoise(**{**PRESETS[preset].filler_options, "seed": 3}), flow)
        if device == "cpu":
            monkeypatch.setattr(pipeline, "gpu_of", lambda method, engine=engine: "cpu" if engine == "torch" else None)
        else:
            assert gpu_of(method) == ("cuda" if engine == "torch" else None)
        target = tmp_path / f"{engine}.mkv"
        motionveil.obfuscate_video(source, target, obfuscator=method, encoding=motionveil.Encoding(codec="ffv1"))
        written[engine] = read(target)[0].astype(int)
    # Convolutions of float32 have 10-bit precision on a GPU.
    assert (np.abs(written["torch"] - written["openvino"]) > 8).mean() < (0.01 if device == "cpu" else 0.05)


# The benchmark


def test_the_benchmark_says_where_there_is_no_gpu(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    program = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--json", str(tmp_path / "figures.json")]
    done = subprocess.run(program, capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(r"this measures a CUDA GPU.*\n", done.stdout), done.stderr
    assert not list(tmp_path.iterdir())


def test_the_benchmark_measures_every_stage(video: UInt8Array) -> None:
    method = Selective(REGIONS["paper"], MotionNoise(transport="first_frame", grain=1), Swirl())
    found = import_module("benchmarks.gpu").measure(method, video, 12, "cpu")
    assert list(found) == ["upload", "flow", "saliency", "noise", "blend", "download", "host to host"]
    assert all(value >= 0 for value in found.values())

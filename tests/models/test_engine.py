"""Engines: torch modules converted, kept, quantised; and what they refuse."""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from motionveil._core.errors import DependencyError, OptionError, WeightsError
from motionveil._core.types import Float32Array
from motionveil.detection.features import ViTEncoder
from motionveil.detection.features.encoder import ENCODER_PATH
from motionveil.models.engine import ENGINES, ModuleSource, load_network, read_checkpoint, read_vector
from motionveil.models.engine.cache import cache_folder
from motionveil.models.engine.network import ONNXSource
from motionveil.models.engine.quantize import quantised
from motionveil.models.vit import DescriptorTransformer

from ..golden.random_vit import NARROW, random_vit

SIZE = (64, 88)


class Built:
    """Counts how often a module was built."""

    def __init__(self, digest: str) -> None:
        self.count = 0
        self.source = ModuleSource(
            "narrow", digest, "motionveil.models.vit", self.build, normalised=lambda module: module.normalised()
        )

    def build(self, shapes: tuple[tuple[int, ...], ...]) -> nn.Module:
        self.count += 1
        return DescriptorTransformer(
            random_vit(**NARROW, spread=2),
            size=(shapes[0][0], shapes[0][1]), stride=8, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5),
        )  # fmt: skip


@pytest.fixture
def images(rng: np.random.Generator) -> Any:
    coarse = rng.integers(0, 256, (3, SIZE[0] // 8, SIZE[1] // 8, 3), np.uint8)
    return np.repeat(np.repeat(coarse, 8, 1), 8, 2)


@pytest.fixture
def exact(images: Any) -> Float32Array:
    return load_network(Built("exact").source, engine="torch", precision="f32")(images)[0]


def cosines(first: Float32Array, second: Float32Array) -> Float32Array:
    """Saliency of some cells as templates, by both."""
    templates = first[0, 2:6:2, 3].reshape(-1, first.shape[-1])
    return np.asarray(np.abs(np.clip(second @ templates.T, 0, 1) - np.clip(first @ templates.T, 0, 1)))


@pytest.mark.parametrize(("precision", "tolerance"), [("f32", 1e-5), ("bf16", 0.005), ("int8", 0.02)])
def test_saliency_of_openvino_equals_that_of_torch(
    precision: str, tolerance: float, images: Any, exact: Float32Array
) -> None:
    examples = (lambda shapes: [images[:2]]) if precision == "int8" else None
    network = load_network(Built(precision).source, engine="openvino", precision=precision, examples=examples)
    found = network(images)[0]
    assert precision in network.engine
    assert found.shape == exact.shape == (3, 8, 11, 128)
    assert cosines(exact, found).mean() <= tolerance
    if precision == "int8":
        assert np.abs(found - exact).max() > 1e-4  # it really is rounded


def test_converted_networks_are_kept(images: Any) -> None:
    there = set(cache_folder().glob("narrow-*"))
    first, second = Built("kept"), Built("kept")
    expected = load_network(first.source, engine="openvino", precision="f32")(images)[0]
    assert first.count == 1
    (kept,) = set(cache_folder().glob("narrow-*")) - there
    again = load_network(second.source, engine="openvino", precision="f32")(images)[0]
    assert second.count == 0
    np.testing.assert_array_equal(again, expected)
    # What is damaged, if only by a bit, is made again; other weights are another network.
    data = bytearray((kept / "model.bin").read_bytes())
    data[len(data) // 2] ^= 1
    for name, content in (("model.bin", bytes(data)), ("model.xml", b"no network"), ("sha256", b"")):
        (kept / name).write_bytes(content)
        third = Built("kept")
        found = load_network(third.source, engine="openvino", precision="f32")(images)[0]
        np.testing.assert_array_equal(found, expected)
        assert third.count == 1
    other = Built("other weights")
    load_network(other.source, engine="openvino", precision="f32")(images)
    assert other.count == 1
    assert not [path for path in cache_folder().iterdir() if path.name.startswith(".")]


def test_compiled_networks_are_kept(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOTIONVEIL_CACHE", str(tmp_path))
    frame = rng.integers(0, 256, (1, 64, 96, 3), np.uint8)

    def run() -> Float32Array:
        return load_network(ONNXSource.read(ENCODER_PATH), engine="openvino")(frame)[0]

    expected = run()
    (kept,) = tmp_path.iterdir()
    blob = (kept / "model.blob").read_bytes()
    monkeypatch.setattr("motionveil.models.engine.openvino.keep", lambda *_: pytest.fail("compiled again"))
    np.testing.assert_array_equal(run(), expected)
    monkeypatch.undo()
    monkeypatch.setenv("MOTIONVEIL_CACHE", str(tmp_path))
    for damaged in (blob[: len(blob) // 2], b"", bytes([blob[0] ^ 1]) + blob[1:]):
        (kept / "model.blob").write_bytes(damaged)
        np.testing.assert_array_equal(run(), expected)
        assert (kept / "model.blob").read_bytes() != damaged


def test_the_code_of_a_network_belongs_to_its_digest() -> None:
    """All files of a package, or the one of a module."""
    folder = Path(__file__).parents[2] / "src" / "motionveil"
    whole = b"".join(path.read_bytes() for path in sorted((folder / "models" / "raft").glob("*.py")))
    for name, code in (
        ("motionveil._core.atomic_files", (folder / "_core" / "atomic_files.py").read_bytes()),
        ("motionveil.models.raft", whole),
    ):
        assert ModuleSource("x", "", name, lambda shapes: None).code_digest == hashlib.sha256(code).hexdigest()


def test_frames_of_several_shapes_in_eight_bits(
    random_vit_file: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MOTIONVEIL_CACHE", str(tmp_path))
    examples = rng.integers(0, 256, (2, 64, 96, 3), np.uint8)
    settings: dict[str, Any] = {"weights": random_vit_file, "short_side": 64, "stride": 8, "engine": "openvino"}
    encoder = ViTEncoder(**settings, precision="int8", examples=examples)
    exact = ViTEncoder(**settings, precision="f32")
    for size in ((64, 96), (96, 64), (64, 64)):
        frame = rng.integers(0, 256, (1, *size, 3), np.uint8)
        first, second = encoder(frame).descriptors, exact(frame).descriptors
        assert (first * second).sum(-1).mean() > 0.99
    # Ranges of values of somebody's frames are not left behind.
    assert len(list(tmp_path.iterdir())) == 3


def test_the_cache_does_not_grow_for_ever(images: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOTIONVEIL_CACHE", str(tmp_path))
    monkeypatch.setattr("motionveil.models.engine.cache._MOST_BYTES", 25_000_000)  # three of these networks

    def names() -> set[str]:
        return {path.name for path in tmp_path.iterdir()}

    kept = []
    for index in range(5):
        before = names()
        load_network(Built(f"cache {index}").source, engine="openvino", precision="f32")(images)
        kept += sorted(names() - before)
        for age, name in enumerate(reversed(kept)):
            if name in names():
                os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    size = sum(path.stat().st_size for path in tmp_path.rglob("*"))
    assert 1 <= len(names()) < 5
    assert size <= 25_000_000
    assert kept[-1] in names()


def test_converting_in_several_threads_leaves_warnings_alone(images: Any) -> None:
    before = list(warnings.filters)
    with ThreadPoolExecutor(3) as pool:
        networks = [load_network(Built(f"thread {i}").source, engine="openvino", precision="f32") for i in range(3)]
        found = list(pool.map(lambda network: network(images)[0], networks))
    assert all(np.array_equal(values, found[0]) for values in found)
    assert list(warnings.filters) == before


def test_a_cache_that_cannot_be_written_is_done_without(
    images: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MOTIONVEIL_CACHE", str(tmp_path / "file"))
    built = Built("nowhere")
    network = load_network(built.source, engine="openvino", precision="f32")
    assert np.isfinite(network(images)[0]).all()
    assert built.count == 1


def test_torch_tensors_stay_tensors(images: Any, exact: Float32Array) -> None:
    images.flags.writeable = False
    network = load_network(Built("tensors").source, engine="torch", precision="f32")
    (found,) = network(torch.tensor(images))
    assert isinstance(found, torch.Tensor)
    np.testing.assert_array_equal(found.numpy(), exact)
    (lower,) = load_network(Built("tensors").source, engine="torch", precision="bf16")(images)
    assert isinstance(lower, np.ndarray)
    assert cosines(exact, lower).mean() < 0.01


@pytest.mark.slow
def test_compiled_torch_gives_the_same(images: Any, exact: Float32Array) -> None:
    network = load_network(Built("compiled").source, engine="torch-compiled", precision="f32")
    assert "compiled" in network.engine
    np.testing.assert_allclose(network(images)[0], exact, atol=1e-4)


def test_balanced_channels_survive_eight_bits() -> None:
    """A few channels a hundred times larger than the others would cost all the others their precision."""
    torch.manual_seed(0)

    def make() -> tuple[nn.LayerNorm, nn.Linear, nn.Module]:
        torch.manual_seed(0)
        norm, linear = nn.LayerNorm(64), nn.Linear(64, 32)
        nn.init.constant_(norm.weight, 1)
        with torch.no_grad():
            norm.weight[:3] *= 100
            linear.weight[:, :3] /= 100
        module = nn.Sequential(norm, linear).requires_grad_(False)
        return norm, linear, module

    examples = [np.random.default_rng(0).standard_normal((4, 200, 64)).astype(np.float32)]
    values = torch.from_numpy(examples[0])
    expected = make()[2](values)
    _, _, plain = make()
    norm, linear, balanced = make()
    worse = float((quantised(plain, examples)(values) - expected).abs().mean())
    better = float((quantised(balanced, examples, [(norm, linear)])(values) - expected).abs().mean())
    assert better < worse / 4
    assert better < 0.02


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "abacus"}, ", ".join(ENGINES)),
        ({"precision": "f8"}, "unknown precision 'f8'"),
        ({"precision": "int8", "engine": "openvino"}, "needs example frames"),
        ({"precision": "int8", "engine": "torch"}, "requires the engine openvino"),
        ({"precision": "f16", "engine": "openvino"}, "requires a GPU"),
    ],
)
def test_what_an_engine_cannot_do(options: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        load_network(Built("refused").source, **options)


def test_onnx_files_run_on_openvino_only() -> None:
    with pytest.raises(OptionError, match="runs on openvino only"):
        load_network(ENCODER_PATH, engine="torch")


def test_without_torch_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch, random_vit_file: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for work in (lambda: read_checkpoint(random_vit_file), lambda: ViTEncoder(weights=random_vit_file)):
        with pytest.raises(DependencyError, match=r"pip install 'motionveil\[torch\]'"):
            work()


class Trap:
    """Runs code where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_checkpoints_are_not_run(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3), "trap": Trap(tmp_path / "sprung")}, tmp_path / "trap.pth")
    with pytest.raises(WeightsError, match="contains more than weights"):
        read_checkpoint(tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


def test_damaged_files_are_one_sentence(tmp_path: Path, random_vit_file: Path) -> None:
    data = random_vit_file.read_bytes()
    path = tmp_path / "damaged.pth"
    generator = np.random.default_rng(0)
    for _ in range(40):
        broken = bytearray(data)
        for place in generator.integers(0, 4000, 30):
            broken[-place] ^= 255
        path.write_bytes(broken)
        with suppress(WeightsError):
            read_checkpoint(path)


def test_tensorflow_checkpoints_are_told(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt.index").write_bytes(b"")
    for name in ("model.ckpt", "model.ckpt.index", "model.ckpt.data-00000-of-00001"):
        with pytest.raises(WeightsError, match="is a TensorFlow checkpoint, which cannot be read here"):
            read_checkpoint(tmp_path / name)


def test_wrappers_and_prefixes_are_taken_off(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    plain = {"a.weight": torch.arange(3.0), "b.bias": torch.ones(2)}
    prefixed = {f"module.backbone.{name}": value for name, value in plain.items()}
    prefixed["module.head.mlp.weight"] = torch.zeros(2)
    torch.save({"teacher": prefixed, "epoch": 3}, tmp_path / "a.pth")
    save_file(plain, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        found = read_checkpoint(tmp_path / name)
        assert found.keys() == plain.keys()
        assert all(torch.equal(found[key], plain[key]) for key in plain)


def test_one_descriptor_in_a_file(tmp_path: Path) -> None:
    torch.save(torch.arange(5.0).reshape(1, 1, 1, 5), tmp_path / "mouth.pt")
    np.testing.assert_array_equal(read_vector(tmp_path / "mouth.pt"), np.arange(5))
    torch.save({"a": torch.zeros(3), "b": torch.zeros(3)}, tmp_path / "two.pt")
    torch.save(torch.zeros(3, 4), tmp_path / "matrix.pt")
    for name in ("two.pt", "matrix.pt"):
        with pytest.raises(WeightsError, match="does not contain a single descriptor"):
            read_vector(tmp_path / name)

"""The vision transformer: equal to the authors' code, whatever the facet, layer, stride and size."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motionveil._core.errors import OptionError, WeightsError
from motionveil._core.types import Float32Array
from motionveil.models.vit import DescriptorTransformer, ViTShape, standard_names

from ..golden.make_vit import FACETS, SIZES, cells
from ..golden.random_vit import NARROW, SMALL, random_image, random_vit

State = dict[str, torch.Tensor]
GOLDEN = Path(__file__).parents[1] / "golden" / "vit.npz"
PLAIN: dict[str, Any] = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


@pytest.fixture(scope="module")
def golden() -> dict[str, Float32Array]:
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture(scope="module")
def narrow() -> State:
    return random_vit(**NARROW)


def described(state: State, size: tuple[int, int], **settings: Any) -> Float32Array:
    """Descriptors (cells, D) of the random image at the cells that the golden values hold."""
    network = DescriptorTransformer(state, size=size, **PLAIN, **settings)
    with torch.inference_mode():
        found = network.describe(torch.from_numpy(random_image(*size)))[0]
    return np.asarray(found.flatten(0, 1)[cells(network.grid)])


@pytest.mark.parametrize("facet", FACETS)
@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[1]}x{s[0]}")
@pytest.mark.parametrize(
    ("stride", "layers"), [(8, range(12)), (4, (0, 11)), pytest.param(4, range(1, 11), marks=pytest.mark.slow)]
)
def test_equals_the_authors_code(
    golden: dict[str, Float32Array],
    narrow: State,
    facet: str,
    size: tuple[int, int],
    stride: int,
    layers: Iterable[int],
) -> None:
    for layer in layers:
        found = described(narrow, size, layer=layer, facet=facet, stride=stride)
        expected = golden[f"narrow-{stride}-{size[1]}-{facet}"][layer]
        np.testing.assert_allclose(found, expected, atol=1e-4, rtol=0, err_msg=f"layer {layer}")


@pytest.mark.parametrize("facet", ["key", "token"])
def test_equals_the_authors_code_at_full_width(golden: dict[str, Float32Array], facet: str) -> None:
    found = described(random_vit(**SMALL), (224, 300), layer=11, facet=facet, stride=4)
    np.testing.assert_allclose(found, golden[f"small-{facet}"], atol=1e-4, rtol=0)


def test_binned_descriptors_equal_the_authors_code(golden: dict[str, Float32Array], narrow: State) -> None:
    found = described(narrow, (64, 88), stride=8, bins=True)
    assert found.shape[1] == 17 * NARROW["channels"]
    np.testing.assert_allclose(found, golden["bins"], atol=1e-4, rtol=0)


def test_images_are_normalised_and_descriptors_have_unit_length(narrow: State) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    network = DescriptorTransformer(narrow, size=(32, 48), stride=8, mean=mean, std=std)
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), np.uint8))
    by_hand = (images.numpy() / 255 - mean) / std
    with torch.inference_mode():
        found = network(images)
        expected = network.describe(torch.from_numpy(by_hand.astype(np.float32)).permute(0, 3, 1, 2))
    np.testing.assert_allclose(found.norm(dim=-1), 1, atol=1e-5)
    np.testing.assert_allclose(found, expected / expected.norm(dim=-1, keepdim=True), atol=1e-4)


def test_only_the_layers_that_are_needed_are_there(narrow: State) -> None:
    assert len(DescriptorTransformer(narrow, size=(32, 32), layer=3, facet="key", **PLAIN).blocks) == 3
    assert len(DescriptorTransformer(narrow, size=(32, 32), layer=3, facet="token", **PLAIN).blocks) == 4


def hugging_face(state: State, *, dinov2: bool = False) -> State:
    """The same weights under the names that transformers gives them."""
    found = {}
    for name, value in state.items():
        for new, old in (
            ("embeddings.cls_token", "cls_token"),
            ("embeddings.position_embeddings", "pos_embed"),
            ("embeddings.patch_embeddings.projection", "patch_embed.proj"),
            ("encoder.layer.", "blocks."),
            ("attention.output.dense", "attn.proj"),
            ("layernorm.", "norm."),
        ):
            if name.startswith(old) or old == "attn.proj":
                name = name.replace(old, new)
        if not dinov2:
            for new, old in (
                ("layernorm_before", "norm1"),
                ("layernorm_after", "norm2"),
                ("intermediate.dense", "mlp.fc1"),
                (".output.dense", ".mlp.fc2"),
            ):
                name = name.replace(old, new)
        else:
            name = name.replace("ls1.gamma", "layer_scale1.lambda1").replace("ls2.gamma", "layer_scale2.lambda1")
        if "attn.qkv" in name:
            for part, piece in zip(("query", "key", "value"), value.chunk(3), strict=True):
                found[name.replace("attn.qkv", f"attention.attention.{part}")] = piece
        else:
            found[name] = value
    return found


def test_names_of_hugging_face_and_timm_are_understood(narrow: State) -> None:
    settings: dict[str, Any] = {"size": (32, 48), "layer": 5, "stride": 8}
    expected = described(narrow, **settings)
    plain = {f"vit.{name}": value for name, value in hugging_face(narrow).items()}
    assert "vit.encoder.layer.0.attention.attention.key.weight" in plain
    assert "vit.encoder.layer.11.output.dense.bias" in plain
    with_head = {**narrow, "head.weight": torch.zeros(10, 128), "head.bias": torch.zeros(10)}
    for state in (plain, hugging_face(narrow), with_head):
        assert set(standard_names(state)) == set(narrow)
        np.testing.assert_array_equal(described(standard_names(state), **settings), expected)


def test_positions_without_that_of_the_class_token(narrow: State) -> None:
    positions = narrow["pos_embed"].clone()
    positions[:, 0] = 0
    timm = {**narrow, "pos_embed": positions[:, 1:], "reg_token": torch.ones(1, 4, 128)}
    facebook = {**narrow, "pos_embed": positions, "register_tokens": torch.ones(1, 4, 128)}
    settings: dict[str, Any] = {"size": (32, 48), "layer": 5, "stride": 8}
    np.testing.assert_array_equal(described(standard_names(timm), **settings), described(facebook, **settings))


def test_dinov2_scales_its_blocks(narrow: State) -> None:
    gamma = {f"blocks.{i}.ls{k}.gamma": torch.full((128,), 0.5) for i in range(12) for k in (1, 2)}
    state = {**narrow, **gamma, "mask_token": torch.zeros(1, 128), "register_tokens": torch.randn(1, 4, 128)}
    assert ViTShape.of(state) == ViTShape(8, 128, 12, 28, registers=4, scaled=True)
    halved = dict(narrow)
    for i in range(12):
        for name in ("attn.proj.weight", "attn.proj.bias", "mlp.fc2.weight", "mlp.fc2.bias"):
            halved[f"blocks.{i}.{name}"] = narrow[f"blocks.{i}.{name}"] / 2
    settings: dict[str, Any] = {"size": (32, 48), "layer": 5, "stride": 8}
    without = {name: value for name, value in state.items() if name != "register_tokens"}
    scaled = described(standard_names(hugging_face(without, dinov2=True)), **settings)
    np.testing.assert_allclose(scaled, described(halved, **settings), atol=1e-5)
    # Registers take part in attention, and are no cells.
    assert described(state, **settings).shape == scaled.shape
    assert np.abs(described(state, **settings) - scaled).max() > 0.01


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"layer": 12}, "layers 0 to 11, not 12"),
        ({"facet": "attention"}, "unknown facet 'attention'"),
        ({"stride": 3}, "choose from 1, 2, 4, 8"),
        ({"size": (4, 64)}, "smaller than one patch"),
    ],
)
def test_settings_that_do_not_exist(narrow: State, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        DescriptorTransformer(narrow, **{"size": (32, 32), **PLAIN, **settings})


def test_weights_of_another_network(narrow: State) -> None:
    with pytest.raises(WeightsError, match="not a vision transformer"):
        ViTShape.of({"conv1.weight": torch.zeros(3)})
    for missing in ("cls_token", "patch_embed.proj.bias", "blocks.0.attn.qkv.bias"):
        with pytest.raises(WeightsError, match="not a vision transformer"):
            ViTShape.of({name: value for name, value in narrow.items() if name != missing})
    huge = {**narrow, "patch_embed.proj.weight": torch.zeros(1280, 3, 14, 14)}
    with pytest.raises(WeightsError, match="not a vision transformer"):
        ViTShape.of(huge)
    for damaged in (
        {name: value for name, value in narrow.items() if "blocks.4.mlp" not in name},
        {**narrow, "blocks.4.mlp.fc1.bias": torch.zeros(7)},
    ):
        with pytest.raises(WeightsError, match="not those of a supported ViT"):
            DescriptorTransformer(damaged, size=(32, 32), **PLAIN)

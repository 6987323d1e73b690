"""Descriptors of frames by a vision transformer: resampling, placement, templates, the published options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from motionveil import ops
from motionveil._core.errors import OptionError, TemplateError, WeightsError
from motionveil._core.types import Point
from motionveil.detection.features import BACKBONES, ViTEncoder
from motionveil.detection.saliency import matched, saliency_maps
from motionveil.detection.templates import make_template, template_of
from motionveil.models.vit import DescriptorTransformer, ViTShape
from motionveil.models.weights import WEIGHTS

from ..conftest import textured
from ..golden.random_vit import NARROW, random_vit


@pytest.mark.parametrize("size", [(224, 298), (240, 320), (480, 640), (300, 224), (500, 333)])
def test_lanczos_equals_pillow(size: tuple[int, int], rng: np.random.Generator) -> None:
    image = rng.integers(0, 256, (240, 320, 3), np.uint8)
    expected = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.LANCZOS)).astype(int)
    difference = np.abs(ops.resize_lanczos(image, size).astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.002


def test_the_published_size(random_vit_file: Path) -> None:
    encoder = ViTEncoder(weights=random_vit_file)
    assert encoder.input_size(480, 640) == (224, 298)
    assert encoder.input_size(640, 480) == (298, 224)
    assert encoder.input_size(120, 160) == (224, 298)
    grid = encoder(np.zeros((1, 480, 640, 3), np.uint8))
    assert grid.descriptors.shape[:3] == (1, 55, 73)


@pytest.mark.parametrize("size", [(8, 1920), (1920, 8), (1, 640), (3, 3), (100, 401)])
def test_strange_shapes_stay_small(size: tuple[int, int], random_vit_file: Path) -> None:
    encoder = ViTEncoder(weights=random_vit_file, short_side=64, stride=8)
    height, width = encoder.input_size(*size)
    assert 8 <= min(height, width) <= 64
    assert max(height, width) <= 256
    grid = encoder(np.zeros((1, *size, 3), np.uint8))
    assert grid.stride.x * grid.descriptors.shape[2] == pytest.approx(size[1])


def test_descriptors_are_those_of_the_resized_frame(random_vit_file: Path, rng: np.random.Generator) -> None:
    frame = textured(96, 128, rng)
    encoder = ViTEncoder(weights=random_vit_file, short_side=64, stride=8, engine="openvino", precision="f32")
    network = DescriptorTransformer(
        random_vit(**NARROW), size=(64, 85), stride=8, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
    )
    with torch.inference_mode():
        expected = network(torch.from_numpy(ops.resize_lanczos(frame, (64, 85)))[None])
    np.testing.assert_allclose(encoder(frame[None]).descriptors, expected.numpy(), atol=1e-5)


def test_cells_lie_over_the_frame_or_on_their_patches(random_vit_file: Path, rng: np.random.Generator) -> None:
    frame = textured(96, 128, rng)[None]
    settings: dict[str, Any] = {"weights": random_vit_file, "short_side": 64, "stride": 8}
    published = ViTEncoder(**settings, placement="frame")(frame)
    assert published.stride.x * published.descriptors.shape[2] == pytest.approx(128)
    exact = ViTEncoder(**settings, placement="patches")(frame)
    # The frame was seen at 85x64: the first patch covers its first 8 pixels.
    assert exact.offset == pytest.approx((4 * 128 / 85 - 0.5, 4 * 96 / 64 - 0.5))
    assert exact.stride == pytest.approx((8 * 128 / 85, 8 * 96 / 64))


def test_a_template_finds_its_own_place(random_vit_file: Path, rng: np.random.Generator) -> None:
    frame = textured(96, 128, rng)
    choices: tuple[dict[str, Any], ...] = ({}, {"bins": True}, {"facet": "token", "layer": 3}, {"facet": "query"})
    for options in choices:
        encoder = ViTEncoder(weights=random_vit_file, short_side=64, stride=8, placement="patches", **options)
        row, column = 3, 7
        grid = encoder(frame[None])
        place = Point(grid.offset.x + grid.stride.x * column, grid.offset.y + grid.stride.y * row)
        template = make_template("spot", frame, place, encoder)
        assert template.vector.shape == (encoder.channels,)
        (found,) = saliency_maps(frame, [template], encoder)
        y, x = np.unravel_index(int(found.argmax()), found.shape)
        assert (x, y) == pytest.approx(place, abs=5)
        assert found.max() > 0.95  # interpolation between cells


def test_fingerprints_hold_all_that_must_agree(random_vit_file: Path, rng: np.random.Generator) -> None:
    frame = textured(64, 64, rng)
    first = ViTEncoder(weights=random_vit_file, short_side=64, stride=8)
    template = make_template("spot", frame, Point(20, 20), first)
    others: tuple[dict[str, Any], ...] = (
        {"layer": 5},
        {"facet": "value"},
        {"stride": 4},
        {"short_side": 72},
        {"bins": True},
    )
    for change in others:
        settings: dict[str, Any] = {"weights": random_vit_file, "short_side": 64, "stride": 8}
        other = ViTEncoder(**{**settings, **change})
        assert other.fingerprint != first.fingerprint
        with pytest.raises(TemplateError, match="made with dino_vits8:"):
            saliency_maps(frame, [template], other)
    same = ViTEncoder(weights=random_vit_file, short_side=64, stride=8, engine="torch", precision="f32")
    assert same.fingerprint == first.fingerprint


def test_descriptors_of_the_published_code(random_vit_file: Path) -> None:
    encoder = ViTEncoder(weights=random_vit_file, stride=8)
    made = template_of("mouth", np.full(128, 3, np.float32), encoder, origin="mouth.pt")
    assert np.linalg.norm(made.vector) == pytest.approx(1)
    with pytest.raises(TemplateError, match="has 384 channels, but these features have 128"):
        template_of("mouth", np.ones(384, np.float32), encoder, origin="mouth.pt")


def test_matched_to_the_first_frame(random_vit_file: Path, rng: np.random.Generator) -> None:
    encoder = ViTEncoder(weights=random_vit_file, short_side=64, stride=8)
    elsewhere, frame = textured(64, 64, rng), textured(64, 64, rng)
    template = make_template("spot", elsewhere, Point(20, 20), encoder)
    grid = encoder(frame[None])
    (own,) = matched([template], grid)
    before = (grid.descriptors[0] @ template.vector).max()
    assert (grid.descriptors[0] @ own.vector).max() == pytest.approx(1, abs=1e-3)
    assert float(own.vector @ template.vector) == pytest.approx(float(before), abs=1e-3)
    assert own.name == "spot"
    assert "matched" in own.origin


def test_every_backbone_has_weights_with_an_address() -> None:
    assert BACKBONES.keys() <= WEIGHTS.keys()


def test_what_is_refused(random_vit_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIONVEIL_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="motionveil weights fetch dino_vits8"):
        ViTEncoder()
    with pytest.raises(OptionError, match="unknown backbone 'resnet'"):
        ViTEncoder("resnet")
    with pytest.raises(OptionError, match="smaller than one patch"):
        ViTEncoder(weights=random_vit_file, short_side=4)
    with pytest.raises(OptionError, match="layers 0 to 11"):
        ViTEncoder(weights=random_vit_file, layer=40)
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="is not a vision transformer checkpoint"):
        ViTEncoder(weights=tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth is not a vision transformer"):
        ViTEncoder(weights=tmp_path / "other.pth")
    torch.save(random_vit(patch=16, channels=384, depth=2, grid=14), tmp_path / "s16.pth")
    with pytest.raises(WeightsError, match="choose `features` dino_vits16 or vit_small_patch16_224"):
        ViTEncoder("dino_vits8", weights=tmp_path / "s16.pth")
    assert ViTEncoder("dino_vits16", weights=tmp_path / "s16.pth").layer == 1
    assert ViTShape.of(random_vit(**NARROW)).heads == 2

"""The embedded encoder and the engine that runs it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from motionveil import drawing
from motionveil._core.errors import OptionError, WeightsError
from motionveil._core.types import UInt8Array
from motionveil.detection.features import FEATURE_EXTRACTORS, PartsEncoder
from motionveil.detection.features.encoder import ENCODER_PATH, PERSON, confirmed
from motionveil.detection.saliency import saliency_maps
from motionveil.detection.templates import ATTRIBUTES, built_in_library
from motionveil.models.engine import ENGINES, load_network

from ..conftest import ROOT, textured


@pytest.fixture(scope="module")
def encoder() -> PartsEncoder:
    return PartsEncoder(short_side=320)


@pytest.fixture(scope="module")
def astronaut() -> UInt8Array:
    """A photograph of a person, in the public domain."""
    data = pytest.importorskip("skimage.data")
    return np.asarray(data.astronaut(), np.uint8)


def test_the_file_is_small() -> None:
    assert ENCODER_PATH.stat().st_size < 8_000_000


@pytest.mark.parametrize("name", ["parts", "dino_vits8"])
@pytest.mark.parametrize("size", [(480, 640), (120, 160), (97, 333), (33, 31)])
def test_grids_of_unit_descriptors_cover_the_frame(
    name: str, size: tuple[int, int], rng: np.random.Generator, random_vit_file: Path
) -> None:
    settings = {} if name == "parts" else {"weights": random_vit_file, "stride": 8, "short_side": 64}
    grid = FEATURE_EXTRACTORS[name](**settings)(textured(*size, rng)[None])
    _, rows, columns, _ = grid.descriptors.shape
    assert np.allclose(np.linalg.norm(grid.descriptors, axis=-1), 1, atol=0.02)
    assert grid.stride.x * columns == pytest.approx(size[1])
    assert grid.stride.y * rows == pytest.approx(size[0])
    assert grid.offset.x == pytest.approx((grid.stride.x - 1) / 2)


def test_one_sure_look_suffices(astronaut: UInt8Array) -> None:
    """At every cell two looks are as sure of somebody as the surer one, if not quite where one is interpolated."""
    both, fine = PartsEncoder(short_side=256, levels=2), PartsEncoder(short_side=256)
    coarse = fine.at(128)
    maps = [saliency_maps(astronaut, built_in_library().select("person"), each).max(0) for each in (both, fine, coarse)]
    assert both(astronaut[None]).descriptors.shape == fine(astronaut[None]).descriptors.shape
    sure = np.maximum(maps[1], maps[2]) > 0.6
    assert sure.mean() > 0.2
    assert (maps[0][sure] > 0.5).mean() > 0.98
    with pytest.raises(OptionError, match="levels"):
        PartsEncoder(short_side=96, levels=3)


def test_coarse_finds_need_the_finer_look() -> None:
    coarse, fine = np.full((12, 12), 0.1, np.float32), np.full((12, 12), -0.2, np.float32)
    coarse[:4, :4] = 0.9  # seen by the finer look in a quarter of its cells
    fine[:2, :2] = 0.2
    coarse[6:, 6:] = 0.7  # seen in fewer
    fine[6:8, 6:10] = 0.2
    found = confirmed(coarse, fine)
    np.testing.assert_allclose(found[:4, :4], 0.9)
    found[:4, :4] = -1
    assert (found == -1).all()


def test_mirrored_looks_are_averaged(astronaut: UInt8Array) -> None:
    both = PartsEncoder(short_side=256, mirrored=True)
    found = both(astronaut[None]).descriptors
    turned = both(np.ascontiguousarray(astronaut[None, :, ::-1])).descriptors
    np.testing.assert_allclose(found, turned[:, :, ::-1], atol=1e-6)
    once = PartsEncoder(short_side=256)(astronaut[None]).descriptors
    assert 0.001 < np.abs(found - once).mean() < 0.1


def test_half_precision_agrees_with_single(rng: np.random.Generator) -> None:
    image = textured(256, 320, rng)[None]
    fast, exact = (load_network(ENCODER_PATH, precision=precision)(image)[0] for precision in ("bf16", "f32"))
    assert np.abs(fast - exact).mean() < 0.01


def test_one_network_for_several_threads(encoder: PartsEncoder, rng: np.random.Generator) -> None:
    frames = [textured(96, 64 + 32 * (i % 3), rng)[None] for i in range(12)]
    alone = [encoder(frame).descriptors for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda frame: encoder(frame).descriptors, frames))
    assert all(np.allclose(a, b, atol=1e-3) for a, b in zip(alone, together, strict=True))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be read"):
        load_network(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(WeightsError, match="not a network"):
        load_network(tmp_path / "text.onnx")
    with pytest.raises(OptionError, match=", ".join(ENGINES)):
        load_network(ENCODER_PATH, engine="abacus")


def test_parts_are_found_on_a_photograph(astronaut: UInt8Array) -> None:
    """Each part where a person sees it, and nowhere on the wall beside."""
    library = built_in_library()
    maps = dict(
        zip(
            ATTRIBUTES,
            saliency_maps(astronaut, library.select(["attributes"]), PartsEncoder(short_side=768, levels=3)),
            strict=True,
        )
    )
    places = {"hair": (185, 70), "forehead": (222, 72), "eyes": (203, 108), "lips": (226, 160), "torso": (230, 330)}
    for name, (x, y) in places.items():
        around = maps[name][y - 8 : y + 9, x - 8 : x + 9]
        assert around.max() > 0.5, (name, float(around.max()))
        assert maps[name][20:100, 310:370].max() < 0.5, name


@pytest.mark.data
def test_parts_of_photographs_that_were_kept_out_of_training(data_dir: Path) -> None:
    """A few of the photographs that the model card is measured on; the bar is a little below the card's."""
    from recipes.encoder.data import load_photo, split_names
    from recipes.encoder.evaluate import intersection_over_union, mean_over_attributes

    encoder = PartsEncoder(short_side=768, levels=3)
    templates = list(built_in_library())
    for domain, bar in (("street", 0.46), ("indoor", 0.57)):
        photos = [load_photo(data_dir, domain, name) for name in split_names(data_dir, domain)["test"][:12]]
        scores = intersection_over_union(photos, lambda image: saliency_maps(image, templates, encoder))
        assert mean_over_attributes(scores) > bar, (domain, scores)


def test_the_model_card_has_its_table() -> None:
    card = (ROOT / "src/motionveil/assets/MODEL_CARD.md").read_text("utf-8")
    assert all(f"| {name} |" in card for name in ATTRIBUTES)
    assert "Apache-2.0" in card
    assert "MIT" in card


def test_overlays_show_what_is_salient(rng: np.random.Generator) -> None:
    frame = textured(40, 60, rng)
    saliency = np.zeros((40, 60), np.float32)
    saliency[:, 30:] = 1
    painted = drawing.overlay(frame, saliency).astype(int)
    assert np.abs(painted[:, :30, 0] - painted[:, :30, 2]).max() == 0  # grey where nothing was found
    assert (painted[:, 30:, 0] - painted[:, 30:, 2]).mean() > 30  # yellow where something was


def test_detail_is_a_promise_in_pixels_of_the_frame() -> None:
    def short_side(smallest: float | None, height: int, width: int) -> int | None:
        closer = PartsEncoder(short_side=480, smallest_person=smallest).in_detail(height, width)
        return None if closer is None else closer.short_side

    assert short_side(None, 480, 640) is None
    assert short_side(None, 720, 1280) == 720
    assert short_side(None, 2160, 3840) == 1080
    assert short_side(PERSON, 2160, 3840) == 2160
    assert short_side(PERSON / 2, 480, 640) == 960
    assert short_side(4 * PERSON, 1080, 1920) is None
    with pytest.raises(OptionError, match="at least 1 pixel high"):
        PartsEncoder(smallest_person=0)

"""Attackers that ask who it is: they must succeed on originals, and fail where nothing is left."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

import motionveil
from motionveil._core.errors import WeightsError
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.audit.identification import (
    EMBEDDINGS,
    AppearanceEmbedding,
    Box,
    Crop,
    Embedding,
    FaceEmbedding,
    ONNXEmbedding,
    PersonFinder,
    Place,
    identify,
    rank1,
)
from motionveil.detection.features.encoder import ENCODER_PATH
from motionveil.outputs.run_manifest import plain

from ..conftest import textured

CLASSICAL: list[Embedding] = [FaceEmbedding(), AppearanceEmbedding()]


@pytest.fixture
def people() -> dict[str, list[UInt8Array]]:
    """Four persons in other colours and patterns, twelve slightly different pictures of each."""
    made: dict[str, list[UInt8Array]] = {}
    for seed, name in enumerate("ABCD"):
        rng = np.random.default_rng(seed)
        face = textured(90, 70, rng) // 2 + rng.integers(0, 128, 3, np.uint8)
        noise = rng.integers(-8, 9, (12, *face.shape))
        moved = [np.roll(face, (t % 3 - 1, t % 2), (0, 1)) for t in range(12)]
        made[name] = [np.clip(picture + n, 0, 255).astype(np.uint8) for picture, n in zip(moved, noise, strict=True)]
    return made


class Everywhere:
    """Stands in for the finder: the person, and the face, fill the frame but for a rim."""

    def __call__(self, frame: UInt8Array, faces: Sequence[Sequence[float]] | None = None, /) -> Place | None:
        if frame.max() == 0:
            return None
        height, width = frame.shape[:2]
        box = Box(2, 2, width - 4, height - 4)
        return Place(box, np.ones((height, width), np.float32), box)


@pytest.mark.parametrize("embedding", CLASSICAL, ids=lambda e: e.name)
def test_vectors_have_length_one_and_do_not_depend_on_their_neighbours(
    people: dict[str, list[UInt8Array]], embedding: Embedding
) -> None:
    crops = [Crop(p) for p in people["A"][:3]]
    vectors = embedding(crops)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(vectors[1:2], embedding(crops[1:2]))


@pytest.mark.parametrize("embedding", CLASSICAL, ids=lambda e: e.name)
def test_persons_are_told_apart(people: dict[str, list[UInt8Array]], embedding: Embedding) -> None:
    gallery = {name: [Crop(p) for p in pictures[:6]] for name, pictures in people.items()}
    queries = [(name, Crop(p)) for name, pictures in people.items() for p in pictures[6:]]
    found = rank1(gallery, queries, embedding)
    assert (found.rate, found.hits, found.queries) == (1.0, 24, 24)


@pytest.mark.parametrize("embedding", CLASSICAL, ids=lambda e: e.name)
def test_noise_is_nobody(people: dict[str, list[UInt8Array]], embedding: Embedding, rng: np.random.Generator) -> None:
    """Noise that knows nothing of the person is attributed by chance: 1/4, with all names asked equally often."""
    gallery = {name: [Crop(p) for p in pictures] for name, pictures in people.items()}
    queries = [(name, Crop(textured(90, 70, rng))) for name in people for _ in range(50)]
    assert rank1(gallery, queries, embedding).rate == pytest.approx(0.25, abs=0.1)


def test_ties_share_the_hit() -> None:
    grey = Crop(np.full((40, 40, 3), 90, np.uint8))
    found = rank1({"A": [grey, grey], "B": [grey]}, [("A", grey), ("B", grey), ("C", grey)], FaceEmbedding())
    assert found.hits == 1.0
    assert rank1({"A": [grey]}, [], FaceEmbedding()).rate == 0


def test_appearance_looks_inside_the_mask_only(people: dict[str, list[UInt8Array]]) -> None:
    mask = np.zeros((90, 70), np.float32)
    mask[:, 20:50] = 1
    one, other = people["A"][0], people["A"][0].copy()
    other[:, :10] = people["B"][0][:, :10]
    other[:, 60:] = 0
    look = AppearanceEmbedding()
    np.testing.assert_allclose(look([Crop(one, mask)]), look([Crop(other, mask)]), atol=1e-6)
    assert np.abs(look([Crop(one)]) - look([Crop(other)])).max() > 0.01


def test_identify(people: dict[str, list[UInt8Array]], rng: np.random.Generator) -> None:
    original = people.pop("A")
    noise = [textured(90, 70, rng) for _ in original]
    blurred = [cv2.GaussianBlur(frame, (0, 0), 1.0).astype(np.uint8) for frame in original]
    found = identify(people, original, noise, recovered={"deblurring": blurred}, name="A", finder=Everywhere())
    assert found.persons == ("A", "B", "C", "D")
    assert found.chance == 0.25
    assert [attempt.embedding for attempt in found.attempts] == ["face", "appearance"]
    for attempt in found.attempts:
        assert attempt.original.rate == 1
        assert attempt.recovered["deblurring"].rate == 1
        assert attempt.output.rate == 0 or attempt.luck > 0.05
        assert attempt.gallery == {"A": 6, "B": 6, "C": 6, "D": 6}
        assert attempt.original.queries == attempt.output.queries == 6
    kept = identify(people, original, original, name="A", finder=Everywhere())
    assert all(attempt.output.rate == 1 and attempt.control.rate <= 0.6 for attempt in kept.attempts)
    json.dumps(plain(found))


def test_luck_is_told_from_recognition(people: dict[str, list[UInt8Array]]) -> None:
    """One still picture of noise is attributed to one person for good; a person is recognised however it is asked."""
    original = people.pop("A")[:6]
    lucky = []
    for seed in range(8):
        noise = [textured(90, 70, np.random.default_rng(100 + seed))] * len(original)
        found = identify(people, original, noise, name="A", embeddings=[FaceEmbedding()], finder=Everywhere())
        assert found.attempts[0].output.rate in (0, 1)
        lucky.append(found.attempts[0].luck)
    assert np.mean(np.array(lucky) <= 0.1) <= 0.25
    kept = identify(people, original, original, name="A", embeddings=[FaceEmbedding()], finder=Everywhere())
    assert kept.attempts[0].luck == min([*lucky, kept.attempts[0].luck])


def test_without_other_persons_nothing_is_claimed(people: dict[str, list[UInt8Array]]) -> None:
    frames = people["A"]
    alone = identify({}, frames, frames, finder=Everywhere())
    assert not alone.attempts
    assert alone.not_run == "give at least one more person with --person NAME=FILE"
    assert identify({"A": frames}, frames, frames, name="A", finder=Everywhere()).not_run == alone.not_run
    empty = [np.zeros_like(frame) for frame in frames]
    assert "nobody was found" in (identify({"B": frames}, empty, frames, finder=Everywhere()).not_run or "")
    assert "not every given person" in (identify({"B": empty}, frames, frames, finder=Everywhere()).not_run or "")


def test_a_network_as_embedding(tmp_path: Path, people: dict[str, list[UInt8Array]]) -> None:
    onnx = pytest.importorskip("onnx", reason="this needs onnx: pip install onnx")
    helper = onnx.helper
    # A network that gives back the mean of every colour.
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["x"], ["y"])],
        "means",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 3, 32, 24])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3, 1, 1])],
    )
    path = tmp_path / "means.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    )
    network = ONNXEmbedding(path, size=(32, 24), looks_at="person")
    pictures = [people[name][0] for name in "AB"]
    expected = np.stack([p.reshape(-1, 3).mean(axis=0) / 127.5 - 1 for p in pictures])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(network([Crop(p) for p in pictures]), expected, atol=0.05)
    assert (network.name, network.looks_at) == ("means", "person")
    (tmp_path / "text.onnx").write_text("hello")
    for wrong in (tmp_path / "missing.onnx", tmp_path / "text.onnx", ENCODER_PATH):
        with pytest.raises(WeightsError, match=r"not a network that can be run on images of 112x112; .*`embeddings`"):
            EMBEDDINGS["onnx"](wrong)


def test_the_person_is_found_on_a_photograph() -> None:
    data = pytest.importorskip("skimage.data", reason="this needs scikit-image: pip install scikit-image")
    photo = np.asarray(data.astronaut(), np.uint8)
    found = PersonFinder()(photo)
    assert found is not None
    assert found.face is not None
    # Her face lies about (175-275, 60-180); she fills the left two thirds of the picture.
    face, mask = found.face, found.mask
    assert 150 < face.x < 215
    assert 235 < face.x + face.width < 300
    assert 20 < face.y < 130
    assert 140 < face.y + face.height < 220
    assert mask[400, 200] == 1
    assert mask[60, 480] == 0
    # Of a detector's boxes the largest on a person is taken.
    boxes = [(170.0, 60.0, 100.0, 120.0), (200.0, 90.0, 20.0, 20.0), (0.0, 0.0, 300.0, 20.0)]
    with_boxes = PersonFinder()(photo, boxes)
    assert with_boxes is not None
    assert with_boxes.face == Box(170, 60, 100, 120)
    none = PersonFinder()(photo, [])
    assert none is not None
    assert none.face is None


def test_boxes_of_a_detector(rng: np.random.Generator) -> None:
    mask: Float32Array = np.zeros((100, 100), np.float32)
    mask[20:90, 30:70] = 1
    place = Place(Box(30, 20, 40, 70), mask, Box(40, 25, 20, 20))
    frame = textured(100, 100, rng)
    face, person = place.crop(frame, "face"), place.crop(frame, "person")
    assert face is not None
    assert person is not None
    np.testing.assert_array_equal(face.picture, frame[25:45, 40:60])
    assert person.picture.shape == (70, 40, 3)
    assert person.mask is not None
    assert person.mask.min() == 1
    assert Place(place.person, mask, None).crop(frame, "face") is None


@pytest.mark.data
def test_orl_faces_are_recognised(data_dir: Path) -> None:
    """40 people, 5 pictures known and 5 asked of each; Ahonen et al. (2006) report as much for such patterns."""
    folders = sorted(path for path in (data_dir / "faces_orl").glob("s*") if path.is_dir())
    if not folders:
        pytest.skip("no faces_orl in the test data")
    pictures: dict[str, list[npt.NDArray[np.uint8]]] = {
        path.name: [motionveil.read_picture(path / f"{number}.pgm") for number in range(1, 11)] for path in folders
    }
    gallery = {name: [Crop(p) for p in faces[:5]] for name, faces in pictures.items()}
    queries = [(name, Crop(p)) for name, faces in pictures.items() for p in faces[5:]]
    found = rank1(gallery, queries, FaceEmbedding())
    print(f"ORL: rank-1 {found.rate:.3f} of {found.queries}")
    assert found.rate >= 0.9


@pytest.mark.data
@pytest.mark.slow
def test_signers_are_recognised_in_other_clips(data_dir: Path) -> None:
    """Five people in 20 clips: every clip is asked for among all others; chance is 0.2."""
    with (data_dir / "clips" / "asl" / "labels.csv").open() as file:
        people = {row["file"]: row["person"] for row in csv.DictReader(file)}
    finder = PersonFinder()
    places: dict[str, list[tuple[UInt8Array, Place]]] = {}
    for file_name in people:
        with motionveil.open_source(data_dir / "clips" / "asl" / file_name) as source:
            frames = [frame for clip in source for frame in clip.frames]
        chosen = [frames[i] for i in np.linspace(0, len(frames) - 1, 4).astype(int)]
        places[file_name] = [(frame, place) for frame in chosen if (place := finder(frame)) is not None]
    for embedding in CLASSICAL:
        hits, asked = 0.0, 0
        crops = {
            name: [c for frame, place in found if (c := place.crop(frame, embedding.looks_at)) is not None]
            for name, found in places.items()
        }
        for clip, person in people.items():
            gallery: dict[str, list[Crop]] = {}
            for other, who in people.items():
                if other != clip:
                    gallery.setdefault(who, []).extend(crops[other])
            found = rank1(gallery, [(person, crop) for crop in crops[clip]], embedding)
            hits, asked = hits + found.hits, asked + found.queries
        print(f"{embedding.name}: rank-1 {hits / asked:.3f} of {asked}")
        assert asked >= 60
        assert hits / asked >= 0.8

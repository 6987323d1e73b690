"""How the embedded encoder is trained and written: labels, losses, and the graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motionveil.models.engine import load_network
from motionveil.models.engine.network import ONNXSource

torch = pytest.importorskip("torch")

from recipes.encoder.data import CLASSES, DOUBTFUL, HEAD, IGNORE, PERSON, make_photo, with_head_boxes  # noqa: E402
from recipes.encoder.losses import loss_terms, memberships, overlap_loss  # noqa: E402
from recipes.encoder.network import Encoder, Prototypes, SameConvolution, same_padding  # noqa: E402


def test_a_head_that_labels_had_overlooked_is_one_and_what_is_around_it_is_ignored() -> None:
    labels = np.zeros((60, 80), np.uint8)
    labels[10:30, 10:30] = HEAD
    found = with_head_boxes(labels, "with_mask 10 10 30 30\nwithout_mask 50 20 62 32\n\n")
    assert np.array_equal(found[:, :35], labels[:, :35])
    assert found[26, 56] == HEAD
    assert found[16, 45] == IGNORE
    assert found[50, 56] == 0
    assert labels[26, 56] == 0


def test_photos_know_their_heads_and_where_somebody_may_have_been_overlooked() -> None:
    labels = np.zeros((130, 160), np.uint8)
    labels[10:30, 20:36] = 1
    labels[30:90, 10:50] = 8
    image = np.zeros((130, 160, 3), np.uint8)
    wild = make_photo("a", "wild", image, labels)
    assert wild.heads == ((20.0, 10.0, 16.0, 20.0),)
    assert wild.height == 80
    assert wild.labels[0, 0] == DOUBTFUL
    assert make_photo("a", "empty", image, labels).labels[0, 0] == 0


def cosines_of(label: int, value: float = 0.95) -> Any:
    cosines = torch.zeros(1, len(CLASSES) - 1, 8, 8)
    if label:
        cosines[:, label - 1] = value
    return cosines


def total(cosines: Any, label: int, doubtful: float = 1.0) -> float:
    labels = torch.full((1, 16, 16), label, dtype=torch.uint8)
    return float(sum(loss_terms(cosines, labels, doubtful_background=doubtful).values()))


def test_any_part_of_a_head_will_do_where_the_label_knows_no_more() -> None:
    hair, cheek, torso = (CLASSES.index(name) for name in ("hair", "cheek", "torso"))
    assert total(cosines_of(hair), HEAD) < 0.05
    assert total(cosines_of(cheek), HEAD) < 0.05
    assert total(cosines_of(torso), HEAD) > 1
    assert total(cosines_of(torso), PERSON) < 0.05
    assert total(cosines_of(0), PERSON) > 1
    assert total(cosines_of(hair), cheek) > 1


def test_nothing_is_asked_of_what_is_ignored_and_little_of_what_is_doubtful() -> None:
    hair = CLASSES.index("hair")
    assert total(cosines_of(hair), IGNORE) == 0
    cosines = cosines_of(hair)
    cosines[..., 4:] = 0
    labels = torch.zeros(1, 16, 16, dtype=torch.uint8)
    labels[..., :8] = DOUBTFUL
    some, all_of_it = (
        float(loss_terms(cosines, labels, doubtful_background=weight)["cross_entropy"]) for weight in (0.1, 1.0)
    )
    assert some < 0.3 * all_of_it
    assert total(cosines_of(hair), 0, 0.1) == total(cosines_of(hair), 0)
    assert memberships()[HEAD].sum() == 6


def test_overlap_is_that_of_tversky() -> None:
    probability, truth = torch.tensor([[[1.0, 1, 0, 0, 1, 1]]]), torch.tensor([[[1.0, 1, 1, 1, 0, 0]]])
    loss = overlap_loss(probability, truth, torch.ones_like(truth), over=(2,), misses=0.5)
    assert float(loss) == pytest.approx(1 - 3 / (2 + 1 + 1 + 1))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(3, 1, (1, 1)), (3, 2, (0, 1)), (5, 2, (1, 2)), (1, 1, (0, 0))]
)
def test_padding_is_that_of_tensorflow(kernel: int, stride: int, padding: tuple[int, int]) -> None:
    assert same_padding(kernel, stride) == padding
    assert SameConvolution(3, 4, kernel, stride)(torch.zeros(1, 3, 32, 64)).shape[2:] == (32 // stride, 64 // stride)


def test_templates_stand_at_right_angles() -> None:
    unit = Prototypes(10).unit()
    assert torch.allclose(unit @ unit.T, torch.eye(10), atol=1e-5)


def test_the_graph_that_is_written_is_the_network_that_was_trained(rng: np.random.Generator) -> None:
    onnx = pytest.importorskip("onnx")
    from recipes.encoder.export import build

    torch.manual_seed(0)
    encoder, prototypes = Encoder().eval(), Prototypes(10)
    model = build(encoder, prototypes)
    onnx.checker.check_model(model)
    frames = rng.integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)
    network = load_network(ONNXSource(Path("encoder.onnx"), model.SerializeToString()), precision="f32")
    descriptors, certainty = network(frames)
    with torch.no_grad():
        expected = encoder(torch.from_numpy(frames).permute(0, 3, 1, 2).float())
        cosines = prototypes(expected)
    assert np.allclose(descriptors, expected.permute(0, 2, 3, 1).numpy(), atol=0.01)
    assert np.allclose(certainty, cosines.amax(1).numpy(), atol=0.01)


def test_the_graph_of_integers_says_nearly_the_same_and_is_half_as_large(rng: np.random.Generator) -> None:
    pytest.importorskip("onnx")
    from recipes.encoder.export import build, rounded_layers
    from recipes.encoder.ranges import observe

    torch.manual_seed(0)
    encoder, prototypes = Encoder().eval(), Prototypes(10)
    frames = rng.integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    ranges = rounded_layers(encoder, observe(encoder, frames))
    assert encoder.stem not in ranges
    assert encoder.head in ranges
    exact, integers = (build(encoder, prototypes, chosen).SerializeToString() for chosen in ({}, ranges))
    assert len(integers) < 0.6 * len(exact)
    expected, found = (
        load_network(ONNXSource(Path("encoder.onnx"), data), precision="f32")(frames)[0] for data in (exact, integers)
    )
    assert 0 < 1 - float((expected * found).sum(-1).mean()) < 0.02

"""The arithmetic of hiding, on cases with a known answer."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from motionveil_bench.adversarial.losses import (
    contrastive_loss,
    loss_of_guessing,
    negative_entropy,
    recognition_accuracy,
    recognition_loss,
    retrieval_accuracy,
    reverse_gradient,
    strongest,
    uniform_cross_entropy,
    worst_of,
)


def _equal(found: torch.Tensor | None, wanted: torch.Tensor) -> bool:
    return found is not None and torch.equal(found, wanted)


def _number(found: torch.Tensor | None) -> float:
    assert found is not None
    return float(found)


def test_the_gradient_is_turned_round_and_weighted() -> None:
    inputs = torch.tensor([1.0, -2.0], requires_grad=True)
    outputs = reverse_gradient(inputs, 0.5)
    assert torch.equal(outputs, inputs)
    (outputs * torch.tensor([3.0, 4.0])).sum().backward()
    assert _equal(inputs.grad, torch.tensor([-1.5, -2.0]))


def test_reversal_lets_one_side_learn_and_the_other_unlearn() -> None:
    """One backward pass: what recognises goes down its loss, what hides goes up the same loss."""
    hide, recognise = torch.tensor(1.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    loss = (recognise * reverse_gradient(2.0 * hide, 0.3) - 5.0) ** 2
    loss.backward()
    assert _number(recognise.grad) == pytest.approx(2 * (2.0 - 5.0) * 2.0)
    assert _number(hide.grad) == pytest.approx(-0.3 * 2 * (2.0 - 5.0) * 2.0)


def test_the_strongest_attacker_has_the_lowest_loss() -> None:
    assert strongest([torch.tensor(0.9), torch.tensor(0.2), torch.tensor(0.5)]) == 1
    assert strongest([torch.tensor(0.2), torch.tensor(0.2)]) == 0
    assert strongest([torch.tensor(3.0)]) == 0


@pytest.mark.parametrize("classes", [2, 5, 20])
def test_whoever_cannot_tell_has_the_lowest_values(classes: int) -> None:
    nothing, sure = torch.zeros(3, classes), torch.zeros(3, classes)
    sure[:, 0] = 50.0
    assert negative_entropy(nothing) == pytest.approx([-math.log(classes)] * 3)
    assert negative_entropy(sure) == pytest.approx([0.0] * 3, abs=1e-6)
    assert uniform_cross_entropy(nothing) == pytest.approx([math.log(classes)] * 3)
    assert uniform_cross_entropy(sure) == pytest.approx([50.0 * (classes - 1) / classes] * 3, rel=1e-5)


def test_guessing_has_the_loss_of_equal_logits() -> None:
    assert loss_of_guessing(20) == pytest.approx(float(recognition_loss(torch.zeros(3, 20), torch.tensor([0, 7, 19]))))
    several = recognition_loss(torch.zeros(2, 5), torch.tensor([[1.0, 0, 0, 1, 0], [0.0, 0, 0, 0, 0]]))
    assert loss_of_guessing(5, multilabel=True) == pytest.approx(float(several))


def test_several_labels_at_once() -> None:
    nothing, sure = torch.zeros(2, 3), torch.full((2, 3), 40.0)
    assert negative_entropy(nothing, multilabel=True) == pytest.approx([-math.log(2)] * 2)
    assert negative_entropy(sure, multilabel=True) == pytest.approx([0.0] * 2, abs=1e-6)
    assert uniform_cross_entropy(nothing, multilabel=True) == pytest.approx([math.log(2)] * 2)
    assert uniform_cross_entropy(sure, multilabel=True) == pytest.approx([20.0] * 2)
    targets = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    assert recognition_accuracy(sure, targets) == pytest.approx(5 / 6)
    assert float(recognition_loss(nothing, targets)) == pytest.approx(math.log(2))


def test_entropy_equals_plain_arithmetic() -> None:
    logits = torch.tensor([[0.3, -1.2, 2.0, 0.0]])
    shares = [math.exp(value) for value in logits[0].tolist()]
    shares = [share / sum(shares) for share in shares]
    assert negative_entropy(logits) == pytest.approx([sum(share * math.log(share) for share in shares)])
    assert uniform_cross_entropy(logits) == pytest.approx([-sum(map(math.log, shares)) / 4])


def test_of_each_clip_the_worst_network_counts() -> None:
    """The first network is sure of clip 0, the second of clip 1: neither is harmless."""
    first, second = torch.tensor([5.0, 1.0]), torch.tensor([2.0, 7.0])
    assert float(worst_of([first, second])) == pytest.approx((5.0 + 7.0) / 2)
    assert float(worst_of([first])) == pytest.approx(3.0)


def test_only_the_worst_network_passes_a_gradient() -> None:
    first, second = torch.tensor([5.0, 1.0], requires_grad=True), torch.tensor([2.0, 7.0], requires_grad=True)
    worst_of([first, second]).backward()
    assert _equal(first.grad, torch.tensor([0.5, 0.0]))
    assert _equal(second.grad, torch.tensor([0.0, 0.5]))


def test_contrastive_loss_equals_plain_arithmetic() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(3, 4, generator=generator), torch.randn(3, 4, generator=generator)
    every = functional.normalize(torch.cat([first, second]), dim=1).tolist()

    def alike(one: int, other: int) -> float:
        return math.exp(sum(a * b for a, b in zip(every[one], every[other], strict=True)) / 0.1)

    losses = [
        -math.log(alike(i, (i + 3) % 6) / sum(alike(i, other) for other in range(6) if other != i)) for i in range(6)
    ]
    assert float(contrastive_loss(first, second)) == pytest.approx(sum(losses) / 6, rel=1e-5)


def test_clips_that_differ_are_told_apart() -> None:
    looks = torch.eye(4)
    assert float(contrastive_loss(looks, looks)) < 0.01
    assert retrieval_accuracy(looks, looks) == 1.0
    same = torch.ones(4, 4)
    assert float(contrastive_loss(same, same)) == pytest.approx(math.log(7), rel=1e-5)
    assert retrieval_accuracy(looks, looks.roll(1, 0)) == 0.0

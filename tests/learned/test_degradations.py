"""What every degradation of the table must hold, and what is true of single ones."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from motionveil._core.errors import OptionError
from motionveil.learned import DEGRADATIONS, BlurDifferenceQuantise, build_degradation
from motionveil.learned.blur_difference_quantise import blurred, soft_quantised

from .sample import SMALL, small

pytestmark = pytest.mark.usefixtures("one_torch_thread")
NAMES = list(DEGRADATIONS)
COLOURED = [name for name in NAMES if "one_channel" in small(name).settings]


def clips(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def applied(degradation: nn.Module, frames: Tensor) -> Tensor:
    made: Tensor = degradation(frames, frames.flip(-1) if degradation.needs_previous else None)
    return made


def test_all_of_the_table_are_tested() -> None:
    assert set(SMALL) == set(DEGRADATIONS)
    assert all(name == made.name for name, made in DEGRADATIONS.items())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width"), [(32, 32), (31, 45), (17, 8), (3, 50), (1, 1)])
@pytest.mark.parametrize("training", [False, True])
def test_shapes_and_range_are_kept(name: str, height: int, width: int, training: bool) -> None:
    frames = clips(2, 3, 4, height, width)
    before = frames.clone()
    made = applied(small(name).train(training), frames)
    assert made.shape == frames.shape
    assert made.dtype == torch.float32
    assert made.min() >= 0
    assert made.max() <= 1
    assert torch.equal(frames, before)


@pytest.mark.parametrize("name", NAMES)
def test_defaults_work_and_settings_build_it_again(name: str) -> None:
    assert applied(build_degradation(name), clips(1, 3, 1, 24, 24)).shape == (1, 3, 1, 24, 24)
    first = small(name)
    settings = json.loads(json.dumps(first.settings))
    assert settings.items() >= SMALL[name].items()
    again = build_degradation(name, **settings)
    assert again.settings == first.settings
    again.load_state_dict(first.state_dict())
    frames = clips(1, 3, 2, 20, 20)
    assert torch.equal(applied(again.eval(), frames), applied(first.eval(), frames))


@pytest.mark.parametrize("name", NAMES)
def test_frames_do_not_depend_on_their_neighbours(name: str) -> None:
    degradation = small(name).eval()
    frames = clips(2, 3, 3, 24, 33)
    together = applied(degradation, frames)
    for clip in range(2):
        for time in range(3):
            alone = applied(degradation, frames[clip : clip + 1, :, time : time + 1])
            assert torch.allclose(together[clip, :, time], alone[0, :, 0], atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_reaches_every_parameter_and_the_frames(name: str) -> None:
    degradation = small(name)
    frames = clips(2, 3, 2, 24, 24).requires_grad_()
    weights = clips(2, 3, 2, 24, 24, seed=1)
    (applied(degradation, frames) * weights).sum().backward()
    assert frames.grad is not None
    assert frames.grad.abs().sum() > 0
    for part, parameter in degradation.named_parameters():
        assert parameter.grad is not None, part
        assert parameter.grad.abs().max() > 1e-6, part


@pytest.mark.parametrize("name", COLOURED)
def test_one_channel_gives_three_that_are_equal(name: str) -> None:
    frames = clips(1, 3, 2, 20, 20)
    coloured, grey = (applied(small(name, one_channel=chosen), frames) for chosen in (False, True))
    assert not torch.equal(coloured[:, 0], coloured[:, 1])
    assert torch.equal(grey[:, 0], grey[:, 1])
    assert torch.equal(grey[:, 1], grey[:, 2])
    assert torch.allclose(grey[:, 0], coloured.mean(1), atol=1e-6)


@pytest.mark.parametrize("name", COLOURED)
def test_it_can_learn_the_identity(name: str) -> None:
    """A network that could not show a picture would hide by chance, and not because training said so."""
    degradation = small(name, width=8)
    picture = nn.functional.interpolate(clips(1, 3, 4, 4), size=(16, 16), mode="bilinear")[:, :, None]
    optimiser = torch.optim.Adam(degradation.parameters(), lr=1e-2)
    errors = []
    for _ in range(80):
        error = nn.functional.mse_loss(degradation(picture), picture)
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        errors.append(error.item())
    assert errors[-1] < errors[0] / 10


@pytest.mark.parametrize("name", COLOURED)
def test_batch_statistics_are_not_kept(name: str) -> None:
    degradation = small(name)
    before = {key: value.clone() for key, value in degradation.state_dict().items()}
    frames = clips(2, 3, 1, 24, 24)
    trained = applied(degradation.train(), frames)
    assert torch.equal(trained, applied(degradation.eval(), frames))
    assert all(torch.equal(before[key], value) for key, value in degradation.state_dict().items())


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: build_degradation("transformer"), "transformation, unet"),
        (lambda: build_degradation("unet", colour=True), "has no option colour"),
        (lambda: build_degradation("unet", width=0), "whole number from 1"),
        (lambda: build_degradation("unet", width=True), "whole number"),
        (lambda: build_degradation("unet", one_channel=1), "true or false"),
        (lambda: build_degradation("transformation", blocks=2.5), "whole number"),
        (lambda: build_degradation("blur_difference_quantise", kernel=4), "odd"),
        (lambda: build_degradation("blur_difference_quantise", sigma=float("nan")), "above 0"),
        (lambda: build_degradation("blur_difference_quantise", hardness="5"), "above 0"),
        (lambda: build_degradation("low_resolution", size=-1), "whole number"),
    ],
)
def test_settings_that_make_no_sense(build: Callable[[], object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        build()


def test_what_needs_the_frame_before_says_so() -> None:
    frames = clips(1, 3, 2, 8, 8)
    for previous in (None, frames[:, :, :1]):
        with pytest.raises(OptionError, match="needs the frame before"):
            small("blur_difference_quantise")(frames, previous)


def test_only_what_has_changed_is_seen() -> None:
    degradation = BlurDifferenceQuantise()
    frames = clips(1, 3, 2, 20, 20)
    still = degradation(frames, frames)
    # All pixels alike, in the middle of the range.
    assert torch.allclose(still, torch.full_like(still, 0.5), atol=1e-6)
    moved = frames.clone()
    moved[..., 10:, 10:] = 0
    made = degradation(frames, moved)
    assert torch.equal(made[..., :8, :8], still[..., :8, :8])
    assert (made[..., 12:, 12:] > 0.5).all()
    assert (degradation(moved, frames)[..., 12:, 12:] < 0.5).all()


def test_quantisation_has_as_many_levels_as_asked_for() -> None:
    frames, previous = clips(1, 3, 1, 40, 40), clips(1, 3, 1, 40, 40, seed=1)
    hard = BlurDifferenceQuantise(kernel=1, levels=5, hardness=1e5)
    steps = hard(frames, previous).mul(4).unique()
    plateaus = steps[(steps - steps.round()).abs() < 1e-3].round().unique()
    assert plateaus.tolist() == [0, 1, 2, 3, 4]
    assert len(steps) - len(plateaus) < 0.01 * frames.numel()
    soft = BlurDifferenceQuantise(kernel=1, levels=5)(frames, previous)
    assert len(soft.unique()) > 1000


def test_soft_quantisation_by_hand() -> None:
    values = torch.tensor([-50.0, 0.5, 1.0, 50.0])
    made = soft_quantised(values, torch.tensor([0.5, 1.5]), 5.0)
    sigmoid = torch.sigmoid(torch.tensor([-5.0, 2.5, -2.5]))
    expected = torch.stack([torch.tensor(0.0), 0.5 + sigmoid[0], sigmoid[1] + sigmoid[2], torch.tensor(2.0)])
    assert torch.allclose(made, expected, atol=1e-6)


def test_blur_is_a_gaussian() -> None:
    impulse = torch.zeros(1, 1, 21, 21)
    impulse[..., 10, 10] = 1
    made = blurred(impulse, torch.tensor(1.5), 13)
    x = torch.arange(21.0) - 10
    line = torch.where(x.abs() <= 6, torch.exp(-(x**2) / (2 * 1.5**2)), torch.tensor(0.0))
    expected = torch.outer(line, line) / line.sum() ** 2
    assert torch.allclose(made[0, 0], expected, atol=1e-6)
    flat = torch.full((2, 3, 9, 9), 0.3)
    assert torch.allclose(blurred(flat, torch.tensor(3.0), 5), flat, atol=1e-6)


def test_a_larger_sigma_leaves_less() -> None:
    frames, previous = clips(1, 3, 1, 40, 40), clips(1, 3, 1, 40, 40, seed=1)
    kept = [BlurDifferenceQuantise(sigma=sigma)(frames, previous).std().item() for sigma in (0.3, 1.0, 3.0)]
    assert kept[0] > kept[1] > kept[2]

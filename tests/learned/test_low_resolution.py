"""Extreme low resolution: plain averages, and the transforms that training draws from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from motionveil.learned import LowResolution, transformed

pytestmark = pytest.mark.usefixtures("one_torch_thread")


def clips(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def smooth_clips(height: int, width: int) -> Tensor:
    coarse = clips(2, 3, 5, 5)
    fine: Tensor = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 1)
    return fine[:, :, None]


@pytest.mark.parametrize(("height", "width", "size"), [(32, 48, 16), (30, 45, 7), (5, 3, 4), (64, 64, 1)])
def test_cells_are_plain_averages(height: int, width: int, size: int) -> None:
    frames = clips(2, 3, 2, height, width)
    made = LowResolution(size=size).eval()(frames)
    # Every pixel as size x size equal ones: then the parts are whole pixels.
    fine = frames.numpy().repeat(size, 3).repeat(size, 4)
    cells = fine.reshape(2, 3, 2, size, height, size, width).mean((4, 6))
    rows = ((np.arange(height) + 0.5) * size / height).astype(int)
    columns = ((np.arange(width) + 0.5) * size / width).astype(int)
    expected = cells[..., rows, :][..., columns]
    assert np.allclose(made.numpy(), expected, atol=1e-6)


def test_a_factor_counts_from_published_frames() -> None:
    assert [LowResolution(factor=factor).size for factor in (16, 32, 64)] == [14, 7, 4]
    assert LowResolution(factor=16).settings == LowResolution(size=14).settings


def test_training_begins_without_transforms_and_evaluation_stays_so() -> None:
    degradation, frames = LowResolution(size=4), clips(2, 3, 2, 16, 24)
    plain = degradation.eval()(frames)
    assert torch.equal(degradation.train()(frames), plain)
    degradation.transforms[:] = torch.tensor([1.0, 0, 0, 0])
    assert not torch.equal(degradation(frames), plain)
    assert torch.equal(degradation.eval()(frames), plain)


def test_clips_draw_transforms_of_their_own() -> None:
    degradation = LowResolution(size=4, num_transforms=3)
    degradation.transforms[:] = torch.tensor([[0.0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]])
    frames = clips(1, 3, 2, 16, 16).expand(60, -1, -1, -1, -1)
    torch.manual_seed(3)
    made = degradation(frames)
    wanted = [degradation.eval()(transformed(frames[:1], each[None], 4)) for each in degradation.transforms]
    found = [[torch.allclose(clip, each[0], atol=1e-6) for each in wanted] for clip in made]
    assert all(sum(row) == 1 for row in found)
    assert all(sum(column) > 8 for column in zip(*found, strict=True))
    torch.manual_seed(3)
    assert torch.equal(degradation.train()(frames), made)


def test_rows_of_zeros_change_nothing() -> None:
    frames = clips(2, 3, 3, 15, 22)
    transforms = torch.tensor([[0.0, 0, 0, 0], [0.3, 0, 0, 0.2]])
    made = transformed(frames, transforms, 8)
    assert torch.equal(made[0], frames[0])
    assert not torch.equal(made[1], frames[1])


def test_shifts_are_counted_in_cells() -> None:
    frames = clips(1, 3, 2, 32, 64)
    right = transformed(frames, torch.tensor([[1.0, 0, 0, 0]]), 8)
    assert torch.allclose(right[..., 8:], frames[..., :-8], atol=1e-5)
    down = transformed(frames, torch.tensor([[0.0, -0.5, 0, 0]]), 8)
    assert torch.allclose(down[..., :-2, :], frames[..., 2:, :], atol=1e-5)


def test_turning_and_scaling_are_done_in_pixels() -> None:
    square = smooth_clips(24, 24)
    quarter = transformed(square, torch.tensor([[0, 0, 0, math.pi / 2]]).expand(2, 4), 8)
    assert torch.allclose(quarter, torch.rot90(square, -1, (-2, -1)), atol=1e-4)
    y, x = torch.meshgrid(torch.arange(40.0) - 19.5, torch.arange(80.0) - 39.5, indexing="ij")
    disc = (torch.hypot(x, y) < 8).float().expand(1, 3, 1, 40, 80)
    # A disc around the centre stays one where the sides differ, and becomes four times as large.
    assert torch.allclose(transformed(disc, torch.tensor([[0, 0, 0, 0.7]]), 8).mean(), disc.mean(), rtol=0.02)
    larger = transformed(disc, torch.tensor([[0, 0, math.log(2), 0.7]]), 8)
    assert (larger[0, 0, 0] - (torch.hypot(x, y) < 16).float()).abs().mean() < 0.02

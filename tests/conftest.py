"""Fixtures that every test may use. None of them needs a network connection or data from outside the repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from motionveil._core.types import Clip, Float32Array, Point, UInt8Array
from motionveil.detection.features import DescriptorGrid
from motionveil.detection.templates import Template
from motionveil.flow import FlowEstimator

from .golden.random_vit import NARROW, random_vit

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real clips and photographs; MOTIONVEIL_TEST_DATA, or ``shared/data`` beside the checkout."""
    folder = Path(os.environ.get("MOTIONVEIL_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "clips").is_dir():
        pytest.skip(f"no real clips in {folder}; set MOTIONVEIL_TEST_DATA to a folder that holds clips/ and parts/")
    return folder


@pytest.fixture(scope="session")
def cases_dir() -> Path:
    """Files as people have them; MOTIONVEIL_TEST_CASES, or ``shared/cases`` beside the checkout."""
    folder = Path(os.environ.get("MOTIONVEIL_TEST_CASES") or ROOT.parent / "shared" / "cases")
    if not folder.is_dir():
        pytest.skip(f"no files of that kind in {folder}; set MOTIONVEIL_TEST_CASES to a folder that holds them")
    return folder


@pytest.fixture(scope="session")
def random_vit_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of a narrow ViT with random weights."""
    path = tmp_path_factory.mktemp("weights") / "narrow.pth"
    torch.save(random_vit(**NARROW), path)
    return path


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests neither find nor leave anything in the user's folders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTIONVEIL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """Network weights; MOTIONVEIL_TEST_WEIGHTS, or ``shared/weights`` beside the checkout."""
    folder = Path(os.environ.get("MOTIONVEIL_TEST_WEIGHTS") or ROOT.parent / "shared" / "weights")
    if not folder.is_dir():
        pytest.skip(
            f"no network weights in {folder}; set MOTIONVEIL_TEST_WEIGHTS to a folder that holds raft-small.pth"
        )
    return folder


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Torch on one thread: on a busy machine its threads wait for each other longer than they work."""
    torch = pytest.importorskip("torch", reason="this needs torch: pip install 'motionveil[torch]'")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def textured(height: int, width: int, rng: np.random.Generator) -> UInt8Array:
    """A smooth random picture that optical flow can follow."""
    noise = rng.integers(0, 256, (height, width, 3), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5).astype(np.float32)
    return np.clip((smooth - 128) * 5 + 128, 0, 255).astype(np.uint8)


def clips_of(frames: UInt8Array, lengths: list[int] | None = None, rate: int = 25) -> list[Clip]:
    """Frames (T, H, W, 3) cut into clips of these lengths."""
    made, start = [], 0
    for length in lengths or [len(frames)]:
        pts = tuple(Fraction(i, rate) for i in range(start, start + length))
        made.append(Clip(frames[start : start + length], start, pts))
        start += length
    assert start == len(frames)
    return made


class BrightnessExtractor:
    """A stand-in network: cells of 8x8 pixels, descriptor (bright, dark) by their mean brightness."""

    fingerprint = "brightness"
    channels = 2

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        self.calls += len(frames)
        t, h, w, _ = frames.shape
        cells = frames[:, : h // 8 * 8, : w // 8 * 8].reshape(t, h // 8, 8, w // 8, 8, 3).mean((2, 4, 5)) / 255
        angle = (cells * np.pi / 2).astype(np.float32)
        return DescriptorGrid(np.stack([np.sin(angle), np.cos(angle)], -1), Point(8, 8), Point(3.5, 3.5))


BRIGHT = Template("bright", np.array([1, 0], np.float32), "brightness", "made for tests")
DARK = Template("dark", np.array([0, 1], np.float32), "brightness", "made for tests")


class ConstantFlow(FlowEstimator):
    """A stand-in for optical flow: everything has moved by (x, y) since the frame before."""

    def __init__(self, x: float, y: float) -> None:
        self.motion = (x, y)

    def prepare(self, frame: UInt8Array) -> tuple[int, int]:
        return frame.shape[0], frame.shape[1]

    def between(self, source: tuple[int, int], target: tuple[int, int]) -> Float32Array:
        return np.zeros((*source, 2), np.float32) - np.array(self.motion, np.float32)

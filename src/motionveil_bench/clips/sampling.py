"""Sampling of clips for a network: which frames, and which part of them, in training and testing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Meta
from torch.utils.data import Dataset

from motionveil._core.types import UInt8Array

from ..models.network import Network
from ..records import Record, Task
from ..settings import Settings
from .frames import Fit, FrameStore, Look, flow_pictures

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sampling(Settings):
    """How clips are sampled in space and time.

    Args:
        spread: Take the network's frames evenly from the whole clip, instead of with its own stride from a window.
        fit: See `frames.Look`.
        margin: In training, frames are larger than the network's random crop by this fraction.
        flip: Mirror half of the clips in training; some then show another class (`Task.mirrored`).
        samples: How often an epoch visits each clip, for frame networks.
        views: Number of views of a test clip; None for the network's default.
        size: Size of the crop in pixels; None for the network's own.

    Raises:
        OptionError: For invalid values.
    """

    spread: bool = False
    fit: Fit = "crop"
    margin: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    flip: bool = True
    samples: Annotated[int, Meta(ge=1, le=10_000)] = 1
    views: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    size: Annotated[int, Meta(ge=16, le=4096)] | None = None

    def applied_to(self, network: Network) -> Network:
        """The network, with crops of this size."""
        return replace(network, size=self.size) if self.size else network

    def look(self, network: Network) -> Look:
        """The size at which frames are read for a network."""
        return Look(round(network.size * (1 + self.margin)), self.fit)


def sampled_for_training(length: int, network: Network, spread: bool, rng: np.random.Generator) -> Indices:
    """Indices of training frames, (num_frames,), of a clip of `length` frames: one from each of as many equal parts
    (`spread`, Wang et al., Temporal Segment Networks, ECCV 2016), or a window f x r at a random position.
    """
    count, window = network.num_frames, network.num_frames * network.frame_stride
    if spread or length < window:
        parts = (np.arange(count) + rng.random(count)) * length / count
        return np.minimum(parts.astype(np.int64), length - 1)
    return int(rng.integers(length - window + 1)) + np.arange(count) * network.frame_stride


def sampled_for_evaluation(length: int, network: Network, spread: bool, views: int) -> Indices:
    """Indices of test frames, (views, num_frames): the same parts at evenly shifted positions, or evenly spaced
    windows.
    """
    count, window = network.num_frames, network.num_frames * network.frame_stride
    if spread or length < window:
        shifts = (np.arange(views)[:, None] + 0.5) / views
        return np.minimum(((np.arange(count) + shifts) * length / count).astype(np.int64), length - 1)
    starts = np.linspace(0, length - window, views + 2)[1:-1] if views > 1 else np.array([(length - window) / 2])
    return starts.astype(np.int64)[:, None] + np.arange(count) * network.frame_stride


@dataclass
class _Clips(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Common base of training and test clips."""

    records: Sequence[Record]
    obfuscator: str
    task: Task
    network: Network
    sampling: Sampling
    store: FrameStore
    previous: bool = False
    """Whether the previous frame of each one is appended as three more channels."""

    def __post_init__(self) -> None:
        self.store.expect(self.records)

    def target(self, record: Record, *, mirrored: bool = False) -> torch.Tensor:
        """The class index; with several labels, a 0 or 1 for each. mirrored: of the mirrored clip."""
        label = record.labels[self.task.name]
        names = (label,) if isinstance(label, str) else label
        if mirrored:
            names = tuple(self.task.mirrored.get(name, name) for name in names)
        if isinstance(label, str):
            return torch.tensor(self.task.index(names[0]))
        return torch.tensor([float(name in names) for name in self.task.classes])

    def _open(self, record: Record) -> tuple[UInt8Array, UInt8Array | None]:
        """All frames of a clip, with the flow between them if the network uses it."""
        where = (record, self.obfuscator, self.sampling.look(self.network))
        return self.store.frames(*where), self.store.flow(*where) if self.network.flow else None

    def _look(
        self, clip: tuple[UInt8Array, UInt8Array | None], indices: Indices, corner: tuple[float, float], mirrored: bool
    ) -> torch.Tensor:
        """(C, T, size, size) float32, normalised; (C, size, size) for a frame network."""
        (frames, flow), size = clip, self.network.size
        wanted = [indices, np.maximum(indices - 1, 0)] if self.previous else [indices]
        pictures = [frames[each][:, :, ::-1] if mirrored else frames[each] for each in wanted]
        if flow is not None:
            pictures.append(flow_pictures(flow[indices], mirrored=mirrored))
        tensor = torch.cat([self._normalised(_cropped(picture, size, corner)) for picture in pictures])
        return tensor if self.network.level == "clip" else tensor[:, 0]

    def _normalised(self, frames: UInt8Array) -> torch.Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(frames)).permute(3, 0, 1, 2).float() / 255
        mean, deviation = (torch.tensor(v).view(3, 1, 1, 1) for v in (self.network.mean, self.network.deviation))
        return (tensor - mean) / deviation


@dataclass
class TrainingClips(_Clips):
    """Training clips. Frames, crops and mirroring differ in each epoch and depend on (seed, epoch, item) alone, so that
    resumed trainings see the same.
    """

    seed: int = 0
    epoch: int = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.records) * self.sampling.samples

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor]:
        record = self.records[item % len(self.records)]
        rng = np.random.default_rng([self.seed, self.epoch, item])
        clip = self._open(record)
        indices = sampled_for_training(len(clip[0]), self.network, self.sampling.spread, rng)
        mirrored = bool(self.sampling.flip and rng.random() < 0.5)
        corner = (float(rng.random()), float(rng.random()))
        return self._look(clip, indices, corner, mirrored), self.target(record, mirrored=mirrored)


@dataclass
class TestClips(_Clips):
    """Test clips: all views of a clip at once, (views, C, …), from the centre of the frames."""

    __test__ = False  # not a test of pytest

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, item: int) -> tuple[torch.Tensor, torch.Tensor]:
        record = self.records[item]
        clip = self._open(record)
        views = self.sampling.views or self.network.views
        chosen = sampled_for_evaluation(len(clip[0]), self.network, self.sampling.spread, views)
        return torch.stack([self._look(clip, indices, (0.5, 0.5), False) for indices in chosen]), self.target(record)


def _cropped(frames: Any, size: int, corner: tuple[float, float]) -> Any:
    """A square crop of frames (T, h, w, 3). corner: its position, from 0 (top, left) to 1 (bottom, right)."""
    top, left = (round(share * (length - size)) for share, length in zip(corner, frames.shape[1:3], strict=True))
    return frames[:, top : top + size, left : left + size]

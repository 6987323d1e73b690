"""Clips for f_d: pictures in [0, 1], for actions and for attributes, perhaps of two data sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from ..networks.network import Network
from ..sampling import TestClips, TrainingClips
from ..training.loading import plan


class Batch(NamedTuple):
    """frames: (N, 3, T, H, W) float32 in [0, 1]. previous: the video frame before each, where f_d wants it. targets: as
    networks are told them."""

    frames: Tensor
    previous: Tensor | None
    targets: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        previous = None if self.previous is None else self.previous.to(device)
        return Batch(self.frames.to(device), previous, self.targets.to(device))


def as_pictures(network: Network, num_frames: int, size: int) -> Network:
    """How clips are sampled for a network whose input f_d makes: as it sees them, but as plain pictures."""
    mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return replace(network, level="clip", num_frames=num_frames, size=size, flow=False, mean=mean, deviation=deviation)


class Draws:
    """Batches to learn from without end. The n-th depends on the seed and n alone, so that a training goes on where it
    was interrupted. num_drawn: how many there were."""

    def __init__(self, clips: TrainingClips, batch_size: int, seed: int) -> None:
        self.num_drawn = 0
        self._clips = clips
        self._batch_size = min(batch_size, len(clips))
        self._seed = seed
        self._epoch = -1
        self._order: list[list[int]] = []
        self._per_epoch = len(self._plan(0))

    def _plan(self, epoch: int) -> list[list[int]]:
        steps = plan(len(self._clips), self._batch_size, 1, 1, self._seed, epoch)
        return [batch for step in steps for batch in step]

    def __call__(self) -> Batch:
        """The next one."""
        epoch, number = divmod(self.num_drawn, self._per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._plan(epoch)
        self._clips.set_epoch(epoch)
        self.num_drawn += 1
        return _batch([self._clips[index] for index in self._order[number]])


def judged(clips: TestClips, batch_size: int) -> Iterator[Batch]:
    """All clips, each with its one view, in order."""
    for start in range(0, len(clips), batch_size):
        items = [clips[index] for index in range(start, min(start + batch_size, len(clips)))]
        yield _batch([(views[0], target) for views, target in items])


def _batch(items: list[tuple[Tensor, Tensor]]) -> Batch:
    frames = torch.stack([frames for frames, _ in items])
    targets = torch.stack([torch.as_tensor(target) for _, target in items])
    previous = frames[:, 3:] if frames.shape[1] == 6 else None
    return Batch(frames[:, :3], previous, targets)

"""What TensorBoard shows of a training, where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from .history import Epoch

_TOP = 5
_CLIPS, _MOMENTS = 4, 6
"""How many training clips are shown, at how many moments."""
_CELL = 8
"""Pixels of a class in the picture of a confusion matrix."""


class Curves:
    """Writes to TensorBoard; writes nothing where that is not installed."""

    def __init__(self, writer: Any = None) -> None:
        self._writer = writer

    def add_epoch(self, epoch: Epoch, logits: Tensor, targets: Tensor) -> None:
        """Losses and accuracies; with one label for each clip also top-5, and which classes are taken for which.

        logits: of the validation clips (N, C). targets: (N,), or (N, C) with several labels at once.
        """
        if self._writer is None:
            return
        for name in ("train_loss", "validation_loss", "validation_accuracy"):
            self._writer.add_scalar(name, getattr(epoch, name), epoch.epoch)
        if targets.ndim == 1:
            best = logits.topk(min(_TOP, logits.shape[1]), dim=1).indices
            right = (best == targets[:, None]).any(1)
            self._writer.add_scalar(f"validation_top{_TOP}", float(right.float().mean()), epoch.epoch)
            self._add_picture("validation_confusion", confusion_picture(logits, targets), epoch.epoch)
        self._writer.flush()

    def add_clips(self, inputs: Tensor, epoch: int) -> None:
        """The first clips of a batch as the network sees them: (N, C, T, H, W), or frames (N, C, H, W)."""
        if self._writer is not None:
            self._add_picture("clips", clips_picture(inputs), epoch)

    def _add_picture(self, name: str, picture: Tensor, epoch: int) -> None:
        try:
            self._writer.add_image(name, picture, epoch)
        except ImportError:  # TensorBoard draws with Pillow, which may be missing
            return


def confusion_picture(logits: Tensor, targets: Tensor) -> Tensor:
    """(1, H, W) in [0, 1]: the share of each class (row) that is taken for each class (column)."""
    count = logits.shape[1]
    matrix = torch.zeros(count, count)
    matrix.index_put_((targets, logits.argmax(1)), torch.ones(len(targets)), accumulate=True)
    shares = matrix / matrix.sum(1, keepdim=True).clamp(min=1)
    return shares.repeat_interleave(_CELL, 0).repeat_interleave(_CELL, 1)[None]


def clips_picture(inputs: Tensor) -> Tensor:
    """(3, H, W) in [0, 1]: a row for each clip, moments side by side, each clip from its darkest to its brightest."""
    clips = inputs.detach().float().cpu()[:_CLIPS, :3]
    if clips.ndim == 4:
        clips = clips[:, :, None]
    moments = torch.linspace(0, clips.shape[2] - 1, min(_MOMENTS, clips.shape[2])).round().long()
    rows = []
    for clip in clips[:, :, moments]:
        lowest, highest = clip.min(), clip.max()
        shown = (clip - lowest) / (highest - lowest).clamp(min=1e-6)
        rows.append(torch.cat(list(shown.unbind(1)), dim=-1))
    picture = torch.cat(rows, dim=-2)
    scale = min(1.0, 2048 / picture.shape[-1])
    return functional.interpolate(picture[None], scale_factor=scale, mode="area")[0] if scale < 1 else picture


@contextmanager
def open_curves(folder: Path, epoch: int, *, wanted: bool = True) -> Iterator[Curves]:
    """Curves below a folder, which go on at `epoch`."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        wanted = False
    if not wanted:
        yield Curves()
        return
    with SummaryWriter(str(folder / "tensorboard"), purge_step=epoch) as writer:
        yield Curves(writer)

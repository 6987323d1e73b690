"""Curves for TensorBoard, where it is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .history import Epoch


def open_tensorboard(folder: Path, epoch: int) -> Any:
    """A writer that goes on at an epoch; None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=epoch)


def write_scalars(writer: Any, epoch: Epoch) -> None:
    """Add an epoch to the curves."""
    for name in ("train_loss", "validation_loss", "validation_accuracy"):
        writer.add_scalar(name, getattr(epoch, name), epoch.epoch)
    writer.flush()

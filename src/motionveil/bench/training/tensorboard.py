"""Curves for TensorBoard, where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .history import Epoch


@contextmanager
def open_tensorboard(folder: Path, epoch: int, wanted: bool = True) -> Iterator[Callable[[Epoch], None]]:
    """Gives what adds an epoch to the curves below a folder, which go on at `epoch`.

    It adds nothing where that is not wanted or TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        wanted = False
    if not wanted:
        yield lambda epoch: None
        return

    def write_scalars(epoch: Epoch) -> None:
        for name in ("train_loss", "validation_loss", "validation_accuracy"):
            writer.add_scalar(name, getattr(epoch, name), epoch.epoch)
        writer.flush()

    with SummaryWriter(str(folder / "tensorboard"), purge_step=epoch) as writer:
        yield write_scalars

"""What a training is told, the devices it runs on, and its random numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from msgspec import Meta

from motionveil._core.errors import OptionError

from ..settings import Count, CountOrNone, NotNegative, Positive, Settings


@contextmanager
def random_numbers(*seeds: int, device: torch.device | None = None) -> Iterator[None]:
    """Torch draws from these seeds within, on the CPU and on a GPU if given, and then goes on as if nothing had been.

    For dropout, and for the random weights of a new network.
    """
    seed = int(np.random.SeedSequence(seeds).generate_state(1, np.uint64)[0] >> np.uint64(1))
    on_gpu = device is not None and device.type == "cuda"
    with torch.random.fork_rng(devices=[device] if on_gpu else []):
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


Schedule = Literal["constant", "cosine"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True)
class Training(Settings):
    """The settings of a training, by default those of Ilic et al. (CVPR 2024, Sec. 4.2) where the paper gives them.

    epochs: at most. patience: epochs without a lower validation loss after which it ends. learning_rate, weight_decay:
    of AdamW. batch_size: inputs that the network sees at once on one device. accumulate: batches behind one step of the
    optimiser, on all devices together, so that a training does not depend on how many there are. warmup_epochs: the
    learning rate rises from zero for so long. schedule: what it does then, 'constant', or 'cosine' down to zero at the
    last epoch. label_smoothing: in [0, 1). clip_gradients: largest norm of the gradient; 0 leaves it. precision:
    '32-true', 'bf16-mixed' or '16-mixed'. train: 'all' weights, or those of the 'head' alone, with the pretrained trunk
    as it is (see `models.freeze_trunk`). workers: processes that load clips; the result does not depend on them.
    Raises OptionError for what makes no sense.
    """

    epochs: Count = 300
    patience: Count = 100
    learning_rate: Positive = 3e-4
    weight_decay: NotNegative = 0.01
    batch_size: Annotated[int, Meta(ge=1, le=65_536)] = 16
    accumulate: Count = 1
    warmup_epochs: CountOrNone = 0
    schedule: Schedule = "constant"
    label_smoothing: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    clip_gradients: NotNegative = 0.0
    precision: Precision = "32-true"
    train: Literal["all", "head"] = "all"
    workers: Annotated[int, Meta(ge=0, le=256)] = 0

    def as_record(self) -> dict[str, Any]:
        """All settings that the result depends on, for JSON and for a hash."""
        told = {name: value for name, value in asdict(self).items() if name != "workers"}
        if self.train == "all":
            del told["train"]  # which older trainings did not know
        return told

    def learning_rate_at(self, epoch: float) -> float:
        """The learning rate after so many epochs, parts of one included."""
        if epoch < self.warmup_epochs:
            return self.learning_rate * epoch / self.warmup_epochs
        if self.schedule == "constant":
            return self.learning_rate
        done = (epoch - self.warmup_epochs) / max(1, self.epochs - self.warmup_epochs)
        return self.learning_rate * (1 + math.cos(math.pi * min(done, 1))) / 2


def make_fabric(
    precision: Precision = "32-true", *, accelerator: str = "auto", devices: int | list[int] = 1, strategy: str = "auto"
) -> Fabric:
    """The devices of a training, by default one GPU where there is one. Raises OptionError where they do not exist.

    With several devices call `launch()` on it before anything else, see Lightning Fabric.
    """
    try:
        return Fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision=precision)
    except (RuntimeError, ValueError, TypeError) as error:
        raise OptionError(f"no training on {devices} of {accelerator!r} with {precision}: {error}") from error

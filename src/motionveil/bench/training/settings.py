"""What a training is told, and the devices it runs on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from lightning_fabric import Fabric

from ..._core.errors import OptionError

Schedule = Literal["constant", "cosine"]
_MOST = 1_000_000
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True)
class Training:
    """The settings of a training, by default those of Ilic et al. (CVPR 2024, Sec. 4.2) where the paper gives them.

    epochs: at most. patience: epochs without a lower validation loss after which it ends. learning_rate, weight_decay:
    of AdamW. batch_size: inputs that the network sees at once on one device. accumulate: batches behind one step of the
    optimiser, on all devices together, so that a training does not depend on how many there are. warmup_epochs: the
    learning rate rises from zero for so long. schedule: what it does then, 'constant', or 'cosine' down to zero at the
    last epoch. label_smoothing: in [0, 1). clip_gradients: largest norm of the gradient; 0 leaves it. precision:
    '32-true', 'bf16-mixed' or '16-mixed'. workers: processes that load clips; the result does not depend on them.
    Raises OptionError for what makes no sense.
    """

    epochs: int = 300
    patience: int = 100
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    batch_size: int = 16
    accumulate: int = 1
    warmup_epochs: int = 0
    schedule: Schedule = "constant"
    label_smoothing: float = 0.0
    clip_gradients: float = 0.0
    precision: Precision = "32-true"
    workers: int = 0

    def __post_init__(self) -> None:
        for name, smallest, largest in (
            ("epochs", 1, _MOST), ("patience", 1, _MOST), ("batch_size", 1, 65_536), ("accumulate", 1, _MOST),
            ("warmup_epochs", 0, _MOST), ("workers", 0, 256),
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not smallest <= value <= largest:
                raise OptionError(f"{name} is {value!r}; give a whole number, at least {smallest}, at most {largest}")
        for name, low, high in (
            ("learning_rate", 0, math.inf), ("weight_decay", 0, math.inf), ("clip_gradients", 0, math.inf),
            ("label_smoothing", 0, 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value < high:
                raise OptionError(f"{name} is {value!r}; give a number of at least {low}, less than {high}")
        if self.learning_rate == 0:
            raise OptionError("learning_rate is 0, with which nothing is learned; give a positive number")
        for name, known in (("schedule", get_args(Schedule)), ("precision", get_args(Precision))):
            if getattr(self, name) not in known:
                raise OptionError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(known)}")

    def as_record(self) -> dict[str, Any]:
        """All settings that the result depends on, for JSON and for a hash."""
        return {name: value for name, value in asdict(self).items() if name != "workers"}

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

"""How a network says what it wants to see, and how published weights get into it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import nn

from motionveil._core.errors import OptionError, WeightsError
from motionveil.models.engine.checkpoint import read_checkpoint

KINETICS = ((0.45, 0.45, 0.45), (0.225, 0.225, 0.225))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of what pretrained networks were shown, RGB in [0, 1]."""


@dataclass(frozen=True)
class Network:
    """One line of the table of networks.

    build: makes the module for a number of classes, with random weights. A clip network takes
    (N, C, num_frames, size, size), a frame network (N, C, size, size), both float32, normalised by `mean` and
    `deviation`; C is 3 (RGB), and with `flow` 6 (RGB, then the flow to the next frame in Middlebury colours). Both give
    logits (N, num_classes).
    num_frames x frame_stride, size: how it samples time and space, as published (f x r).
    views: how many samples of a test clip have their logits averaged.
    head: prefixes of the state dict that depend on the number of classes, left out where a checkpoint has others.
    streams: prefixes of the parts that each start from the same checkpoint, one of a single stream.
    ignored: prefixes of what a checkpoint may hold beside the network, such as heads that only training needed.
    pretrained: what the published weights are called and where they come from, for a person to fetch; empty if none.
    """

    build: Callable[[int], nn.Module]
    level: Literal["frame", "clip"]
    size: int
    num_frames: int = 1
    frame_stride: int = 1
    views: int = 1
    flow: bool = False
    mean: tuple[float, float, float] = KINETICS[0]
    deviation: tuple[float, float, float] = KINETICS[1]
    head: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    pretrained: str = ""


_log = logging.getLogger("motionveil.bench")  # shown by the command line as all of motionveil


def load_weights(module: nn.Module, path: str | Path, network: Network) -> None:
    """Give a module that `network` built the weights of a file, in place.

    The file may be PyTorchVideo's, torchvision's or our own; one of a single stream fills all streams, and what the
    network ignores is left. Where it was trained for another number of classes, or for one stream, the head keeps the
    weights it has, which is logged. Raises WeightsError where the file cannot be read, or is of another network; the
    module is unchanged then.
    """
    found, expected = read_checkpoint(path), module.state_dict()
    found = {name: value for name, value in found.items() if not name.startswith(network.ignored)}
    head = {name for name in expected if network.head and name.startswith(network.head)}
    single = network.streams and not any(name.startswith(network.streams) for name in found)
    if single:
        found = {prefix + name: value for prefix in network.streams for name, value in found.items()}
    if single or any(name in found and found[name].shape[:1] != expected[name].shape[:1] for name in head):
        reason = "one stream" if single else "other classes"
        _log.info("%s was trained for %s: the last layer starts from random weights", path, reason)
        found = {name: value for name, value in found.items() if name not in head}
    else:
        head = set()
    # Older files lack the counters of batch normalisation, which have no part in what a network computes.
    lacking = [name for name in expected.keys() - found.keys() - head if not name.endswith("num_batches_tracked")]
    common = expected.keys() & found.keys()
    shapes = [
        f"{name} ({'x'.join(map(str, found[name].shape))} for {'x'.join(map(str, expected[name].shape))})"
        for name in common
        if found[name].shape != expected[name].shape
    ]
    misfits = [
        f"{what} {_first(names)}"
        for what, names in (
            ("it lacks", lacking),
            ("it has", found.keys() - expected.keys()),
            ("other shapes have", shapes),
        )
        if names
    ]
    if misfits:
        fitting = f", such as {network.pretrained}" if network.pretrained else ""
        raise WeightsError(
            f"{path} is a checkpoint of another network ({'; '.join(misfits)}); give weights of this one{fitting}"
        )
    module.load_state_dict(found, strict=False)


def freeze_trunk(module: nn.Module, network: Network, name: str = "") -> None:
    """Keep all weights but those of the head from learning, in place. Raises OptionError where there is no head."""
    names = [key for key, _ in module.named_parameters() if network.head and key.startswith(network.head)]
    if not names:
        raise OptionError(f"{name or 'this network'} has no head of its own to train; set train = 'all' for it")
    for key, parameter in module.named_parameters():
        parameter.requires_grad_(key in names)


def _first(names: Iterable[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    ordered = sorted(names)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more

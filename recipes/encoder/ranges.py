"""What values enter the convolutions of an encoder: from this they are rounded to 8 bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from .data import DOMAINS, UInt8Array, load_photo, read_image, split_names, split_paths
from .network import MULTIPLE, Encoder

Range = tuple[float, float]
SHORT_SIDES = (224, 320)
_RARE = 2e-4
"""Share of the values at either end that are clipped: a few of them would make the steps of all others coarse."""
_PHOTOS = 6
"""Of each kind, for training; which ones does not matter much."""
_MOST = 200_000
"""Values of one layer and one photograph that are looked at."""


def observe(encoder: Encoder, images: Iterable[UInt8Array]) -> dict[nn.Module, Range]:
    """The least and the greatest value that enter every convolution, rare ones left out; zero always lies between."""
    found: dict[nn.Module, Range] = {}

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        values = inputs[0].flatten()
        values = values[:: max(1, len(values) // _MOST)][:_MOST]
        low, high = (float(torch.quantile(values, share)) for share in (_RARE, 1 - _RARE))
        before = found.get(module, (0.0, 0.0))
        found[module] = (min(before[0], low), max(before[1], high))

    hooks = [m.register_forward_pre_hook(look) for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    try:
        with torch.inference_mode():
            for image in images:
                for short_side in SHORT_SIDES:
                    encoder(_as_input(image, short_side))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _as_input(image: UInt8Array, short_side: int) -> Tensor:
    scale = short_side / min(image.shape[:2])
    height, width = (max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in image.shape[:2])
    resized: Any = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(np.asarray(resized)).permute(2, 0, 1)[None].float()


def examples(root: Path) -> Iterator[UInt8Array]:
    """Some photographs of every kind from the training splits."""
    for domain in DOMAINS:
        for name in split_names(root, domain)["train"][:_PHOTOS]:
            yield load_photo(root, domain, name).images[0]
    for domain in ("wild", "empty"):
        for path in split_paths(root, domain)["train"][:_PHOTOS]:
            yield read_image(path)

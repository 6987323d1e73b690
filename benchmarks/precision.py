"""What lower precision costs: saliency of ViT-S/8 on OpenVINO in bf16 and int8 against torch in float32.

    python benchmarks/precision.py [--video FILE] [--weights FILE] [--frames 3] [--json FILE]

On frames of a real clip at 640x480, at the settings of the published method, with templates at four parts of a
person. Without --weights random ones are used, at three degrees of difficulty: the larger the spread, the fewer tokens
attention picks out and the more a rounding error can change; `branch` is how much each half block adds. int8 is
measured on two other frames of the clip.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.golden.random_vit import SMALL, random_vit

from benchmarks.paper_path import TEMPLATES, load, outside
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.detection.features import PartsEncoder, ViTEncoder
from motionveil.detection.saliency import clamped_cosines
from motionveil.detection.template_transfer import find_templates
from motionveil.detection.templates import Template, built_in_library

DIFFICULTIES = ((2.0, 0.5), (3.0, 0.5), (3.0, 1.0))
"""(spread, branch) of random weights."""


def maps(encoder: ViTEncoder, frames: UInt8Array, templates: list[Template]) -> tuple[Float32Array, float]:
    """Maps (T, K, h, w), and seconds per frame once the network is ready."""
    encoder(frames[:1])
    begin = time.perf_counter()
    found = np.concatenate([clamped_cosines(encoder(frame[None]), templates) for frame in frames])
    return found, (time.perf_counter() - begin) / len(frames)


def measure(weights: Path, frames: UInt8Array, others: UInt8Array) -> dict[str, Any]:
    exact = ViTEncoder("dino_vits8", weights=weights, engine="torch", precision="f32")
    finder = PartsEncoder(short_side=768, levels=3)
    templates = [f.template for f in find_templates(built_in_library().select(TEMPLATES), frames[:1], finder, exact)]
    expected, seconds = maps(exact, frames, templates)
    result: dict[str, Any] = {
        "saliency": {"mean": float(expected.mean()), "std": float(expected.std())},
        "torch f32": {"seconds": seconds},
    }
    for precision in ("f32", "bf16", "int8"):
        examples = others if precision == "int8" else None
        encoder = ViTEncoder("dino_vits8", weights=weights, engine="openvino", precision=precision, examples=examples)
        found, seconds = maps(encoder, frames, templates)
        result[f"openvino {precision}"] = {
            "seconds": seconds,
            "each_map": float(np.abs(found - expected).mean()),
            "their_mean": float(np.abs(found.mean(1) - expected.mean(1)).mean()),
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, default=outside("data", "clips/asl/help.mkv"))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--frames", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    frames = load(options.video, 20 * options.frames)
    chosen, others = frames[10::20], frames[[0, len(frames) - 1]]
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MOTIONVEIL_CACHE"] = folder
        cases = {options.weights.name: options.weights} if options.weights else {}
        for spread, branch in () if options.weights else DIFFICULTIES:
            path = Path(folder) / f"random, spread {spread:g}, branch {branch:g}"
            torch.save(random_vit(**SMALL, spread=spread, branch=branch), path)
            cases[path.name] = path
        for name, path in cases.items():
            results[name] = found = measure(path, chosen, others)
            print(f"{name}: saliency {found['saliency']['mean']:.3f} on average, std {found['saliency']['std']:.3f}")
            for engine, values in found.items():
                if engine != "saliency":
                    errors = f"mean |dS| {values['each_map']:.5f} of each map, " if "each_map" in values else ""
                    errors += f"{values['their_mean']:.5f} of their mean" if "each_map" in values else ""
                    print(f"    {engine:<16}{values['seconds']:6.2f} s a frame   {errors}", flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()

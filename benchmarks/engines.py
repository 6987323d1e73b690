"""What runs the embedded encoder fastest: OpenVINO in two precisions, and onnxruntime where it is installed.

python benchmarks/engines.py [--short-side 320] [--runs 30] [--json FILE]
"""

from __future__ import annotations

import argparse
import importlib
import json
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from motionveil._core.types import UInt8Array
from motionveil.detection.features.encoder import ENCODER_PATH, PartsEncoder
from motionveil.models.engine import load_network


def milliseconds(work: Callable[[], Any], runs: int) -> float:
    """Median wall time of a call, after three that are not counted."""
    times = []
    for _ in range(runs + 3):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times[3:]) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short-side", type=int, default=320)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    height, width = PartsEncoder(short_side=options.short_side).input_size(480, 640)
    images: UInt8Array = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    data = ENCODER_PATH.read_bytes()
    networks: dict[str, Callable[[], Any]] = {}
    for precision in ("bf16", "f32"):
        network = load_network(ENCODER_PATH, precision=precision)
        networks[f"openvino {precision}"] = lambda network=network: network(images)  # type: ignore[misc]
    if find_spec("onnxruntime"):
        session = importlib.import_module("onnxruntime").InferenceSession(data, providers=["CPUExecutionProvider"])
        networks["onnxruntime f32"] = lambda: session.run(None, {"images": images})
    else:
        print("onnxruntime is not installed; compare with it after: pip install onnxruntime")
    result = {name: round(milliseconds(work, options.runs), 2) for name, work in networks.items()}
    for name, value in result.items():
        print(f"{name:<20}{value:8.2f} ms for {width}x{height}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""How fast the method of the paper runs on a CUDA GPU: ViT-S/8 at stride 4, RAFT, noise and blend at 640x480.

    python benchmarks/gpu.py [--vit FILE] [--raft FILE] [--frames 120] [--json FILE]

Without weights the networks have random ones, which take as long. Every stage is timed by itself on frames that lie on
the GPU already; 'host to host' is the whole method with the upload and the download of every frame, without the decoder
and the encoder. All has run once before, so that neither loading nor choosing kernels is in the figures.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import motionveil
from benchmarks.pipeline import SIZE, clips, load
from motionveil import ops
from motionveil._core.types import UInt8Array
from motionveil.flow import with_motion
from motionveil.models.engine import has_cuda, require_torch
from motionveil.obfuscation.device_placement import on_device, on_host
from motionveil.obfuscation.factory import assemble
from motionveil.obfuscation.obfuscators import Selective
from motionveil.obfuscation.presets import PRESETS


def build(vit: Path | None, raft: Path | None, folder: Path, frame: UInt8Array, engine: str) -> Selective:
    """The paper's method on torch; networks whose weights are not given get random ones."""
    torch = require_torch()
    if vit is None:
        golden = import_module("tests.golden.random_vit")
        vit = folder / "vit.pth"
        torch.save(golden.random_vit(**golden.SMALL), vit)
    if raft is None:
        raft = folder / "raft.pth"
        torch.save(import_module("motionveil.models.raft").RAFT("large").state_dict(), raft)
    extractor = motionveil.ViTEncoder("dino_vits8", weights=vit, stride=4, engine=engine)
    template = motionveil.make_template("middle", frame, motionveil.Point(SIZE[0] / 2, SIZE[1] / 2), extractor)
    region = motionveil.TemplateSaliency(extractor, [template], coverage=PRESETS["paper"].coverage)
    return assemble(PRESETS["paper"], region, motionveil.RAFTFlow(raft, engine=engine))


def measure(method: Selective, frames: UInt8Array, count: int, device: str) -> dict[str, float]:
    """Milliseconds per frame of every stage."""
    torch = require_torch()
    host = list(clips(frames, count))
    found: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        begin = time.perf_counter()
        result = work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        found[name] = (time.perf_counter() - begin) / count * 1000
        return result

    list(method.stream(on_device(host[:2], device)))
    here = timed("upload", lambda: list(on_device(host, device)))
    moving = timed("flow", lambda: list(with_motion(here, method.flow)))
    opacity = timed("saliency", lambda: list(method.region.stream(moving)))
    filling = timed("noise", lambda: list(method.filler.stream(moving)))
    triples = list(zip(moving, filling, opacity, strict=True))
    timed("blend", lambda: [[ops.blend(*f) for f in zip(c.frames, n, o, strict=True)] for c, n, o in triples])
    timed("download", lambda: [on_host(clip) for clip in here])
    timed("host to host", lambda: [on_host(clip) for clip in method.stream(on_device(host, device))])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vit", type=Path, help="checkpoint of DINO ViT-S/8")
    parser.add_argument("--raft", type=Path, help="checkpoint of RAFT, small or large")
    parser.add_argument("--video", type=Path)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--engine", choices=["torch", "torch-compiled"], default="torch")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not has_cuda():
        print("this measures a CUDA GPU, and torch finds none here; benchmarks/pipeline.py measures the CPU")
        raise SystemExit(2)
    frames = load(options.video)
    with tempfile.TemporaryDirectory() as folder:
        method = build(options.vit, options.raft, Path(folder), frames[0], options.engine)
        milliseconds = measure(method, frames, options.frames, "cuda")
    torch = require_torch()
    memory = torch.cuda.max_memory_allocated() / 2**20
    print(f"{torch.cuda.get_device_name()}, {method.flow!r}")
    for stage, value in milliseconds.items():
        print(f"{stage:<16}{value:8.2f} ms per frame")
    print(f"{'memory':<16}{memory:8.0f} MB at most")
    if options.json:
        result = {"gpu": torch.cuda.get_device_name(), "milliseconds": milliseconds, "peak_mb": memory}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""The published procedure, re-enacted plainly, against the presets `paper` and `paper_fast`, side by side in one run.

    python benchmarks/paper_path.py [--video FILE] [--weights FILE] [--raft FILE] [--json FILE]

The re-enactment does what the published code does: for every frame and every template one pass of the whole DINO
ViT-S/8 at stride 4 in float32 on torch, with attention written out; similarities brought to the frame, clamped,
averaged; RAFT on each pair of frames in float32, at the frame's resolution; noise by the first noise frame; blend. Both
sides work on the same frames in memory, with the same four templates and the same weights, on all processors. Beside
it stands how fast the re-enactment would be with the fused attention of today's torch.

Without --weights the weights of dino_vits8 are used where they are installed, otherwise random ones: times are the
same, and saliency errors are those of a network of this shape with random weights (see docs/performance.md).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.golden.random_vit import SMALL, random_vit

import motionveil
from motionveil import ops
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.detection.features import PartsEncoder, ViTEncoder
from motionveil.detection.template_transfer import find_templates
from motionveil.detection.templates import Template, built_in_library, make_template
from motionveil.flow import RAFTFlow, with_motion
from motionveil.models.engine import read_checkpoint
from motionveil.models.raft import load_raft
from motionveil.models.vit import standard_names
from motionveil.models.weights import find_weights
from motionveil.obfuscation.factory import assemble
from motionveil.obfuscation.presets import get_preset

ROOT = Path(__file__).resolve().parent.parent
SIZE = (640, 480)
TEMPLATES = "ipn"
SPREAD, BRANCH = 2.0, 0.5
"""Of random weights: attention is sharper, and tokens differ more, than in a network at its first step."""


class Clock:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin

    def wrap(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            with self(stage):
                return work(*args, **options)

        return timed


class Published:
    """The published procedure, one frame after another."""

    def __init__(self, weights: Path, raft: Path, templates: list[Template], clock: Clock) -> None:
        self.state = {name: value.float() for name, value in standard_names(read_checkpoint(weights)).items()}
        self.raft = load_raft(read_checkpoint(raft))
        self.templates = [torch.from_numpy(template.vector) for template in templates]
        self.clock = clock
        self.noise = np.random.default_rng(0).random((SIZE[1], SIZE[0], 3), np.float32)

    def descriptors(self, frame: UInt8Array, *, fused: bool = False) -> torch.Tensor:
        """Keys (D, h, w) of layer 11: the whole network runs, as the published hook makes it."""
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        image = (torch.from_numpy(ops.resize_lanczos(frame, (224, 298))).float() / 255 - mean) / std
        state = self.state
        x = functional.conv2d(
            image.permute(2, 0, 1)[None], state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], 4
        )
        h, w = x.shape[2:]
        x = torch.cat([state["cls_token"], x.flatten(2).transpose(1, 2)], 1)
        square = state["pos_embed"][:, 1:].reshape(1, 28, 28, -1).permute(0, 3, 1, 2)
        positions = functional.interpolate(
            square, scale_factor=((h + 0.1) / 28, (w + 0.1) / 28), mode="bicubic", recompute_scale_factor=False
        )
        x = x + torch.cat([state["pos_embed"][:, :1], positions.flatten(2).transpose(1, 2)], 1)
        for i in range(12):

            def linear(name: str, values: torch.Tensor, i: int = i) -> torch.Tensor:
                return functional.linear(values, state[f"blocks.{i}.{name}.weight"], state[f"blocks.{i}.{name}.bias"])

            def norm(name: str, values: torch.Tensor, i: int = i) -> torch.Tensor:
                weight, bias = state[f"blocks.{i}.{name}.weight"], state[f"blocks.{i}.{name}.bias"]
                return functional.layer_norm(values, (384,), weight, bias, 1e-6)

            q, k, v = linear("attn.qkv", norm("norm1", x)).reshape(1, -1, 3, 6, 64).permute(2, 0, 3, 1, 4)
            if fused:
                attended = functional.scaled_dot_product_attention(q, k, v)
            else:
                attended = ((q @ k.transpose(-2, -1)) * 64**-0.5).softmax(-1) @ v
            x = x + linear("attn.proj", attended.transpose(1, 2).reshape(1, -1, 384))
            x = x + linear("mlp.fc2", functional.gelu(linear("mlp.fc1", norm("norm2", x))))
        keys: torch.Tensor = k[0, :, 1:].permute(2, 0, 1).reshape(384, h, w)
        return keys

    def similarity(self, descriptors: torch.Tensor, template: torch.Tensor) -> Float32Array:
        """The clamped cosine to a template, at the size of the frame."""
        cosine = functional.cosine_similarity(descriptors, template[:, None, None], dim=0)
        big = functional.interpolate(cosine[None, None], (SIZE[1], SIZE[0]), mode="bilinear", align_corners=False)
        return np.asarray(big[0, 0].clamp(0, 1).numpy(), np.float32)

    @torch.inference_mode()
    def saliency(self, frame: UInt8Array, *, passes: bool = True) -> Float32Array:
        """The mean over the templates; passes: one pass of the network for each, as published, or one for all."""
        maps, found = [], None
        for template in self.templates:
            if found is None or passes:
                with self.clock("features"):
                    found = self.descriptors(frame, fused=not passes)
            with self.clock("saliency"):
                maps.append(self.similarity(found, template))
        return np.asarray(np.mean(maps, axis=0), np.float32)

    @torch.inference_mode()
    def obfuscate(self, frame: UInt8Array, before: UInt8Array) -> UInt8Array:
        """One frame of the output."""
        saliency = self.saliency(frame)
        with self.clock("flow"):
            pair = [torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() for image in (frame, before)]
            flow = self.raft(*pair)[0].permute(1, 2, 0).numpy()
        with self.clock("noise"):
            places = np.rint(ops.pixel_grid(SIZE[1], SIZE[0]) + flow).astype(int)
            noise = self.noise[places[..., 1].clip(0, SIZE[1] - 1), places[..., 0].clip(0, SIZE[0] - 1)]
        with self.clock("blend"):
            image = frame.astype(np.float32) / 255
            blended: UInt8Array = np.rint((image + saliency[..., None] * (noise - image)) * 255).astype(np.uint8)
        return blended


def ours(
    name: str, precision: str, weights: Path, raft: Path, templates: list[Template], clips: list[motionveil.Clip]
) -> tuple[Clock, float, Float32Array, int]:
    """A preset on the clips: seconds by stage, seconds in all, saliency of every frame, passes of the network."""
    preset = get_preset(name)
    examples = clips[0].frames[:2] if precision == "int8" else None
    extractor = ViTEncoder("dino_vits8", weights=weights, precision=precision, examples=examples)
    flow = RAFTFlow(raft, **preset.flow_options)
    region = motionveil.TemplateSaliency(extractor, templates, coverage=preset.coverage)
    method = assemble(preset, region, flow, seed=0)
    # Converting and compiling happens once per size and is not in the figures.
    first = clips[0].frames
    extractor(first[:1])
    flow(first[1], first[0])
    clock = Clock()
    calls = []

    class Timed:
        fingerprint, channels = extractor.fingerprint, extractor.channels

        def __call__(self, frames: UInt8Array) -> motionveil.DescriptorGrid:
            calls.append(len(frames))
            with clock("features"):
                return extractor(frames)

    begin = time.perf_counter()
    region.extractor = Timed()
    with clock("flow"):
        moving = list(with_motion(clips, method.flow))
    with clock("noise"):
        noise = list(method.filler.stream(moving))
    inside = clock.seconds.get("features", 0.0)
    with clock("saliency"):
        opacity = list(method.region.stream(moving))
    clock.seconds["saliency"] -= clock.seconds["features"] - inside
    with clock("blend"):
        for clip, filling, alpha in zip(moving, noise, opacity, strict=True):
            for frame, fill, where in zip(clip.frames, filling, alpha, strict=True):
                ops.blend(frame, fill, where)
    return clock, time.perf_counter() - begin, np.concatenate(opacity), len(calls)


def peak(kind: torch.dtype) -> float:
    """Operations per second of a large matrix product, the best of three."""
    a, b = (torch.randn(4096, 4096).to(kind) for _ in range(2))
    best = float("inf")
    for _ in range(4):
        begin = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - begin)
    return 2 * 4096**3 / best


def operations(blocks: float, tokens: int = 4016, channels: int = 384) -> float:
    """Of a pass through so many blocks: linear layers and attention."""
    return blocks * (24 * tokens * channels**2 + 4 * tokens**2 * channels)


def load(video: Path, count: int) -> UInt8Array:
    """Consecutive frames from the middle of a clip, at 640x480."""
    with motionveil.open_source(video, size=SIZE) as source:
        frames = [frame for clip in source for frame in clip.frames]
    start = max(0, (len(frames) - count) // 2)
    return np.stack(frames[start : start + count])


def outside(kind: str, name: str) -> Path:
    """A file for tests that does not ship with the package; see CONTRIBUTING.md."""
    folder = os.environ.get(f"MOTIONVEIL_TEST_{kind.upper()}") or ROOT.parent / "shared" / kind
    return Path(folder) / name


def vit_weights(given: Path | None, folder: Path) -> tuple[Path, str]:
    """The weights to use, and what they are."""
    if given is not None:
        return given, given.name
    try:
        return find_weights("dino_vits8"), "dino_vits8"
    except motionveil.WeightsError:
        torch.save(random_vit(**SMALL, spread=SPREAD, branch=BRANCH), folder / "random.pth")
        os.environ["MOTIONVEIL_CACHE"] = str(folder / "cache")  # random networks are not worth keeping
        return folder / "random.pth", f"random (spread {SPREAD:g}, branch {BRANCH:g})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--video", type=Path, default=outside("data", "clips/asl/help.mkv"))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--raft", type=Path, default=outside("weights", "raft-small.pth"))
    parser.add_argument("--frames", type=int, default=25)
    parser.add_argument("--precision", default="auto", help="of our side: auto, bf16, f32 or int8")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for path in (options.video, options.raft):
        if not path.exists():
            raise SystemExit(f"there is no {path}; say where it is with --video and --raft")
    processors = os.cpu_count() or 1
    torch.set_num_threads(processors)
    with tempfile.TemporaryDirectory() as folder:
        weights, kind = vit_weights(options.weights, Path(folder))
        result = run(options, weights, kind)
    result["processors"] = processors
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def run(options: argparse.Namespace, weights: Path, kind: str) -> dict[str, Any]:
    frames = load(options.video, options.frames)
    exact = ViTEncoder("dino_vits8", weights=weights, engine="torch", precision="f32")
    finder = PartsEncoder(short_side=768, levels=3)
    found = find_templates(built_in_library().select(TEMPLATES), frames[:1], finder, exact)
    templates = [make_template(f.template.name, frames[0], f.point, exact) for f in found]
    pts = tuple(Fraction(i, 30) for i in range(len(frames)))
    clips = [motionveil.Clip(frames[i : i + 5], i, pts[i : i + 5]) for i in range(0, len(frames), 5)]
    print(f"{options.video.name}, {len(frames)} frames at 640x480; templates: {', '.join(t.name for t in templates)}")
    print(f"weights: ViT-S/8 {kind}; RAFT {options.raft.name}")

    clock = Clock()
    published = Published(weights, options.raft, templates, clock)
    published.obfuscate(frames[1], frames[0])
    clock.seconds.clear()
    chosen = [len(frames) // 3, 2 * len(frames) // 3]
    slow: list[float] = []

    def time_published(index: int) -> None:
        begin = time.perf_counter()
        published.obfuscate(frames[index], frames[index - 1])
        slow.append(time.perf_counter() - begin)

    # Our side runs between two frames of theirs, so that a machine that slows down slows both.
    time_published(chosen[0])
    runs = {
        name: ours(name, options.precision, weights, options.raft, templates, clips) for name in ("paper", "paper_fast")
    }
    time_published(chosen[1])
    per_frame = sum(slow) / len(slow)
    stages = {name: seconds / len(slow) for name, seconds in clock.seconds.items()}
    quick = Clock()
    silent = Published(weights, options.raft, templates, quick)
    reference = np.stack([silent.saliency(frame, passes=False) for frame in frames])
    fused = per_frame - clock.seconds["features"] / len(slow) + len(templates) * quick.seconds["features"] / len(frames)

    peaks = {"f32": peak(torch.float32), "bf16": peak(torch.bfloat16)}
    result: dict[str, Any] = {
        "weights": kind,
        "precision": options.precision,
        "published": {"seconds_per_frame": per_frame, "frames": slow, "stages": stages, "with_fused_attention": fused},
        "peak_gflops": {name: value / 1e9 for name, value in peaks.items()},
        "saliency": {"mean": float(reference.mean()), "std": float(reference.std())},
    }
    achieved = len(templates) * operations(12) / stages["features"] / peaks["f32"]
    table("published procedure", stages, per_frame, f"network at {achieved:.0%} of the f32 peak")
    print(f"{'':<4}with fused attention it would take {fused:.1f} s")
    for (name, (timer, seconds, opacity, passes)), key in zip(runs.items(), ("exact", "keyframes"), strict=True):
        shares = {stage: value / len(frames) for stage, value in timer.seconds.items()}
        error = float(np.abs(opacity - reference).mean())
        network = timer.seconds["features"] / passes
        achieved = operations(11) / network / peaks["bf16"]
        result[f"ratio_{key}"] = per_frame / (seconds / len(frames))
        result[f"saliency_error_{key}"] = error
        result[name] = {
            "seconds_per_frame": seconds / len(frames), "stages": shares, "passes": passes, "seconds_per_pass": network,
            "part_of_bf16_peak": achieved,
        }  # fmt: skip
        table(
            f"preset {name}", shares, seconds / len(frames),
            f"{passes} passes of {network:.2f} s at {achieved:.0%} of the bf16 peak",
        )  # fmt: skip
        against = f"{fused / (seconds / len(frames)):.1f} against fused attention"
        print(f"{'':<4}{result[f'ratio_{key}']:.1f} times as fast ({against}), mean |dS| {error:.4f}")
    mean, std = result["saliency"]["mean"], result["saliency"]["std"]
    print(f"saliency of the published procedure: mean {mean:.3f}, standard deviation {std:.3f}")
    print(f"peak of this machine: {peaks['f32'] / 1e9:.0f} GFLOPS f32, {peaks['bf16'] / 1e9:.0f} GFLOPS bf16")
    return result


def table(title: str, stages: dict[str, float], total: float, remark: str) -> None:
    print(f"\n{title}: {total:.3f} s per frame; {remark}")
    for stage, seconds in stages.items():
        print(f"{'':<4}{stage:<12}{1000 * seconds:>10.1f} ms{seconds / total:>8.1%}")


if __name__ == "__main__":
    main()

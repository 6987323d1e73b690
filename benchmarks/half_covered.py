"""What somebody who knows the noise gets back of heads, from what is half covered.

    python benchmarks/half_covered.py --data DIR --face-weights yunet_n_640_640.onnx -o DIR

Clips of people who talk or sign, under `secure`. Heads are boxes of faces that YuNet finds in the original, 1.6 times
as large. Noise and opacity are given away, the output is encoded as the tool encodes it, and everything that shows
through is computed and spread to its surroundings (the attack `known_noise` of the audit). Decibels within the boxes,
beside those of the same attack where one grey is all there is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks import motion_kept
from motionveil import ops
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.audit.detectors import YuNet
from motionveil.audit.reconstruction.attack import PreparedAttack
from motionveil.audit.reconstruction.evidence import Evidence, Scene, resized, shrunk_size
from motionveil.audit.reconstruction.known_noise import KnownNoise, encoded
from motionveil.audit.reconstruction.reconstruct import judged

CLIPS = [f"asl/{name}.mkv" for name in ("again", "bird", "book", "eat", "help", "hungry", "sorry", "thanks")]


def boxes_of(frame: UInt8Array, faces: YuNet) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where heads are, (H, W)."""
    found = np.zeros(frame.shape[:2], bool)
    for face in faces(frame[None])[0]:
        x, y, width, height = face.box
        top, bottom = y - 0.3 * height, y + 1.3 * height
        left, right = x - 0.3 * width, x + 1.3 * width
        found[max(0, round(top)) : max(0, round(bottom)), max(0, round(left)) : max(0, round(right))] = True
    return found


def measure(frames: UInt8Array, flows: motion_kept.Flows, opacity: list[Float32Array], faces: YuNet) -> str:
    """A row: decibels of the attack and its floor, and how much of the boxes is covered in part, and how much bare."""
    filling = motion_kept.noise(frames, flows, opacity)
    chosen = list(range(5, len(frames), max(1, len(frames) // 6)))[:6]
    made = np.stack([ops.blend(frames[t], filling[t], opacity[t]) for t in chosen])
    alpha, heads = np.stack([opacity[t] for t in chosen]), np.stack([boxes_of(frames[t], faces) for t in chosen])
    evidence = Evidence(
        encoded(made), alpha > 0, tuple(range(len(chosen))), alpha, np.stack([filling[t] for t in chosen])
    )
    size = shrunk_size(made.shape[1:3], KnownNoise.short_side)
    small = np.stack(
        [ops.resize_map((h & (a > 0)).astype(np.float32), size) > 0.99 for h, a in zip(heads, alpha, strict=True)]
    )
    scene = Scene(evidence, resized(frames[chosen], size), resized(made, size), small, tuple(chosen))
    attack = KnownNoise()
    found = judged(PreparedAttack([scene], attack, attack))
    partly, bare = ((heads & where).sum() / max(1, heads.sum()) for where in ((alpha > 0) & (alpha < 1), alpha == 0))
    return f"{found.psnr:.1f} | {found.floor_psnr:.1f} | {found.gain:+.1f} | {100 * partly:.1f} % | {100 * bare:.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the clips")
    parser.add_argument("--face-weights", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--frames", type=int, default=40, help="of every clip")
    options = parser.parse_args()
    faces = YuNet(options.face_weights)
    options.output.mkdir(parents=True, exist_ok=True)
    lines = ["| clip | dB | floor | gain | of the boxes half covered | bare |", "|---|---:|---:|---:|---:|---:|"]
    for clip in options.clips:
        excerpt = motion_kept.read(options.data / clip, options.frames, 1)
        row = measure(excerpt.frames, excerpt.flows, excerpt.person, faces)
        lines.append(f"| {Path(clip).stem} | {row} |")
        print(lines[-1], flush=True)
        (options.output / "half_covered.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

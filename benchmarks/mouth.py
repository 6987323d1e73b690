"""Whether lips can be read from the noise: the opening of the mouth, in the original and in the output's motion.

    python benchmarks/mouth.py --data DIR --face-weights yunet_n_640_640.onnx -o DIR

In every frame in which YuNet finds a face in the original, the flow (DIS) below the lips is compared with that above
them: how fast the mouth opens, in terms of the size of the face. The same is measured in the output, in the same place.
Their correlation over a clip is beside that with the original one second later, which is chance. The motion of the head
is judged in the same way, by the mean flow in the face.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.motion_kept import beginning, released
from motionveil import ops
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.audit.detectors import YuNet
from motionveil.fillers import MotionNoise
from motionveil.flow import DISFlow
from motionveil.obfuscation.factory import build_obfuscator

CLIPS = [f"asl/{name}.mkv" for name in ("eat", "again", "book", "hungry")]
METHODS = {
    "picture (before)": MotionNoise(transport="accumulated", seed=1),
    "particles, face motion": MotionNoise(face_motion=True, seed=1),
    "particles": MotionNoise(seed=1),
}
Box = tuple[float, float, float, float]


def signals(frames: UInt8Array | list[UInt8Array], boxes: list[Box | None]) -> Float32Array:
    """Per frame with a face the opening of the mouth, and the head's motion across and down, (n, 3)."""
    estimator = DISFlow(short_side=480)
    found = []
    for t in range(1, len(frames)):
        box = boxes[t]
        if box is None:
            continue
        flow = ops.resize_flow(estimator(frames[t], frames[t - 1]), (frames[t].shape[0], frames[t].shape[1]))
        height = box[3]

        def part(top: float, bottom: float, flow: Float32Array = flow, box: Box = box) -> Float32Array:
            x, y, width, height = box
            rows = slice(max(0, round(y + top * height)), max(1, round(y + bottom * height)))
            columns = slice(max(0, round(x + 0.3 * width)), max(1, round(x + 0.7 * width)))
            return np.asarray(flow[rows, columns].mean((0, 1)), np.float32)

        opening = (part(0.8, 0.98) - part(0.58, 0.72))[1] / height
        across, down = part(0.1, 0.9) / height
        found.append((opening, across, down))
    return np.array(found, np.float32).reshape(-1, 3)


def correlation(one: Float32Array, other: Float32Array) -> float:
    return float(np.corrcoef(one, other)[0, 1]) if len(one) > 3 and one.std() and other.std() else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds the clips")
    parser.add_argument("--face-weights", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--clips", nargs="+", default=CLIPS)
    parser.add_argument("--frames", type=int, default=60, help="of every clip")
    options = parser.parse_args()
    faces = YuNet(options.face_weights)
    options.output.mkdir(parents=True, exist_ok=True)
    lines = ["| clip | noise | mouth | mouth, chance | head across | head down |", "|---|---|---:|---:|---:|---:|"]
    for name in options.clips:
        clip = beginning(options.data / name, options.frames)
        boxes = [next((face.box for face in faces(frame[None])[0]), None) for frame in clip.frames]
        method = build_obfuscator(hide=["head"])
        (known,) = (each.original for each in method.explain([clip]))
        true = signals(clip.frames, boxes)
        for label, filler in METHODS.items():
            fixed = next(filler.stream([known]))
            assert known.opacity is not None
            shown = [ops.blend(*each) for each in zip(clip.frames, fixed, known.opacity, strict=True)]
            seen = signals(released(shown), boxes)
            late = min(25, len(true) // 2)
            figures = (
                correlation(true[:, 0], seen[:, 0]), correlation(true[late:, 0], seen[: len(seen) - late, 0]),
                correlation(true[:, 1], seen[:, 1]), correlation(true[:, 2], seen[:, 2]),
            )  # fmt: skip
            lines.append(f"| {Path(name).stem} | {label} | " + " | ".join(f"{f:.2f}" for f in figures) + " |")
            print(lines[-1], flush=True)
            (options.output / "mouth.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

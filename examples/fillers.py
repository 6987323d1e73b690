"""Draw what every filler makes of the moving photograph of the demo: python examples/fillers.py OUT.jpg"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from demo import moving_camera
from skimage import data

import motionveil
from motionveil import drawing
from motionveil._core.types import UInt8Array


def main(target: Path) -> None:
    """One frame for every filler, in the region of `secure`."""
    photo = np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]
    clip = moving_camera(photo)
    clip = replace(clip, frames=clip.frames[:24], pts=clip.pts[:24])
    secure = motionveil.PRESETS["secure"]
    pictures: list[tuple[str, UInt8Array]] = [("original", clip.frames[-1])]
    for name in motionveil.FILLERS:
        method = motionveil.build_obfuscator(preset=secure.with_filler(name), seed=0)
        (obfuscated,) = method.stream([clip])
        pictures.append((name, obfuscated.frames[-1]))
    rows = [("", pictures[start : start + 4]) for start in range(0, len(pictures), 4)]
    drawing.write_image(target, drawing.contact_sheet(rows, height=220))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

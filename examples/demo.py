"""The main job on a real picture of a person, offline: ``make demo``, or ``make demo VIDEO=path``.

Without a video, a photograph in the public domain that comes with scikit-image (astronaut Eileen Collins, NASA) is put
into motion by a moving camera.
"""

from __future__ import annotations

import sys
import warnings
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

import motionveil
from motionveil.cli.options import ProgressBar

FOLDER = Path("demo")
SIZE = (640, 480)


def moving_camera(picture: npt.NDArray[np.uint8], seconds: float = 4.0, rate: int = 30) -> motionveil.Clip:
    """A camera that pans, turns and moves closer over a square picture."""
    frames = []
    for t in np.arange(round(seconds * rate)) / rate:
        phase = 2 * np.pi * t / seconds
        scale = SIZE[0] / picture.shape[1] * (1.12 - 0.12 * np.cos(phase))
        x = picture.shape[1] * (0.47 + 0.05 * np.sin(phase))
        y = picture.shape[0] * (0.36 + 0.03 * np.sin(2 * phase))
        matrix = cv2.getRotationMatrix2D((x, y), 2.5 * np.sin(phase), scale)
        matrix[:, 2] += (SIZE[0] / 2 - x, SIZE[1] / 2 - y)
        frames.append(cv2.warpAffine(picture, matrix, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101))
    pts = tuple(Fraction(i, rate) for i in range(len(frames)))
    return motionveil.Clip(np.asarray(frames, np.uint8), 0, pts)


def make_video(path: Path) -> None:
    """Write the moving photograph."""
    from skimage import data

    clip = moving_camera(np.asarray(data.astronaut(), np.uint8))
    info = motionveil.VideoInfo(
        width=SIZE[0], height=SIZE[1], frame_rate=Fraction(30), num_frames=len(clip), duration=Fraction(len(clip), 30),
        codec="h264", pixel_format="yuv420p",
    )  # fmt: skip
    with motionveil.VideoWriter(path, info, encoding=motionveil.Encoding(quality=16, overwrite=True)) as writer:
        writer.write(clip)


def main() -> None:
    """Make a video unless one is given, obfuscate it, and say where everything lies."""
    FOLDER.mkdir(exist_ok=True)
    if len(sys.argv) > 1:
        source = Path(sys.argv[1])
    else:
        source = FOLDER / "astronaut.mp4"
        make_video(source)
    with warnings.catch_warnings(), ProgressBar("hiding", quiet=False) as bar:
        warnings.simplefilter("ignore")  # they are printed below, as `notices`
        result = motionveil.obfuscate_video(
            source,
            FOLDER / f"{source.stem}_veiled.mp4",
            preview=True,
            encoding=motionveil.Encoding(overwrite=True),
            on_progress=bar,
        )
    with ProgressBar("mapping", quiet=False) as bar:
        maps = motionveil.write_saliency(
            source, FOLDER / "saliency", window=motionveil.Window(end=1.0), overwrite=True, on_progress=bar
        )
    speed = result.num_frames / result.seconds
    print(f"{result.num_frames} frames hidden in {result.seconds:.1f} s ({speed:.0f} per second, start included)")
    for notice in result.notices:
        print(f"  note: {notice}")
    print(f"  the result          {result.target}")
    print(f"  what changed, moving {result.preview}")
    print(f"  what changed, sheet {result.sheet}")
    print(f"  why: saliency maps  {maps / 'sheet.png'}")


if __name__ == "__main__":
    try:
        main()
    except motionveil.MotionveilError as error:
        print(f"motionveil: error: {error}", file=sys.stderr)
        sys.exit(2)

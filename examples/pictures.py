"""The pictures of the documentation: ``python examples/pictures.py CLIPS`` after ``make demo``.

CLIPS is a folder with the clips named below; THIRD_PARTY.md says where they are from.
"""

from __future__ import annotations

import sys
from pathlib import Path

import motionveil
from motionveil import drawing

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
MOMENTS = {
    "asl/help.mkv": 1.0,
    "asl/eat.mkv": 0.8,
    "people_entering_768x432.mp4": 60.0,
    "bedroom.mp4": 2.0,
    "juggle_720p.mp4": 2.0,
    "pexels_gym.mp4": 2.0,
    "pexels_pose.mp4": 2.0,
    "pexels_portrait.mp4": 1.0,
}
"""Clip → second that is shown."""


def main() -> None:
    """Write docs/images/demo.jpg and docs/images/saliency_clips.jpg."""
    sheet = motionveil.read_picture("demo/astronaut_veiled.sheet.png")
    drawing.write_image(IMAGES / "demo.jpg", sheet[: sheet.shape[0] // 2])
    templates = motionveil.built_in_library().select("attributes")
    encoder = motionveil.PartsEncoder(short_side=384, levels=3)
    rows = []
    for name, time in MOMENTS.items():
        frame = motionveil.read_picture(Path(sys.argv[1]) / name, time=time)
        maps = motionveil.saliency_maps(frame, templates, encoder)
        tiles = [("input", frame)]
        tiles += [(t.name, drawing.overlay(frame, values)) for t, values in zip(templates, maps, strict=True)]
        rows.append(("", tiles))
    drawing.write_image(IMAGES / "saliency_clips.jpg", drawing.contact_sheet(rows, height=120))


if __name__ == "__main__":
    main()

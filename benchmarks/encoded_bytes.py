"""How large outputs are: the encoded result in terms of its input, both at the same codec and quality.

python benchmarks/encoded_bytes.py VIDEO… [--statistics NAME]… [--preset secure]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import motionveil
from motionveil.obfuscation.factory import build_obfuscator
from motionveil.obfuscation.presets import get_preset
from motionveil.video import VideoWriter


def plain_size(video: Path, target: Path) -> int:
    """Bytes of the input, encoded as outputs are."""
    with motionveil.open_source(video) as source, VideoWriter(target, source.info) as writer:
        for clip in source:
            writer.write(clip)
    return target.stat().st_size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--statistics", action="append", help="of the noise; repeatable")
    parser.add_argument("--preset", default="secure")
    given = parser.parse_args()
    names = given.statistics or [None]
    print("| video | input, bytes | " + " | ".join(name or "default" for name in names) + " |")
    print("|---" * (2 + len(names)) + "|")
    for video in given.videos:
        with tempfile.TemporaryDirectory() as folder:
            plain = plain_size(video, Path(folder) / "plain.mp4")
            ratios = []
            for index, name in enumerate(names):
                preset = get_preset(given.preset)
                if name is not None:
                    preset = preset.with_filler(preset.filler, **{**preset.filler_options, "statistics": name})
                target = Path(folder) / f"{index}.mp4"
                method = build_obfuscator(hide="person", preset=replace(preset, name=f"{preset.name}, {name}"))
                motionveil.obfuscate_video(video, target, obfuscator=method)
                ratios.append(target.stat().st_size / plain)
        print(f"| {video.name} | {plain} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |", flush=True)


if __name__ == "__main__":
    main()

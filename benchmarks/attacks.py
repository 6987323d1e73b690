"""What attackers get back from every filler and both presets, and how much motion each keeps.

    python benchmarks/attacks.py --data DIR --weights DIR -o DIR [--only METHOD,…] [--frames 72] [--steps 600]

Six clips of six people are obfuscated, written as H.264 as the tool writes it, read again and attacked as the audit
does. All fillers replace the same region, that of `secure`, and are judged on the same core, where its opacity is 1,
8 pixels away from its edge. Rows go to DIR/attacks.jsonl, one per method; a run that was broken off goes on where it
stopped. When all are there, DIR/attacks.md and DIR/attacks.png are drawn from them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import motionveil
from motionveil import drawing, ops
from motionveil._core.types import Clip, Float32Array, UInt8Array
from motionveil.audit.detectors import Box, YuNet
from motionveil.audit.footage import Excerpt
from motionveil.audit.identification import identify
from motionveil.audit.motion import motion_kept
from motionveil.audit.reconstruction import ATTACKS, AttackerTraining, Recovery, reconstruct, training_excerpts
from motionveil.audit.reconstruction.similarity import psnr
from motionveil.audit.redetection import SAME, overlap
from motionveil.flow import FLOW_ESTIMATORS, FlowEstimator
from motionveil.obfuscation.factory import build_obfuscator, make_filler
from motionveil.obfuscation.obfuscators import Selective
from motionveil.obfuscation.presets import get_preset

TESTED = {
    "help": ("asl/help.mkv", 0.0),
    "hungry": ("asl/hungry.mkv", 0.0),
    "bedroom": ("bedroom.mp4", 0.5),
    "portrait": ("pexels_portrait.mp4", 1.0),
    "pose": ("pexels_pose.mp4", 1.0),
    "exercise": ("exercise.avi", 2.0),
}
"""Clips that are attacked: name → file in clips/, second to begin at. Six people."""
LEARNED_FROM = (
    "asl/book.mkv", "asl/eat.mkv", "arm_wrestling.mp4", "skateboarding.mp4", "pool_cleaning.mp4",
    "flipping_a_pancake.mkv", "pexels_gym.mp4", "structuralize.mp4",
)  # fmt: skip
"""Clips that the trained attacker sees: other people."""
METHODS = (
    "secure", "paper", "iid_noise", "static_noise", "solid", "inpaint", "mean_fill", "blur_weak", "blur_strong",
    "blur_relative", "pixelate_4", "pixelate_16", "pixelate_relative", "resample",
)  # fmt: skip
"""Fillers in the region of `secure`; `secure` itself with motion noise; `paper` with its own region."""
WINDOW, WINDOWS = 8, 1
EDGE = 8
SEED = 11


class Replayed:
    """A region that is known already."""

    def __init__(self, opacity: Sequence[Float32Array]) -> None:
        self.opacity = opacity

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        for clip in clips:
            yield np.stack(self.opacity[clip.start : clip.start + len(clip)])


@dataclass
class Subject:
    """A clip with all that does not depend on the filler."""

    name: str
    clips: list[Clip]
    opacity: list[Float32Array]
    info: motionveil.VideoInfo
    faces: list[list[Box]]
    detector: YuNet

    @property
    def frames(self) -> UInt8Array:
        return np.concatenate([clip.frames for clip in self.clips])

    def starts(self) -> list[int]:
        """Of the excerpts in which most is covered, one in each part of the clip."""
        areas = [float((opacity == 1).mean()) for opacity in self.opacity]
        part = len(areas) // WINDOWS
        sums = [sum(areas[i : i + WINDOW]) for i in range(len(areas) - WINDOW + 1)]
        return [
            max(
                range(k * part, min((k + 1) * part, len(sums)) - (WINDOW if k + 1 < WINDOWS else 0)),
                key=sums.__getitem__,
            )
            for k in range(WINDOWS)
        ]


def load(path: Path, start: float, count: int) -> tuple[list[Clip], motionveil.VideoInfo]:
    """So many frames, at a short side of at most 480."""
    info = motionveil.probe(path)
    size = min(480, info.width, info.height)
    frames: list[UInt8Array] = []
    with motionveil.open_source(path, start=start, size=size) as source:
        info = source.info
        for clip in source:
            frames += list(clip.frames)
            if len(frames) >= count:
                break
    frames = frames[:count]
    rate = info.frame_rate
    clips = [
        Clip(np.stack(frames[i : i + 8]), i, tuple(Fraction(t) / rate for t in range(i, min(i + 8, len(frames)))))
        for i in range(0, len(frames), 8)
    ]
    return clips, replace(info, num_frames=len(frames), start=Fraction(0), has_audio=False)


def prepared(name: str, path: Path, start: float, count: int, method: Selective, detector: YuNet) -> Subject:
    clips, info = load(path, start, count)
    explained = list(method.explain(clips))
    moving = [replace(item.original, opacity=None) for item in explained]
    opacity = [frame for item in explained for frame in item.opacity]
    frames = np.concatenate([clip.frames for clip in clips])
    faces = [[found.box for found in faces] for faces in detector(frames)]
    return Subject(name, moving, opacity, info, faces, detector)


def released(path: Path, info: motionveil.VideoInfo, clips: Iterable[Clip]) -> UInt8Array:
    """The frames as somebody gets them who is given the file."""
    with motionveil.VideoWriter(path, info) as writer:
        for clip in clips:
            writer.write(clip)
    with motionveil.open_source(path) as source:
        return np.concatenate([clip.frames for clip in source])


def core_of(opacity: Float32Array) -> Any:
    """Where a frame (H, W) is replaced completely, away from the edge."""
    kernel = np.ones((2 * EDGE + 1, 2 * EDGE + 1), np.uint8)
    return cv2.erode((opacity == 1).astype(np.uint8), kernel, borderValue=1) > 0


def excerpts_of(subject: Subject, output: UInt8Array, touched: Sequence[Float32Array]) -> list[Excerpt]:
    frames, found = subject.frames, []
    for start in subject.starts():
        part = slice(start, start + WINDOW)
        found.append(
            Excerpt(
                start,
                tuple(Fraction(t) / subject.info.frame_rate for t in range(start, start + WINDOW)),
                frames[part],
                output[part],
                np.stack([opacity > 0 for opacity in touched[part]]),
                np.stack([core_of(opacity) for opacity in subject.opacity[part]]),
            )
        )
    return found


Maker = Callable[[Subject, int], Selective]


def maker(method: str, weights: Path) -> Maker:
    """How a method is made for a subject, with a seed."""
    if method == "paper":
        # DINO's weights are not at hand everywhere: the published region and noise on the embedded encoder and DIS.
        preset = get_preset("paper").with_features("parts").with_flow("dis")
        return lambda subject, seed: build_obfuscator(preset=preset, seed=seed)
    filler = "motion_noise" if method == "secure" else method
    # Region and flow are known already.
    return lambda subject, seed: Selective(
        Replayed(subject.opacity), make_filler(filler, seed=seed), motionveil.DISFlow()
    )


def made(make: Maker, subjects: Sequence[Subject]) -> tuple[dict[str, list[Excerpt]], dict[str, UInt8Array]]:
    """What is attacked of every clip, and the whole outputs, as they are released."""
    excerpts: dict[str, list[Excerpt]] = {}
    outputs: dict[str, UInt8Array] = {}
    with tempfile.TemporaryDirectory() as folder:
        for subject in subjects:
            explained = list(make(subject, SEED).explain(subject.clips))
            touched = [opacity for item in explained for opacity in item.opacity]
            path = Path(folder) / f"{subject.name}.mp4"
            outputs[subject.name] = released(path, subject.info, (item.obfuscated for item in explained))
            excerpts[subject.name] = excerpts_of(subject, outputs[subject.name], touched)
    return excerpts, outputs


def completed(row: dict[str, Any], subjects: Sequence[Subject], weights: Path) -> dict[str, Any]:
    """A row with those attacks that are newer than it, and need nothing but the output."""
    there = next(iter(row["clips"].values()))["psnr"]
    missing = [name for name in ATTACKS if name not in there and name != "trained_network"]
    if missing:
        excerpts, _ = made(maker(row["method"], weights), subjects)
        everything = [excerpt for found in excerpts.values() for excerpt in found]
        recoveries = reconstruct(everything, attacks=missing, targets=3)
        for name, found in excerpts.items():
            row["clips"][name]["psnr"].update(by_clip(recoveries, None, found, everything))
    return row


def attacked(
    method: str, subjects: Sequence[Subject], others: Sequence[Subject], weights: Path, steps: int
) -> dict[str, Any]:
    """One row of the table."""
    begin = time.monotonic()

    def told(step: str) -> None:
        print(f"  {method}: {step} done after {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)

    make = maker(method, weights)
    excerpts, outputs = made(make, subjects)
    told("output")
    everything = [excerpt for found in excerpts.values() for excerpt in found]
    training = None
    if steps:
        training = [
            excerpt
            for other in others
            for excerpt in training_excerpts(
                [lambda other=other: other.clips],  # type: ignore[misc]
                lambda seed, other=other: make(other, seed),  # type: ignore[misc]
                frames=64,
            )
        ]
    told("other videos")
    recoveries = reconstruct(
        everything,
        attacks=[
            name
            for name in ATTACKS
            if name not in ("known_seed", "known_noise") and (steps or name != "trained_network")
        ],
        training=training,
        how=AttackerTraining(steps=steps, seconds=None),
        targets=3,
        on_recovery=lambda recovery: told(recovery.name),
    )
    known = {
        subject.name: reconstruct(
            excerpts[subject.name],
            attacks=["known_seed"],
            targets=3,
            remake=lambda seed, subject=subject: make(subject, seed),  # type: ignore[misc]
            clips=lambda subject=subject: subject.clips,  # type: ignore[misc]
        )["known_seed"]
        for subject in subjects
    }
    told("known seed")
    rows = {
        subject.name: {
            "psnr": by_clip(recoveries, known[subject.name], excerpts[subject.name], everything),
            "motion": {
                name: kept["output"]
                for name, kept in motion_kept(excerpts[subject.name], judges(weights), fillers=(), most_pairs=3).items()
            },
            **found_again(subject, outputs[subject.name]),
        }
        for subject in subjects
    }
    told("motion and faces")
    identity = known_again(subjects, excerpts, recoveries)
    told("identity")
    return {"method": method, "steps": steps, "clips": rows, "identity": identity}


def judges(weights: Path) -> dict[str, FlowEstimator]:
    return {
        "raft": motionveil.RAFTFlow(str(weights / "raft-small.pth"), scale=0.5),
        "dis": motionveil.DISFlow(short_side=480, smoothing=0.7),
        "farneback": FLOW_ESTIMATORS["farneback"](),
    }


def by_clip(
    recoveries: dict[str, Recovery], known: Recovery | None, excerpts: Sequence[Excerpt], everything: Sequence[Excerpt]
) -> dict[str, dict[str, float]]:
    """PSNR of every attack and of its floor, on the excerpts of one clip."""
    places = [next(i for i, other in enumerate(everything) if other is excerpt) for excerpt in excerpts]
    found: dict[str, dict[str, float]] = {}
    for name, recovery in {**recoveries, **({"known_seed": known} if known else {})}.items():
        moments = recovery.moments if recovery is known else [recovery.moments[place] for place in places]
        found[name] = {
            "psnr": psnr((m.original, m.recovered, m.core) for m in moments),
            "floor": psnr((m.original, m.floor_recovered, m.core) for m in moments),
        }
    return found


def found_again(subject: Subject, output: UInt8Array) -> dict[str, int]:
    """In how many frames a face is found in the original, and again at its place in the output."""
    again = 0
    for before, after in zip(subject.faces, subject.detector(output), strict=True):
        again += any(overlap(box, found.box) >= SAME for box in before for found in after)
    return {"face_frames": sum(bool(faces) for faces in subject.faces), "faces_again": again}


def known_again(
    subjects: Sequence[Subject], excerpts: dict[str, list[Excerpt]], recoveries: dict[str, Recovery]
) -> dict[str, Any]:
    """Rank-1 among the people of all clips, of originals, outputs, and what the best attack recovered."""
    order = [subject.name for subject in subjects for _ in excerpts[subject.name]]
    faces = {s.name: [s.frames[i] for i in np.linspace(0, len(s.frames) // 2, 4).astype(int)] for s in subjects}
    hits: dict[str, dict[str, float]] = {}
    for subject in subjects:
        mine = [i for i, name in enumerate(order) if name == subject.name]
        shown = [recoveries["none"].moments[i] for i in mine]
        recovered = {
            name: [
                ops.resize_image(frame, (like.shape[0], like.shape[1]))
                for i, moments in zip(mine, shown, strict=True)
                for frame, like in zip(recovery.moments[i].recovered, moments.original, strict=True)
            ]
            for name, recovery in recoveries.items()
            if name != "none"
        }
        found = identify(
            {name: frames for name, frames in faces.items() if name != subject.name},
            [frame for moments in shown for frame in moments.original],
            [frame for moments in shown for frame in moments.output],
            recovered=recovered,
            name=subject.name,
        )
        for attempt in found.attempts:
            row = hits.setdefault(attempt.embedding, {"queries": 0.0})
            row["queries"] += attempt.output.queries
            ranks = {"original": attempt.original, "output": attempt.output, **attempt.recovered}
            for name, rank in ranks.items():
                row[name] = row.get(name, 0.0) + rank.hits
    return {
        name: {"queries": row["queries"], **{k: v / row["queries"] for k, v in row.items() if k != "queries"}}
        for name, row in hits.items()
    }


@dataclass(frozen=True)
class Column:
    """One figure of every method. limits: values drawn as good and as bad."""

    title: str
    value: Callable[[dict[str, Any]], float | None]
    text: str
    limits: tuple[float, float]


def gains(row: dict[str, Any], attack: str) -> list[float]:
    return [clip["psnr"][attack]["psnr"] - clip["psnr"][attack]["floor"] for clip in row["clips"].values()]


def greatest(row: dict[str, Any], attack: str) -> float | None:
    """Gain over the floor in the clip in which it is greatest."""
    there = all(attack in clip["psnr"] for clip in row["clips"].values())
    return max(gains(row, attack)) if there else None


def mean(row: dict[str, Any], attack: str, key: str) -> float | None:
    values = [clip["psnr"][attack][key] for clip in row["clips"].values() if attack in clip["psnr"]]
    return float(np.mean(values)) if values else None


def faces(row: dict[str, Any]) -> float | None:
    total = sum(clip["face_frames"] for clip in row["clips"].values())
    return sum(clip["faces_again"] for clip in row["clips"].values()) / total if total else None


def motion(row: dict[str, Any], judge: str) -> float | None:
    values = [v for clip in row["clips"].values() if (v := clip["motion"][judge]) is not None]
    return float(np.mean(values)) if values else None


def recognised(row: dict[str, Any], embedding: str) -> float | None:
    """Rank-1 on the output, or on what the best attack recovered."""
    found = row["identity"].get(embedding, {})
    rates = [rate for name, rate in found.items() if name not in ("queries", "original")]
    return max(rates) if rates else None


COLUMNS = (
    *(
        Column(name.replace("_", " "), lambda row, name=name: greatest(row, name), "{:+.1f}", (1.0, 6.0))  # type: ignore[misc]
        for name in ATTACKS
    ),
    Column("faces again", faces, "{:.0%}", (0.01, 0.5)),
    Column("rank-1", lambda row: recognised(row, "appearance"), "{:.0%}", (0.3, 0.8)),
    *(
        Column(f"motion, {name}", lambda row, name=name: motion(row, name), "{:.2f}", (0.6, 0.2))  # type: ignore[misc]
        for name in ("raft", "dis", "farneback")
    ),
)


def floored(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, with what the same attack makes of `solid` as the floor.

    That is the same region, outline and encoding with one colour; and two networks that learn from pictures that tell
    the same differ by more on a single clip than anything else that is measured here.
    """
    solid = next((row for row in rows if row["method"] == "solid"), None)
    if solid is None:
        return list(rows)
    for row in rows:
        for name, clip in row["clips"].items():
            for attack, figures in clip["psnr"].items():
                figures["floor"] = solid["clips"][name]["psnr"][attack]["psnr"]
    return list(rows)


def report(rows: Sequence[dict[str, Any]]) -> str:
    """Both tables in Markdown."""

    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    def shown(column: Column, row: dict[str, Any]) -> str:
        value = column.value(row)
        return "–" if value is None else column.text.format(value)

    names = list(ATTACKS)
    first = [line(["method", *(column.title for column in COLUMNS)]), line(["---"] * (len(COLUMNS) + 1))]
    first += [line([f"`{row['method']}`", *(shown(column, row) for column in COLUMNS)]) for row in rows]
    second = [line(["method", *(name.replace("_", " ") for name in names)]), line(["---"] * (len(names) + 1))]
    for row in rows:
        pairs = [(mean(row, name, "psnr"), mean(row, name, "floor")) for name in names]
        cells = ["–" if a is None or b is None else f"{a:.1f} ({b:.1f})" for a, b in pairs]
        second.append(line([f"`{row['method']}`", *cells]))
    names_of_clips = list(next(iter(rows))["clips"])
    clips = ", ".join(names_of_clips)
    return "\n".join(
        [
            f"Clips: {clips}. Made by `python benchmarks/attacks.py`.",
            "",
            "Attacks: decibels by which the attack comes nearer to the original than the same attack on `solid`, one",
            "colour in the same region, in the clip in which it gains most. Faces again: of the frames with a face.",
            f"Rank-1: among the people of all clips (chance {1 / len(names_of_clips):.0%}), on the output or what the",
            "best attack recovered; by face it is not measured, as not every clip shows a face that is large enough.",
            "Motion: 1 is all of it.",
            "",
            *first,
            "",
            "PSNR in dB on the hidden core, in brackets the floor; means over the clips.",
            "",
            *second,
            "",
        ]
    )


def figure(rows: Sequence[dict[str, Any]]) -> UInt8Array:
    """The first table in colours: green is good, red is bad, both for who is shown and for who wants to see motion."""
    font, left, top, width, height = cv2.FONT_HERSHEY_SIMPLEX, 230, 190, 92, 38
    picture = np.full((top + height * len(rows) + 12, left + width * len(COLUMNS) + 12, 3), 255, np.uint8)
    for x, column in enumerate(COLUMNS):
        label = np.full((24, top - 20, 3), 255, np.uint8)
        cv2.putText(label, column.title, (4, 17), font, 0.55, (40, 40, 40), 1, cv2.LINE_AA)
        turned = cv2.rotate(label, cv2.ROTATE_90_COUNTERCLOCKWISE)
        at = left + x * width + width // 2 - 12
        picture[12 : 12 + turned.shape[0], at : at + 24] = turned
    for y, row in enumerate(rows):
        base = top + y * height
        cv2.putText(picture, row["method"], (12, base + 25), font, 0.6, (20, 20, 20), 1, cv2.LINE_AA)
        for x, column in enumerate(COLUMNS):
            value = column.value(row)
            corner = (left + x * width, base)
            good, bad = column.limits
            share = 0.0 if value is None else float(np.clip((value - good) / (bad - good), 0, 1))
            colour = (
                (235, 235, 235)
                if value is None
                else tuple(int(a + share * (b - a)) for a, b in zip((196, 232, 205), (246, 178, 168), strict=True))
            )
            cv2.rectangle(picture, corner, (corner[0] + width - 4, base + height - 4), colour, -1)
            text = "-" if value is None else column.text.format(value)
            cv2.putText(picture, text, (corner[0] + 16, base + 24), font, 0.55, (20, 20, 20), 1, cv2.LINE_AA)
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", default=",".join(METHODS))
    parser.add_argument("--clips", default=",".join(TESTED))
    parser.add_argument("--frames", type=int, default=72)
    parser.add_argument("--steps", type=int, default=150, help="of the trained attacker; 0 leaves it out")
    arguments = parser.parse_args()
    rows_path = arguments.output / "attacks.jsonl"
    arguments.output.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in rows_path.read_text().splitlines()] if rows_path.exists() else []
    missing = [name for name in arguments.only.split(",") if name not in {row["method"] for row in rows}]
    there = {attack for row in rows for clip in row["clips"].values() for attack in clip["psnr"]}
    if missing or set(ATTACKS) - there - {"trained_network"}:
        detector = YuNet(arguments.weights / "yunet_n_640_640.onnx")
        secure = build_obfuscator(preset="secure", seed=SEED)
        chosen = {name: TESTED[name] for name in arguments.clips.split(",")}
        subjects = [
            prepared(name, arguments.data / "clips" / file, start, arguments.frames, secure, detector)
            for name, (file, start) in chosen.items()
        ]
        learned_from = LEARNED_FROM if arguments.steps and missing else ()
        others = [prepared(file, arguments.data / "clips" / file, 0.0, 64, secure, detector) for file in learned_from]
        rows = [completed(row, subjects, arguments.weights) for row in rows]
        rows_path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        for method in missing:
            begin = time.monotonic()
            row = attacked(method, subjects, others, arguments.weights, arguments.steps)
            row["seconds"] = round(time.monotonic() - begin, 1)
            rows.append(row)
            with rows_path.open("a") as file:
                file.write(json.dumps(row) + "\n")
            print(f"{method}: {row['seconds']:.0f} s", flush=True)
    rows.sort(key=lambda row: METHODS.index(row["method"]))
    rows = floored(rows)
    table = report(rows)
    (arguments.output / "attacks.md").write_text(table)
    drawing.write_image(arguments.output / "attacks.png", figure(rows))
    print(table)


if __name__ == "__main__":
    main()

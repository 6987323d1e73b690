"""One clip of one tool judged, and what its judgements and costs come to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.faces import Faces
from benchmarks.hidden_pixels import HIDDEN, recorded
from benchmarks.hiding_tools import Cost, Run, Tool, shown
from benchmarks.people_measures import BARE, COVERED, Annotated, judged_faces, judged_frame
from benchmarks.people_report import sheet, write_sheet


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

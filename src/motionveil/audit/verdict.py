"""The verdict: reasons, what was not measured, and what cannot be measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["leak", "weak", "good", "note"]

MAX_GAIN = 1.0
"""Maximum gain in dB of an attack over its result on a single colour."""
_LEAKING = 3.0
_ADDED = 0.5
"""Minimum gain in dB over the unmodified output to be reported."""
MAX_LEARNED_GAIN = 3.0
"""The same for a trained network: two trained on equally informative images differ by up to 2.7 on one clip."""
MAX_FACE_RATE = 0.01
MAX_LUCK = 0.1
"""Maximum probability that a recognition is due to chance."""
CERTAIN_LUCK = 0.19
"""Recognition above this probability counts as chance; among five persons, every fifth guess is right."""
MIN_COVERAGE = 0.9
"""Of an attribute in its worst frame. Outlines are never exact to the pixel."""
MIN_CHANGED = 0.0005
"""Of the frame."""
MIN_WORST = 0.5
"""Of an attribute in its worst frame; below it, one frame is enough to recognise a person."""
MAX_GAP = 0.1
"""Seconds for which an attribute may be covered less than that."""
MAX_PERSON_RATE = 0.5
"""Of the frames in which the encoder still detects people; above it, a second opinion is required."""
MIN_MOTION = 0.3
"""Of the motion; below it, action recognition has little information."""

LIMITS = (
    "Shape, posture, gait and motion are kept by design, and people can be recognised by them.",
    "Places, objects, clothes and people that were not to be hidden stay visible, and can identify people.",
    "What should be covered was located by motionveil's own encoder, at a higher resolution than for the output; "
    "people whom it does not find are missing from these figures. Watch the video.",
    "Stronger attackers, or attackers with more information than those run here, exist or will exist. A low figure "
    "only means that these attacks have failed.",
)


@dataclass(frozen=True)
class Reason:
    """A finding. level: leak (reveals identity), weak (may reveal it), good (attack failed) or note (information)."""

    level: Level
    text: str


@dataclass(frozen=True)
class Verdict:
    """The interpretation of a report. level: that of the most severe reason."""

    level: Level
    headline: str
    reasons: tuple[Reason, ...]
    not_measured: tuple[str, ...]
    limits: tuple[str, ...] = LIMITS


_HEADLINES: dict[Level, str] = {
    "leak": "This video should not be released as it is.",
    "weak": "This video has weak spots: check them before releasing it.",
    "good": "None of the attacks recovered anything.",
    "note": "No problems were found, but too little was measured for a verdict.",
}


def judge(report: Mapping[str, Any]) -> Verdict:
    """Judge the figures of a report (fields: see docs/audit.md). Never claims more than was measured."""
    parts = (_sameness, _coverage, _redetection, _reidentification, _reconstruction, _container, _motion)
    reasons = [reason for part in parts for reason in part(report)]
    order: tuple[Level, ...] = ("leak", "weak", "good", "note")
    level: Level = "note"
    for reason in reasons:
        level = min(level, reason.level, key=order.index)
    # A positive verdict requires attacks and detection of people: by coverage, and by a second opinion where the
    # encoder still detects them.
    looked = report["redetection"]["face_rate"] is not None or any(
        _can_judge(row, report["reidentification"]["chance"])
        for row in report["reidentification"].get("embeddings", {}).values()
    )
    seen = (report["redetection"]["person_rate"] or 0) > MAX_PERSON_RATE
    if level == "good" and not (_asked(report) and any(_ran(report)) and (looked or report["how"] or not seen)):
        level = "note"
    reasons.sort(key=lambda reason: order.index(reason.level))
    return Verdict(level, _HEADLINES[level], tuple(reasons), tuple(_not_measured(report)))


def _asked(report: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that were to be hidden, and occur."""
    return {name: row for name, row in report["coverage"].items() if row["asked"]}


def _ran(report: Mapping[str, Any]) -> Iterator[str]:
    """The attacks that were run."""
    return (name for name, row in report["reconstruction"].items() if row["psnr"] is not None and name != "none")


def _sameness(report: Mapping[str, Any]) -> Iterator[Reason]:
    digest = report["output"]["sha256"]
    if digest is not None and digest == report["original"]["sha256"]:
        yield Reason("leak", "the output is identical to the original.")
    elif report["hidden_share"] < MIN_CHANGED:
        yield Reason("leak", "the output hardly differs from the original.")


def _coverage(report: Mapping[str, Any]) -> Iterator[Reason]:
    asked, good = _asked(report), []
    looked_at = "in every frame" if report["coverage_stride"] == 1 else "in all examined frames"
    for name, row in asked.items():
        at = f"at {row['worst_frame_at_s']:.2f} s"
        # In a single frame, noise occasionally resembles something small.
        brief = row["longest_gap_s"] < 1.5 * report["coverage_step_s"] and row["worst_frame"] >= MIN_WORST
        if not brief and (row["longest_gap_s"] > MAX_GAP or row["worst_frame"] < MIN_WORST):
            yield Reason(
                # Areas that were to stay visible count as uncovered here.
                "weak" if report["spares"] else "leak",
                f"{name}: less than {MIN_COVERAGE:.0%} was covered for {row['longest_gap_s']:.2f} s in a row; "
                f"in the worst frame ({at}), {row['worst_frame']:.0%} was.",
            )
        elif not brief and row["worst_frame"] < MIN_COVERAGE:
            yield Reason("weak", f"{name}: only {row['worst_frame']:.0%} was covered in the worst frame, {at}.")
        else:
            good.append(name)
    if good:
        worst = min(asked[name]["worst_frame"] for name in good)
        much = "all" if worst > 0.9995 else f"at least {worst:.1%}"
        names = ", ".join(_words(name) for name in good)
        yield Reason("good", f"{names}: {much} of what motionveil's own network found was changed, {looked_at}.")


def _redetection(report: Mapping[str, Any]) -> Iterator[Reason]:
    found = report["redetection"]
    rate, frames = found["face_rate"], found["face_frames"]
    if rate is not None:
        text = f"faces were redetected in {rate:.1%} of the {frames} frames in which the original shows any"
        yield Reason("leak" if rate > MAX_FACE_RATE else "good", f"{text}.")
    elif "faces" in found["not_run"]:
        yield Reason("note", f"face detection was not run, or found no faces: {found['not_run']['faces']}.")
    if found["person_rate"] is not None:
        yield Reason(
            "note",
            f"in {found['person_rate']:.0%} of the frames a network still detects people by their shape.",
        )


def _reidentification(report: Mapping[str, Any]) -> Iterator[Reason]:
    found = report["reidentification"]
    for name, row in found.get("embeddings", {}).items():
        chance, held, doubtful = found["chance"], [], []
        shown = {"the output": (row["output"], row["luck"], True)}
        for attack, rate in row["recovered"].items():
            nearer = report["reconstruction"][attack]["gain"] > 0
            shown[f"what {_words(attack)} recovered"] = (rate, row["recovered_luck"][attack], nearer)
        against = f"(chance {chance:.0%}, originals {row['original'] or 0:.0%})"
        for what, (rate, luck, nearer) in shown.items():
            if rate is None or not _can_judge(row, chance):
                continue
            # Halfway from guessing to certainty is a leak unless due to chance; less may be a colour.
            share = (rate - chance) / (1 - chance)
            if share <= 0.25:
                held.append(rate)
                continue
            # Uninformative crops of one clip are similar: together they are one guess.
            luck = max(luck, chance)
            if not nearer or luck > CERTAIN_LUCK:
                doubtful.append(f"{rate:.0%} of {what}")
                continue
            text = (
                f"by {name}, {rate:.0%} of the images of {what} were assigned to the right one of "
                f"{len(found['persons'])} persons {against}; the probability of this by chance is {luck:.0%}"
            )
            yield Reason("leak" if share > 0.5 and luck <= MAX_LUCK else "weak", f"{text}.")
        if doubtful:
            text = f"by {name}, {', '.join(doubtful)} were assigned to the right person {against}"
            more = "this may be chance, or the attack came no closer to the original; give ten persons to be sure"
            yield Reason("note", f"{text}; {more}.")
        if held:
            where = "" if len(held) == len(shown) else f" on {len(held)} of {len(shown)} kinds of images"
            yield Reason("good", f"by {name}, people were recognised in at most {max(held):.0%}{where} {against}.")


def _can_judge(row: Mapping[str, Any], chance: float) -> bool:
    """Whether an embedding recognises originals, and distinguishes them from crops that show nobody."""
    known = row["original"] is not None and (row["original"] - chance) / (1 - chance) > 0.5
    return known and row["original_luck"] <= MAX_LUCK


def _reconstruction(report: Mapping[str, Any]) -> Iterator[Reason]:
    failed, start = [], 0.0
    shown = report["reconstruction"].get("none")
    if shown and shown["psnr"] is not None and shown["gain"] > MAX_GAIN:
        start = shown["gain"]
        yield Reason(
            "leak" if start > _LEAKING else "weak",
            f"the unmodified output is {start:.1f} dB closer to the original than a single colour would be.",
        )
    for name in _ran(report):
        row = report["reconstruction"][name]
        gain = row["psnr"] - row["floor_psnr"]
        most, leak = (MAX_LEARNED_GAIN, 2 * _LEAKING) if name == "trained_network" else (MAX_GAIN, _LEAKING)
        if gain <= most:
            failed.append((name, gain))
        elif gain > start + _ADDED:
            yield Reason(
                "leak" if gain > leak else "weak",
                f"{_words(name)} reached {row['psnr']:.1f} dB, {gain:.1f} dB more than the same attack on a single "
                "colour.",
            )
    if failed:
        greatest = max(gain for _, gain in failed)
        names = ", ".join(_words(name) for name, _ in failed)
        yield Reason("good", f"{names}: no closer to the original than a single colour (at most {greatest:+.1f} dB).")


def _container(report: Mapping[str, Any]) -> Iterator[Reason]:
    findings = report["container"]["findings"]
    revealing = [finding["text"] for finding in findings if finding["level"] == "reveals"]
    yield from (Reason("leak", f"{text}.") for text in revealing)
    if not revealing:
        yield Reason("good", "the file contains nothing besides its frames that reveals people, places or devices.")


def _motion(report: Mapping[str, Any]) -> Iterator[Reason]:
    known = {name: value for name, value in report["motion_kept"].items() if value is not None}
    if not known:
        return
    text = ", ".join(f"{value:.2f} by {name}" for name, value in known.items())
    little = max(known.values()) < MIN_MOTION
    more = "; action recognition will have little information" if little else ""
    yield Reason("note", f"motion preserved (1 is all of it): {text}{more}.")


def _not_measured(report: Mapping[str, Any]) -> Iterator[str]:
    if not report["asked_for"]:
        yield "coverage: nothing but areas was to be hidden, which the encoder cannot look for"
    elif not _asked(report):
        yield "coverage: nothing that was to be hidden was found in the original"
    if report["not_looked_for"]:
        yield f"coverage of {', '.join(report['not_looked_for'])}: the audit cannot detect these"
    if report["spares"]:
        yield "what was to stay visible, separately from what was to be hidden: it counts as uncovered"
    for what, reason in report["redetection"].get("not_run", {}).items():
        yield f"{what}: {reason}"
    if "not_run" in report["reidentification"]:
        yield f"re-identification: {report['reidentification']['not_run']}"
    else:
        found = report["reidentification"]
        for name in found["blind"]:
            yield f"re-identification by {name}: it does not find every given person"
        for name, row in found["embeddings"].items():
            if not _can_judge(row, found["chance"]):
                yield f"re-identification by {name}: it cannot distinguish the original from crops that show nobody"
    for name, row in report["reconstruction"].items():
        if row["psnr"] is None:
            yield f"{_words(name)}: {row['not_run']}"
    for name, value in report["motion_kept"].items():
        if value is None:
            yield f"motion by {name}: hardly anything moves where the video was replaced"


def _words(name: str) -> str:
    return name.replace("_", " ")

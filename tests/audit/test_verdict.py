"""Verdicts: cases with a known answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from motionveil.audit.verdict import LIMITS, judge

from .sample import sample

Change = Callable[[dict[str, Any]], Any]


def test_a_report_without_faults() -> None:
    verdict = judge(sample())
    assert verdict.level == "good"
    assert {reason.level for reason in verdict.reasons} == {"good", "note"}
    assert verdict.limits == LIMITS
    assert set(verdict.not_measured) == {
        "trained network: no other clips were given",
        "motion by raft: hardly anything moves where the video was replaced",
    }


CASES: list[tuple[str, Change, str, str]] = [
    ("gap", lambda r: r["coverage"]["hair"].update(worst_frame=0.1, longest_gap_s=0.2), "leak", "hair: less than 90%"),
    ("frame", lambda r: r["coverage"]["hair"].update(worst_frame=0.8, longest_gap_s=0.06), "weak", "only 80%"),
    ("one look", lambda r: r["coverage"]["hair"].update(worst_frame=0.8, longest_gap_s=0.03), "good", "at least 80.0%"),
    ("faces", lambda r: r["redetection"].update(face_rate=0.02), "leak", "2.0% of the 60 frames"),
    ("few faces", lambda r: r["redetection"].update(face_rate=0.01), "good", "1.0% of the 60 frames"),
    ("the same", lambda r: r["output"].update(sha256="00"), "leak", "identical"),
    ("hardly anything", lambda r: r.update(hidden_share=0.0001), "leak", "hardly differs"),
    (
        "shown",
        lambda r: r["reconstruction"]["none"].update(psnr=13.4, gain=4.0),
        "leak",
        "the unmodified output is 4.0 dB closer",
    ),
    ("gain", lambda r: r["reconstruction"]["denoising"].update(psnr=11.0), "weak", "1.6 dB more"),
    ("large gain", lambda r: r["reconstruction"]["denoising"].update(psnr=20.0), "leak", "10.6 dB more"),
    (
        "known",
        lambda r: r["reidentification"]["embeddings"]["face"].update(output=0.9, luck=0.05),
        "leak",
        "90% of the images",
    ),
    (
        "nearly",
        lambda r: r["reidentification"]["embeddings"]["face"].update(output=0.4, luck=0),
        "weak",
        "40% of the images",
    ),
    (
        "known from what came back",
        lambda r: (
            r["reidentification"]["embeddings"]["face"].update(
                recovered={"denoising": 1.0}, recovered_luck={"denoising": 0.02}
            ),
            r["reconstruction"]["denoising"].update(gain=0.1),
        ),
        "leak",
        "what denoising recovered",
    ),
    (
        "luck",
        lambda r: r["reidentification"]["embeddings"]["face"].update(output=1.0, luck=0.35),
        "good",
        "100% of the output were assigned to the right person",
    ),
    (
        "perhaps luck",
        lambda r: r["reidentification"]["embeddings"]["face"].update(output=1.0, luck=0.15),
        "weak",
        "the probability of this by chance is 15%",
    ),
    (
        "one frame",
        lambda r: r["coverage"]["hair"].update(worst_frame=0.3, longest_gap_s=0.03),
        "leak",
        "in the worst frame (at 0.40 s), 30% was",
    ),
    (
        "some frames",
        lambda r: r.update(coverage_stride=3),
        "good",
        "in all examined frames",
    ),
    (
        "place",
        lambda r: r["container"]["findings"].append({"level": "reveals", "text": "it says where"}),
        "leak",
        "it says where.",
    ),
    (
        "harmless",
        lambda r: r["container"]["findings"].append({"level": "harmless", "text": "it says what encoded it"}),
        "good",
        "nothing besides its frames",
    ),
    ("no motion", lambda r: r["motion_kept"].update(dis=0.1), "good", "little information"),
]


@pytest.mark.parametrize(("change", "level", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_leads_to_what(change: Change, level: str, words: str) -> None:
    report = sample()
    change(report)
    verdict = judge(report)
    assert verdict.level == level
    assert any(words in reason.text for reason in verdict.reasons)


def test_what_was_not_to_be_hidden_is_no_fault() -> None:
    report = sample()
    report["coverage"]["hair"]["asked"] = False
    verdict = judge(report)
    assert not any(" covered" in reason.text for reason in verdict.reasons)
    assert any(text.startswith("coverage: nothing that was to be hidden") for text in verdict.not_measured)


def test_without_figures_there_is_no_verdict() -> None:
    report = sample()
    report["coverage"] = {}
    report["redetection"].update(face_rate=None, person_rate=None, not_run={"faces": "no detector was given"})
    report["reidentification"] = {"not_run": "give at least one more person"}
    report["reconstruction"] = {}
    report["container"]["findings"].append({"level": "harmless", "text": "an encoder's name"})
    verdict = judge(report)
    assert verdict.level == "note"
    assert "too little was measured" in verdict.headline
    assert "faces: no detector was given" in verdict.not_measured
    assert "re-identification: give at least one more person" in verdict.not_measured
    # Nothing more is claimed than what was looked at: the file.
    assert [reason.text for reason in verdict.reasons if reason.level == "good"] == [
        "the file contains nothing besides its frames that reveals people, places or devices."
    ]


def test_an_attacker_that_does_not_know_originals_proves_nothing() -> None:
    for change in ({"original": 0.3}, {"original_luck": 0.4}):
        report = sample()
        report["reidentification"]["embeddings"]["face"].update(change, output=1.0, luck=0.0)
        verdict = judge(report)
        assert not any(reason.text.startswith("by face") for reason in verdict.reasons)
        assert any("cannot distinguish the original" in text for text in verdict.not_measured)


def test_few_persons_prove_nothing_and_neither_does_what_is_no_nearer() -> None:
    report = sample()
    face = report["reidentification"]["embeddings"]["face"]
    report["reidentification"].update(persons=["a", "b", "c"], chance=1 / 3)
    face.update(output=1.0, luck=0.05)
    assert judge(report).level == "good"
    report = sample()
    face = report["reidentification"]["embeddings"]["face"]
    face.update(recovered={"denoising": 1.0}, recovered_luck={"denoising": 0.05})
    verdict = judge(report)
    assert verdict.level == "good"
    assert any("100% of what denoising recovered" in r.text for r in verdict.reasons if r.level == "note")


def test_outputs_that_nobody_knows_need_a_second_opinion() -> None:
    """A negative differs everywhere, and shows everything."""
    report = sample()
    report.update(how=None)
    report["redetection"].update(face_rate=None, person_rate=1.0)
    report["reidentification"] = {"not_run": "nobody else was given"}
    assert judge(report).level == "note"
    report["redetection"]["person_rate"] = 0.2
    assert judge(report).level == "good"


def test_what_cannot_be_looked_for_is_said() -> None:
    report = sample()
    report.update(not_looked_for=["sign"], spares=True)
    report["reidentification"]["blind"] = ["face"]
    report["coverage"]["hair"].update(worst_frame=0.0, longest_gap_s=2.0)
    verdict = judge(report)
    assert verdict.level == "weak"
    said = " ".join(verdict.not_measured)
    assert "coverage of sign" in said
    assert "it counts as uncovered" in said
    assert "by face: it does not find every given person" in said

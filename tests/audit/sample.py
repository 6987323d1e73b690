"""A report with nothing bad in it, to be changed by tests."""

from __future__ import annotations

from typing import Any

from motionveil.audit.verdict import MAX_GAP, MIN_COVERAGE


def sample() -> dict[str, Any]:
    row = {
        "mean": 0.999,
        "worst_frame": 0.97,
        "worst_frame_index": 12,
        "worst_frame_at_s": 0.4,
        "longest_gap_s": 0.0,
        "frames": 60,
        "asked": True,
    }
    attack = {"summary": "Smooths.", "psnr": 9.1, "floor_psnr": 9.4, "gain": -0.3, "ssim": 0.1, "floor_ssim": 0.2}
    file = {"name": "a<b>.mp4", "sha256": "00", "frames": 60, "seconds": 2.0, "width": 64, "height": 48}
    return {
        "motionveil": "0",
        "created": "2026-01-01T00:00:00+00:00",
        "original": dict(file),
        "output": {**file, "sha256": "01"},
        "constants": {"min_coverage": MIN_COVERAGE, "max_gap": MAX_GAP},
        "hidden_share": 0.3,
        "coverage": {"hair": dict(row), "torso": {**row, "asked": False, "worst_frame": 0.0, "longest_gap_s": 2.0}},
        "redetection": {
            "face_detector": "YuNet", "face_rate": 0.0, "face_frames": 60, "faces_redetected": 0, "faces_invented": 0,
            "person_rate": 0.5, "parts": {"hair": 0.0}, "others": [], "not_run": {},
        },
        "coverage_stride": 1, "coverage_step_s": 0.03,
        "not_looked_for": [], "asked_for": ["hair"], "spares": False, "how": "secure",
        "doubts": [{"time": 1.25, "box": [1, 2, 3, 4]}],
        "reidentification": {
            "blind": [], "persons": list("abcdefghij"), "chance": 0.1, "attacks": ["denoising"],
            "embeddings": {"face": {"queries": 8, "original": 1.0, "output": 0.1, "control": 0.4, "luck": 0.5,
                                    "original_luck": 0.05,
                                    "recovered": {"denoising": 0.2}, "recovered_luck": {"denoising": 0.5}}},
        },
        "reconstruction": {
            "none": dict(attack),
            "denoising": dict(attack),
            "trained_network": {**dict.fromkeys(attack), "summary": "Learns.", "not_run": "no other clips were given"},
        },
        "motion_kept": {"dis": 0.6, "raft": None},
        "motion_kept_otherwise": {"dis": {"blur_strong": 0.5}, "raft": {"blur_strong": None}},
        "other_fillers": ["blur_strong"],
        "container": {"streams": ["video h264"], "tags": {"encoder": "Lavf"}, "findings": [],
                      "beside": ["a.json lies beside it"]},
        "weaknesses": ["blur can be partly reversed"],
        "measured": {"coverage": "every frame"},
        "versions": {"motionveil": "0"},
    }  # fmt: skip

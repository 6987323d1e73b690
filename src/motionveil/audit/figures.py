"""The figures of an audit as stored in report.json: numbers, text, and None for unknown values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any

from .._core.printable import printable
from .._core.types import VideoInfo
from ..obfuscation.settings_warnings import weaknesses
from ..outputs.run_manifest import file_digest, library_versions, plain
from ..video import source_name
from .container import ContainerFindings
from .coverage import REPLACED, CoverageResult
from .identification import Identification
from .measures import Measures
from .method import KnownMethod
from .motion import FILLERS
from .reconstruction import Recovery
from .redetection import RedetectionResult
from .verdict import MAX_GAP, judge


def figures_of(
    *,
    original: str | Path,
    output: str | Path,
    info: VideoInfo,
    asked: Collection[str],
    measures: Measures,
    recoveries: Mapping[str, Recovery],
    identified: Identification,
    motion: Mapping[str, Mapping[str, float | None]],
    container: ContainerFindings,
    method: KnownMethod | None,
    face_detector: str | None,
    no_faces: str | None,
) -> dict[str, Any]:
    """All figures with the verdict; the fields are listed in docs/audit.md.

    info: of the output. asked: names of the attributes that were to be hidden. no_faces: why there is no face detector.
    """
    report = {
        "motionveil": library_versions()["motionveil"],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "original": _file(original),
        "output": {
            **_file(output),
            "frames": measures.num_frames,
            "seconds": round(float(measures.num_frames / info.frame_rate), 3),
            "width": info.width,
            "height": info.height,
        },
        "constants": {"min_coverage": REPLACED, "max_gap": MAX_GAP},
        "hidden_share": measures.touched,
        "coverage": _coverage(measures.coverage, asked),
        "coverage_stride": measures.coverage.stride,
        "coverage_step_s": round(float(measures.coverage.stride / info.frame_rate), 4),
        "not_looked_for": sorted(set(asked) - set(measures.coverage.parts)),
        "asked_for": sorted(asked),
        "spares": method is not None and method.spares,
        "doubts": [
            {"time": round(float(doubt.time), 3), "box": list(doubt.box)}
            for doubt in (() if method is None else method.doubts)
        ],
        "how": None if method is None else f"{method.preset.name}, {method.preset.filler}",
        "redetection": _redetection(measures.redetection, face_detector, no_faces),
        "reidentification": _identification(identified),
        "reconstruction": {name: _recovery(recovery) for name, recovery in recoveries.items()},
        "motion_kept": {name: kept.get("output") for name, kept in motion.items()},
        "motion_kept_otherwise": {
            name: {filler: kept.get(filler) for filler in FILLERS} for name, kept in motion.items()
        },
        "other_fillers": list(FILLERS),
        "container": _container(container),
        "weaknesses": _weaknesses(method),
        "measured": _measured(measures, method, recoveries, face_detector),
        "versions": library_versions(),
    }
    finite = _finite(plain(report))
    return {**finite, "verdict": plain(judge(finite))}


def _file(path: str | Path) -> dict[str, Any]:
    return {"name": printable(source_name(path)), "sha256": file_digest(Path(path))}


def _coverage(result: CoverageResult, asked: Collection[str]) -> dict[str, Any]:
    """Coverage of the parts that were seen, starting with those that were to be hidden."""
    seen = {name: part for name, part in result.parts.items() if part.frames}
    return {name: {**plain(seen[name]), "asked": name in asked} for name in sorted(seen, key=lambda n: n not in asked)}


def _redetection(result: RedetectionResult, face_detector: str | None, no_faces: str | None) -> dict[str, Any]:
    reason = no_faces or result.face_reason
    return {
        "face_detector": face_detector,
        "face_rate": result.face_rate,
        "face_frames": result.face_frames,
        "faces_invented": result.faces_invented,
        "person_rate": result.person_rate,
        "person_frames": result.person_frames,
        "parts": {name: rate.rate for name, rate in result.parts.items() if rate.frames},
        "others": [
            {"detector": "detector", "kind": kind, "frames": rate.frames, "rate": rate.rate}
            for kind, rate in result.kinds.items()
        ],
        "not_run": {} if reason is None or result.face_rate is not None else {"faces": reason},
    }


def _identification(found: Identification) -> dict[str, Any]:
    if found.not_run is not None:
        return {"not_run": found.not_run}
    return {
        "persons": found.persons,
        "chance": found.chance,
        "blind": found.blind,
        "attacks": list(dict.fromkeys(attack for attempt in found.attempts for attack in attempt.recovered)),
        "embeddings": {
            attempt.embedding: {
                "queries": attempt.output.queries,
                "original": _rate(attempt.original),
                "output": _rate(attempt.output),
                "control": _rate(attempt.control),
                "luck": attempt.luck,
                "original_luck": attempt.original_luck,
                "recovered": {attack: _rate(rank) for attack, rank in attempt.recovered.items()},
                "recovered_luck": dict(attempt.recovered_luck),
            }
            for attempt in found.attempts
        },
    }


def _rate(rank: Any) -> float | None:
    return rank.rate if rank.queries else None


def _recovery(recovery: Recovery) -> dict[str, Any]:
    figures = {
        "psnr": recovery.psnr,
        "floor_psnr": recovery.floor_psnr,
        "gain": recovery.gain,
        "ssim": recovery.ssim,
        "floor_ssim": recovery.floor_ssim,
    }
    if recovery.not_run is not None:
        return {"summary": recovery.summary, **dict.fromkeys(figures), "not_run": recovery.not_run}
    return {
        "summary": recovery.summary,
        **figures,
        "setting": recovery.setting,
        "floor_setting": recovery.floor_setting,
    }


def _container(found: ContainerFindings) -> dict[str, Any]:
    """The contents of the file in words, and locations, dates and devices verbatim."""
    streams = [
        f"{stream.kind}, {stream.codec}" + (f", {stream.size[0]}x{stream.size[1]}" if stream.size else "")
        for stream in found.streams
    ]
    return {
        "format": found.format,
        "streams": streams,
        "tags": {f"{tag.place}: {tag.name}": tag.value for tag in found.tags},
        **{
            key: [plain(item) for item in getattr(found, key)]
            for key in ("thumbnails", "gps", "chapters", "dates", "devices")
        },
        "findings": [plain(finding) for finding in found.findings],
        "beside": found.beside,
        "removed": found.removed,
    }


def _weaknesses(method: KnownMethod | None) -> list[str]:
    if method is None:
        return []
    hide, seed = sorted(method.attributes), 0 if method.seeded else None
    return list(weaknesses(method.preset, hide=hide, strength=method.where.strength, seed=seed))


def _measured(
    measures: Measures, method: KnownMethod | None, recoveries: Mapping[str, Recovery], face_detector: str | None
) -> dict[str, str]:
    """How the figures were measured, in words."""
    how = f"{method.preset.name}, {method.preset.filler}" if method else "not known"
    coverage, found = measures.coverage, measures.redetection
    excerpts = ", ".join(f"{float(excerpt.pts[0]):.2f} s" for excerpt in measures.excerpts)
    return {
        "how the output was made": how,
        "coverage": f"{coverage.looked_at} frames, every {_nth(coverage.stride)} one",
        "re-detection": f"{found.looked_at} frames, every {_nth(found.stride)} one; faces: {face_detector or 'none'}",
        "attacks": f"{sum(len(w.pts) for w in measures.excerpts)} frames, from {excerpts}" if excerpts else "none",
        "best settings": "; ".join(
            f"{name.replace('_', ' ')}: {recovery.setting}" for name, recovery in recoveries.items() if recovery.setting
        ),
    }  # fmt: skip


def _nth(stride: int) -> str:
    return {1: "single", 2: "second", 3: "third"}.get(stride, f"{stride}th")


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not support."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value

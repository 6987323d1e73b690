"""The whole audit, on a moving photograph, and its command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import motionveil
from motionveil._core.errors import OptionError, OutputError
from motionveil._core.types import UInt8Array
from motionveil.audit import Attackers, AttackerTraining, Audit, KnownMethod, audit_video

from ..cli.test_commands import Run, complaint, run
from ..pipeline.test_obfuscation import write

__all__ = ["run"]


@pytest.fixture(scope="module")
def frames() -> UInt8Array:
    """Somebody in a photograph, under a camera that moves."""
    photo = pytest.importorskip("skimage.data").astronaut()
    crops = [photo[4 * t : 4 * t + 320, 125 + 3 * t : 125 + 3 * t + 320] for t in range(20)]  # beside the flag
    return np.stack([motionveil.ops.resize_image(crop, (160, 160)) for crop in crops])


@pytest.fixture(scope="module")
def film(frames: UInt8Array, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("film") / "film.mkv", frames)


def obfuscated(film: Path, target: Path, **options: object) -> Path:
    motionveil.obfuscate_video(film, target, record=True, **options)  # type: ignore[arg-type]
    return target


@pytest.fixture(scope="module")
def veiled(film: Path) -> Path:
    return obfuscated(film, film.with_name("veiled.mp4"))


@pytest.fixture(scope="module")
def audit(film: Path, veiled: Path) -> Audit:
    return audit_video(film, veiled)


def test_what_secure_makes_holds(audit: Audit) -> None:
    report = audit.report
    assert not [reason for reason in report["verdict"]["reasons"] if reason["level"] == "leak"]
    assert report["coverage"]["hair"]["asked"]
    assert report["coverage"]["hair"]["worst_frame"] > 0.9
    assert report["coverage"]["hair"]["longest_gap_s"] == 0
    attacks = {name: row for name, row in report["reconstruction"].items() if row["psnr"] is not None}
    assert {"known_seed", "temporal_averaging", "denoising", "deblurring", "depixelation"} < set(attacks)
    assert all(row["gain"] < 1 for row in attacks.values())
    assert "no other videos" in report["reconstruction"]["trained_network"]["not_run"]
    assert set(report["motion_kept"]) == {"dis", "farneback"}
    assert report["container"]["findings"] is not None
    assert "--person" in report["reidentification"]["not_run"]
    json.dumps(report, allow_nan=False)
    assert audit.pictures["overview"]


def test_what_blur_leaves_is_found(film: Path, tmp_path: Path) -> None:
    preset = motionveil.PRESETS["secure"].with_filler("blur_weak")
    output = obfuscated(film, tmp_path / "blurred.mp4", preset=preset)
    report = audit_video(film, output, pictures=False).report
    assert report["verdict"]["level"] == "leak"
    assert max(row["gain"] for row in report["reconstruction"].values() if row["psnr"] is not None) > 3
    assert any("blur can be partly reversed" in text for text in report["weaknesses"])


def test_what_was_not_hidden_is_found(film: Path, tmp_path: Path) -> None:
    output = obfuscated(film, tmp_path / "lips.mp4", hide=["lips"])
    # By its record only lips were to be hidden; who asks for more is told what is missing.
    assert not audit_video(film, output, pictures=False).report["coverage"]["hair"]["asked"]
    report = audit_video(film, output, hide=["head"], pictures=False).report
    assert report["coverage"]["hair"]["asked"]
    assert report["coverage"]["hair"]["mean"] < 0.3
    assert report["verdict"]["level"] == "leak"


def test_without_a_record_the_method_is_not_known(film: Path, veiled: Path, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.mp4"
    stranger.write_bytes(veiled.read_bytes())
    assert KnownMethod.of(stranger) is None
    report = audit_video(film, stranger, pictures=False).report
    assert "unknown" in report["reconstruction"]["known_seed"]["not_run"]
    assert any(text.startswith("known seed") for text in report["verdict"]["not_measured"])
    # Nor where the record is of another file.
    stranger.with_name("stranger.mp4.json").write_bytes(veiled.with_name("veiled.mp4.json").read_bytes())
    stranger.write_bytes(film.read_bytes())
    assert KnownMethod.of(stranger) is None


def test_the_method_is_read_from_the_record(veiled: Path) -> None:
    method = KnownMethod.of(veiled)
    assert method is not None
    assert method.preset == motionveil.PRESETS["secure"]
    assert "hair" in method.attributes


def test_people_and_the_trained_attacker(film: Path, veiled: Path, frames: UInt8Array, tmp_path: Path) -> None:
    other = write(tmp_path / "other.mkv", np.ascontiguousarray(255 - frames[:12, :, ::-1]))
    training = AttackerTraining(steps=2, seconds=None, width=4)
    attackers = Attackers(persons={"mirror": [film]}, train_on=[other], training=training)
    report = audit_video(film, veiled, attackers=attackers, pictures=False).report
    assert report["reconstruction"]["trained_network"]["psnr"] is not None
    people = report["reidentification"]
    assert "not_run" in people or people["chance"] == 0.5
    with pytest.raises(OptionError, match="no person is named anna"):
        audit_video(film, veiled, attackers=Attackers(shows="anna"))


def test_nothing_replaced(film: Path, tmp_path: Path) -> None:
    report = audit_video(film, film, pictures=True).report
    assert report["verdict"]["level"] == "leak"
    assert all(row["psnr"] is None for row in report["reconstruction"].values())
    assert report["hidden_share"] == 0


def test_the_command(run: Run, film: Path, veiled: Path, tmp_path: Path) -> None:
    code, out, _ = run("audit", film, veiled, "-o", tmp_path / "a")
    assert code == 0
    assert "report.html" in out
    assert "protect it like the original" in out
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"report.html", "report.json"}
    assert "pass --overwrite" in complaint(run("audit", film, veiled, "-o", tmp_path / "a"))
    for arguments, words in (
        ((film, tmp_path / "none.mp4"), "none.mp4"),
        ((tmp_path / "none.mkv", veiled), "none.mkv"),
        (("camera:0", veiled), "cameras cannot be audited"),
        ((film, veiled, "--person", "anna"), "NAME=FILE"),
        ((film, veiled, "--face-weights", film), "YuNet"),
        ((film, veiled, "--detector", tmp_path / "no.onnx"), "no.onnx"),
        ((film, veiled, "--hide", "beard"), "beard"),
    ):
        assert words in complaint(run("audit", *arguments, "-o", tmp_path / "b"))
        assert not (tmp_path / "b").exists()


def test_obfuscate_and_audit(run: Run, film: Path, tmp_path: Path) -> None:
    code, out, _ = run("obfuscate", film, "-o", tmp_path / "o.mp4", "--audit")
    assert code == 0
    assert (tmp_path / "o.mp4.audit" / "report.html").is_file()
    assert "o.mp4.audit" in out
    assert "omit --audit" in complaint(run("obfuscate", "camera:0", "-o", tmp_path / "p.mp4", "--audit"))
    (tmp_path / "q.mp4.audit").write_text("")
    with pytest.raises(OutputError):
        motionveil.audit.report.check_place(tmp_path / "q.mp4.audit", overwrite=True)
    assert "is a file" in complaint(run("obfuscate", film, "-o", tmp_path / "q.mp4", "--audit"))
    assert not (tmp_path / "q.mp4").exists()

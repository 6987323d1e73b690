"""The benchmark of how well people are hidden, on drawn frames whose answer is known."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from benchmarks import people
from benchmarks.excerpts import excerpts, windows
from benchmarks.faces import find_faces
from benchmarks.hidden_pixels import HIDDEN, by_colour, by_pixels, packed, recorded, states_of, unpacked
from benchmarks.hiding_tools import Folder, Run, frames_at, shown
from benchmarks.opacity_alone import OpacityAlone, settings_of
from benchmarks.people_measures import (
    Annotated,
    Head,
    agreed_faces,
    judged_faces,
    judged_frame,
    longest_run,
    overlap,
    read_annotations,
    summary,
    within_ellipse,
)
from benchmarks.people_photos import Tally, average_precision

import motionveil
from motionveil._core.errors import InputError, MotionveilError
from motionveil._core.types import UInt8Array

from ..conftest import ROOT, textured

SIZE = (96, 128)
BOX = (40.0, 20.0, 30.0, 40.0)


def encoded(frame: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """What a lossy encoder leaves."""
    noise = cv2.GaussianBlur(rng.normal(0, 6, frame.shape).astype(np.float32), (0, 0), 0.8)
    return np.clip(frame + noise, 0, 255).astype(np.uint8)


def states_with(*ellipses: tuple[float, float, float, float]) -> UInt8Array:
    return states_of(np.max([within_ellipse(box, SIZE) for box in ellipses], 0).astype(np.float32))


def test_states_survive_packing(rng: np.random.Generator) -> None:
    opacity = rng.choice(np.array([0, 0.4, 0.999, 1], np.float32), (33, 21))
    states = unpacked(packed(opacity))
    assert (states == states_of(opacity)).all()
    assert ((states == HIDDEN) == (opacity == 1)).all()
    assert ((states == 0) == (opacity == 0)).all()


def test_the_ellipse_fills_its_box() -> None:
    inside = within_ellipse(BOX, SIZE)
    rows, columns = np.nonzero(inside)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (20, 59, 40, 69)
    assert inside.sum() == pytest.approx(np.pi / 4 * 30 * 40, rel=0.02)


@pytest.mark.parametrize(("missing", "covered", "bare"), [(0.0, 1, 0), (0.1, 0, 0), (0.6, 0, 1)])
def test_a_head_is_covered_or_bare(missing: float, covered: int, bare: int) -> None:
    states = states_with(BOX)
    states[20 : 20 + round(missing * 40)] = 1
    frame = Annotated("a.mp4", 0, (Head(BOX, "back"),), (), ())
    made = summary([judged_frame(states, frame)])
    assert made.counts["heads: covered"] == (covered, 1)
    assert made.counts["heads: bare"] == (bare, 1)
    assert made.counts["heads: untouched"] == (0, 1)
    assert made.counts["heads, 40–80 px: covered"] == (covered, 1)
    assert made.counts["heads, 20–40 px: covered"] == (0, 0)
    assert made.counts["frames with an uncovered head of 20 px or more"] == (1 - covered, 1)


def test_background_begins_beyond_the_persons() -> None:
    person = (30.0, 10.0, 40.0, 60.0)
    frame = Annotated("a.mp4", 0, (), (person,), ((100, 0, 28, 96),))
    states = np.zeros(SIZE, np.uint8)
    states[:, 100:] = HIDDEN
    states[7:73, 27:73] = 1  # 5 % of 60 pixels around the person
    assert judged_frame(states, frame)["background"] == 0
    states[80, :10] = 1
    background = SIZE[0] * 100 - 66 * 46
    assert judged_frame(states, frame)["background"] == pytest.approx(10 / background)
    assert judged_frame(states, frame)["persons"][0]["hidden"] == 0


def test_frames_without_people_are_judged_by_themselves() -> None:
    states = np.zeros(SIZE, np.uint8)
    empty = judged_frame(states, Annotated("a.mp4", 0, (), (), ()))
    states[:48] = 1
    touched = judged_frame(states, Annotated("a.mp4", 1, (), (), ()))
    made = summary([empty, touched])
    assert made.values["touched in frames without people"] == pytest.approx(0.25)
    assert made.counts["frames without people that are touched"] == (1, 2)
    assert made.values["background touched"] is None


def smoothed(frame: UInt8Array) -> UInt8Array:
    return np.asarray(cv2.blur(frame, (15, 15)), np.uint8)


def noisy(frame: UInt8Array) -> UInt8Array:
    return textured(frame.shape[0], frame.shape[1], np.random.default_rng(99))


def solid(frame: UInt8Array) -> UInt8Array:
    return np.full_like(frame, 128)


@pytest.mark.parametrize(("filling", "least"), [(noisy, 0.93), (solid, 0.93), (smoothed, 0.85)])
def test_pixels_tell_what_is_hidden(
    filling: Callable[[UInt8Array], UInt8Array], least: float, rng: np.random.Generator
) -> None:
    original = textured(192, 256, rng)
    original[60:70, 100:110] = original[65, 105]  # a plain place, as a cheek
    truth = within_ellipse((70, 30, 70, 90), (192, 256))
    output = encoded(np.where(truth[..., None], filling(original), original), rng)
    found = by_pixels(original, output) == HIDDEN
    assert (found & truth).sum() / (found | truth).sum() >= least
    apart = cv2.dilate(truth.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert (found & apart).mean() < 0.002
    deep = cv2.erode(truth.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert found[deep].mean() >= 0.98


def test_encoding_hides_nothing(rng: np.random.Generator) -> None:
    original = textured(192, 256, rng)
    assert (by_pixels(original, original) == 0).all()
    assert (by_pixels(original, encoded(original, rng)) == 0).all()
    smaller = np.asarray(cv2.resize(original, (224, 168), interpolation=cv2.INTER_AREA), np.uint8)
    assert (by_pixels(original, smaller) == HIDDEN).mean() < 0.01


def test_a_hole_in_noise_stays_a_hole(rng: np.random.Generator) -> None:
    original = textured(192, 256, rng)
    truth = within_ellipse((60, 20, 120, 160), (192, 256)) & ~within_ellipse((105, 50, 24, 30), (192, 256))
    output = encoded(np.where(truth[..., None], noisy(original), original), rng)
    found = by_pixels(original, output) == HIDDEN
    assert found[within_ellipse((109, 55, 16, 20), (192, 256))].mean() < 0.05


def test_one_colour_is_told_exactly() -> None:
    output = np.zeros((4, 4, 3), np.uint8)
    output[1, 2] = (1, 255, 0)
    output[2, 2] = (0, 200, 0)
    assert np.argwhere(by_colour(output, (0, 255, 0)) == HIDDEN).tolist() == [[1, 2]]


def test_two_of_three_detectors_make_a_face() -> None:
    near, far = [10, 10, 20, 20, 0.9], [80, 10, 20, 20, 0.9]
    found = {"a": [near], "b": [[12, 10, 20, 20, 0.8], far], "c": [[200, 50, 20, 20, 0.8]]}
    assert agreed_faces(found) == [(11, 10, 20, 20)]
    found["c"].append([80, 12, 20, 20, 0.5])
    assert agreed_faces(found) == [(11, 10, 20, 20), (80, 11, 20, 20)]
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(1 / 3)


def test_the_longest_run_of_bare_faces_ends_with_its_clip() -> None:
    hidden, bare = states_with(BOX), np.zeros(SIZE, np.uint8)

    def frames(clip: str, shown: str) -> list[dict[str, object]]:
        return [judged_faces(bare if c == "b" else hidden, clip, i, [BOX], 0.5) for i, c in enumerate(shown)]

    judged = [*frames("a", "bbhbbb"), *frames("b", "bb")]
    assert longest_run(judged) == 1.5
    made = summary([], judged)
    assert made.counts["faces: bare"] == (7, 8)
    assert made.counts["faces: covered"] == (1, 8)
    assert longest_run(frames("a", "hh")) == 0


def test_the_annotations_can_be_read() -> None:
    frames = read_annotations(ROOT / "tests" / "golden" / "heads.json")
    assert sum(len(frame.heads) for frame in frames) >= 34
    assert {head.kind for frame in frames for head in frame.heads} <= {"frontal", "profile", "back", "small"}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"frames": [{"clip": "a", "frame": 0, "heads": [{"box": [0, 0, 0, 5]}]}]}']
)
def test_what_holds_no_heads_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "heads.json").write_text(text)
    with pytest.raises(InputError, match="heads"):
        read_annotations(tmp_path / "heads.json")


def write(path: Path, frames: UInt8Array, rate: int = 25) -> None:
    height, width = frames.shape[1:3]
    info = motionveil.VideoInfo(width, height, Fraction(rate), len(frames), None, "h264", "yuv420p")
    path.parent.mkdir(parents=True, exist_ok=True)
    with motionveil.VideoWriter(path, info) as writer:
        writer.write(motionveil.Clip(frames, 0, tuple(Fraction(t, rate) for t in range(len(frames)))))


@pytest.fixture
def clip(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A data folder with one clip of 6 frames, 128 by 96, two heads in one frame, and nobody in another."""
    picture = textured(*SIZE, rng)
    write(tmp_path / "data" / "clips" / "sub" / "film.mp4", np.stack([np.roll(picture, t, 1) for t in range(6)]))
    heads = [{"box": list(BOX), "kind": "frontal"}, {"box": [90, 60, 20, 20], "kind": "back"}]
    frames = [
        {"clip": "sub/film.mp4", "frame": 2, "heads": heads, "persons": [[40, 20, 30, 76]], "ignore": []},
        {"clip": "sub/film.mp4", "frame": 4, "heads": [], "persons": [], "ignore": []},
    ]
    (tmp_path / "heads.json").write_text(json.dumps({"frames": frames}))
    return tmp_path


def run(clip: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, dict[str, dict[str, list[int]]]]:
    given = ["--data", str(clip / "data"), "-o", str(clip / "work"), "--heads", str(clip / "heads.json"), *arguments]
    monkeypatch.setattr(sys, "argv", ["people.py", *given])
    people.main()
    record = json.loads((clip / "work" / "people.json").read_text())
    return {name: tool["summary"] for name, tool in record["tools"].items()}


def test_another_tools_folder_is_judged_by_pixels(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.stack([f for _, f in frames_at(clip / "data" / "clips" / "sub" / "film.mp4", range(6))])
    frames[:, 16:64, 36:74] = 128  # one of the two heads
    write(clip / "other" / "film.mp4", frames)
    made = run(clip, monkeypatch, "--tool", f"other={clip / 'other'}")["other"]
    assert made["counts"]["heads: covered"] == [1, 2]
    assert made["counts"]["heads: bare"] == [1, 2]
    assert made["counts"]["frames without people that are touched"] == [1, 1]
    sheets = {path.name for path in (clip / "work" / "sheets" / "other").iterdir()}
    assert sheets == {"sub-film-000002.png", "sub-film-000004.png"}
    table = (clip / "work" / "people.md").read_text()
    assert "| heads: covered | 1/2 (50 %) |" in table
    assert "nothing is known" in table


def test_an_own_run_is_judged_by_its_opacity(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = "--hide nothing --area rect:85,55,30,30"
    made = run(clip, monkeypatch, "--run", f"area={options}", "--pixels")
    for name in ("area", "area (pixels)"):
        assert made[name]["counts"]["heads, back: covered"] == [1, 1], name
        assert made[name]["counts"]["heads, frontal: bare"] == [1, 1], name
    record = json.loads((clip / "work" / "people.json").read_text())["tools"]
    assert record["area"]["speed"]["frames"] == 6
    assert record["area"]["speed"]["processor_s"] > 0
    assert record["area (pixels)"]["agreement"]["heads with the verdict of opacity 1"] == 1
    kept = clip / "work" / "outputs" / "area" / "sub-film.mp4"
    before = kept.stat().st_mtime_ns
    run(clip, monkeypatch, "--run", f"area={options}")
    assert kept.stat().st_mtime_ns == before
    with pytest.raises(SystemExit) as ended:
        run(clip, monkeypatch, "--run", "area=--hide nothing --whole-frame")
    assert ended.value.code == 2


def test_opacity_alone_is_that_of_the_run(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = "--hide nothing --area rect:85,55,30,30"
    made = run(clip, monkeypatch, "--run", f"area={options}", "--opacity-alone")["area"]
    assert made["counts"]["heads, back: covered"] == [1, 1]
    assert made["counts"]["heads, frontal: bare"] == [1, 1]
    assert not (clip / "work" / "outputs").exists()
    tool = OpacityAlone("area", "--hide nothing --whole-frame", clip / "work")
    tool.make(clip / "data" / "clips", "sub/film.mp4")
    assert (recorded(tool.record("sub/film.mp4"), 5) == HIDDEN).all()


def test_excerpts_show_what_the_clip_shows(clip: Path) -> None:
    clips, annotations = clip / "data" / "clips", read_annotations(clip / "heads.json")
    made = excerpts(clips, annotations, clip / "pieces", seconds=0.04)
    assert [(one.clip, one.frame) for one in made] == [("sub-film-000001-000005.mkv", frame) for frame in (1, 3)]
    for one, frame in zip(made, annotations, strict=True):
        assert one.heads == frame.heads
        ((_, piece),) = frames_at(clip / "pieces" / one.clip, [one.frame])
        ((_, whole),) = frames_at(clips / frame.clip, [frame.frame])
        assert (piece == whole).all()
    assert windows([2, 4, 40], 1, 1, 41) == [(1, 6), (39, 41)]


def test_outputs_that_do_not_fit_are_refused(clip: Path, rng: np.random.Generator) -> None:
    clips = clip / "data" / "clips"
    frames = np.stack([textured(*SIZE, rng)] * 3)
    write(clip / "short" / "sub" / "film.mkv", frames)
    with pytest.raises(InputError, match="no frame 4"):
        list(shown(Folder("short", clip / "short"), clips, "sub/film.mp4", [2, 4]))
    write(clip / "slow" / "film.mp4", frames, rate=12)
    with pytest.raises(InputError, match="frames per second"):
        list(shown(Folder("slow", clip / "slow"), clips, "sub/film.mp4", [2]))
    with pytest.raises(InputError, match="no output"):
        list(shown(Folder("none", clip / "none"), clips, "sub/film.mp4", [2]))


def test_a_tool_that_fails_is_no_result(clip: Path) -> None:
    tool = Run("bad", "--no-such-option", clip / "work")
    with pytest.raises(MotionveilError, match="no-such-option"):
        tool.make(clip / "data" / "clips", "sub/film.mp4")
    assert tool.output("sub/film.mp4") is None


def test_faces_that_were_found_are_kept(clip: Path) -> None:
    work = clip / "work"
    work.mkdir()
    found = {"yunet": [[40, 20, 30, 40, 0.9]], "mtcnn": [[42, 20, 30, 40, 0.9]], "mediapipe": []}
    (work / "faces.json").write_text(json.dumps({"sub-film/000001": found}))
    faces = find_faces(clip / "data" / "clips", "sub/film.mp4", [1, 3], 0.08, work)
    assert faces.frames == {1: [(41, 20, 30, 40)]}


def test_average_precision_is_sklearns(rng: np.random.Generator) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="this needs scikit-learn")
    truth = rng.random(2000) < 0.2
    scores = (np.clip(0.3 * truth + rng.random(2000) * 0.7, 0, 1) * 4095).astype(int) / np.float32(4095)
    expected = metrics.average_precision_score(truth, scores)
    assert average_precision(scores.astype(np.float32), truth) == pytest.approx(expected, abs=2e-3)
    assert average_precision(scores.astype(np.float32), np.zeros(2000, bool)) is None


def test_photos_are_tallied_by_what_hangs_together() -> None:
    labels = np.zeros(SIZE, np.uint8)
    labels[10:40, 10:20], labels[10:60, 60:80], labels[90:, :] = 1, 1, 255
    opacity = np.zeros(SIZE, np.float32)
    opacity[10:40, 10:20], opacity[70:80, 0:10] = 1, 0.5
    tally = Tally()
    tally.add(states_of(opacity), opacity, labels)
    made = tally.figures()
    assert made["person pixels hidden"] == pytest.approx(300 / 1300)
    assert made["background touched"] == pytest.approx(100 / (90 * 128 - 1300))
    assert made["people 20–40 px (1): covered"] == 1
    assert made["people 40–80 px (1): bare"] == 1


def test_options_mean_what_the_command_line_means() -> None:
    where, networks = settings_of("--hide face --margin 0.03")
    assert tuple(where.hide) == ("face",)
    assert networks.preset.coverage.margin == 0.03

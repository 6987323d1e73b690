"""Templates for any backbone, and the presets of the published method, on a photograph of a person."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from motionveil import drawing
from motionveil._core.errors import OptionError, TemplateError
from motionveil._core.types import UInt8Array
from motionveil.detection.features import PartsEncoder, ViTEncoder
from motionveil.detection.template_transfer import draw_found, find_templates
from motionveil.detection.templates import GROUPS, Template, TemplateLibrary, built_in_library
from motionveil.noise import KINETICS, measure_statistics
from motionveil.obfuscation.factory import Networks, build_obfuscator, choose_templates
from motionveil.obfuscation.presets import PRESETS, get_preset
from motionveil.pipeline.obfuscation import obfuscate_video
from motionveil.pipeline.runner import Window, first_frames

from ..cli.test_commands import Run, complaint, run
from ..models.test_raft import shapes, tensors
from ..pipeline.test_obfuscation import read, write

__all__ = ["run"]


@pytest.fixture(scope="module")
def person() -> UInt8Array:
    """Five frames (256, 256) of a photograph in the public domain; the camera moves a little. The head is at 110,55."""
    data = pytest.importorskip("skimage.data")
    picture = np.asarray(data.astronaut(), np.uint8)[::2, ::2]
    return np.stack([np.roll(picture, t, axis=1) for t in range(5)])


@pytest.fixture
def vit(random_vit_file: Path) -> ViTEncoder:
    return ViTEncoder(weights=random_vit_file, short_side=128, stride=8)


@pytest.fixture(scope="module")
def raft_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "raft.pth"
    torch.save(tensors(shapes("small")), path)
    return path


def test_parts_are_found_where_they_are(person: UInt8Array, vit: ViTEncoder) -> None:
    finder = PartsEncoder(short_side=768, levels=3)
    found = {
        item.template.name: item
        for item in find_templates(built_in_library().select("face,hair,torso"), person, finder, vit)
    }
    for name, (x, y), reach in (
        ("hair", (110, 25), 36),
        ("forehead", (111, 36), 14),
        ("eyes", (112, 52), 20),
        ("torso", (110, 150), 70),
    ):
        item = found[name]
        assert np.hypot(item.point.x - item.frame - x, item.point.y - y) < reach, (name, item.point)
        assert item.similarity > 0.7
        assert item.template.fingerprint == vit.fingerprint
    sheet = draw_found([found["hair"], found["torso"]], person)
    assert sheet.shape[0] > 2 * 200


def test_what_is_not_there_is_not_found(vit: ViTEncoder) -> None:
    wall = np.full((2, 128, 128, 3), 128, np.uint8)
    found = find_templates(built_in_library().select("hair,leg"), wall, PartsEncoder(short_side=768, levels=3), vit)
    assert found == []
    with pytest.raises(TemplateError, match="hair, leg could not be found"):
        choose_templates("hair,leg", vit, frames=lambda: wall)


def test_templates_are_chosen_or_found(person: UInt8Array, vit: ViTEncoder) -> None:
    choice = choose_templates("hair,eyes,hand", vit, frames=lambda: person)
    assert [template.name for template in choice.templates] == ["hair", "eyes"]
    assert choice.missing == ("hand",)
    # What is kept does not change what is an error.
    kept = TemplateLibrary([*built_in_library(), choice.templates[0]])
    assert choose_templates("hair,hand", vit, library=kept, frames=lambda: person).missing == ("hand",)
    with pytest.raises(TemplateError, match="hand could not be found"):
        choose_templates("hair,eyes,hand", vit, frames=lambda: person, strict=True)
    # Those that are there already are taken, and no frames are looked at.
    library = TemplateLibrary([*built_in_library(), *choice.templates])
    again = choose_templates("hair,eyes", vit, library=library)
    assert again.templates == choice.templates
    assert again.found == ()
    for frames in (None, lambda: None):
        with pytest.raises(OptionError, match="motionveil template find"):
            choose_templates("hair", vit, frames=frames)
    alien = Template("logo", np.eye(1, 8, dtype=np.float32)[0], "another:0", "")
    with pytest.raises(TemplateError, match="was made with another:0"):
        choose_templates("logo", vit, library=TemplateLibrary([alien]), frames=lambda: person)


def test_one_name_for_several_extractors(vit: ViTEncoder, tmp_path: Path) -> None:
    other = Template("hair", np.eye(1, 128, dtype=np.float32)[0], vit.fingerprint, "elsewhere")
    library = built_in_library().with_template(other)
    assert len(library) == len(built_in_library()) + 1
    assert library["hair"].fingerprint != vit.fingerprint
    assert list(library.made_with(vit.fingerprint)) == [other]
    library.save(tmp_path / "both.safetensors")
    read_back = TemplateLibrary.load(tmp_path / "both.safetensors")
    assert [(t.name, t.fingerprint, t.origin) for t in read_back] == [
        (t.name, t.fingerprint, t.origin) for t in library
    ]
    assert "hair" not in library.without("hair")


def test_the_sets_of_the_paper() -> None:
    assert GROUPS["ipn"] == ("cheek", "eyes", "forehead", "hair")
    assert GROUPS["kth"] == GROUPS["sbu"] == ("torso", "arm", "leg", "hair")
    assert [t.name for t in built_in_library().select("kth")] == list(GROUPS["kth"])


def test_the_preset_is_the_published_method() -> None:
    paper = get_preset("paper")
    assert (paper.features, paper.flow, paper.filler) == ("dino_vits8", "raft", "motion_noise")
    assert (paper.coverage.combine, paper.coverage.thresholds) == ("mean", (0, 1))
    assert (paper.coverage.keyframe_every, paper.coverage.margin, paper.coverage.hold) == (1, 0, 0)
    assert paper.filler_options == {"transport": "first_frame", "grain": 1, "statistics": "kinetics"}
    assert get_preset("paper_fast").coverage.keyframe_every > 1
    assert set(PRESETS) == {"secure", "figure_ground", "paper", "paper_fast"}


def test_other_features_start_from_their_own_settings() -> None:
    secure = get_preset("secure")
    assert secure.with_features("parts", short_side=200).feature_options == {"short_side": 200, "levels": 2}
    assert secure.with_features("dino_vits8", stride=8).feature_options == {"stride": 8}
    assert secure.for_still().feature_options == {"short_side": 448, "levels": 2, "mirrored": True}
    finer = secure.with_features("parts", short_side=200, mirrored=False)
    assert finer.for_still().feature_options == {"short_side": 200, "levels": 2, "mirrored": False}
    assert secure.with_features("dino_vits8").for_still().feature_options == {}
    for name, words in (("clip", "unknown features 'clip'"), ("parts", "has no option stride")):
        with pytest.raises(OptionError, match=words):
            Networks(secure.with_features(name, stride=8)).extractor()
    with pytest.raises(OptionError, match="unknown flow 'none'"):
        _ = Networks(secure.with_flow("none")).flow
    with pytest.raises(OptionError, match="dis has no option scale"):
        _ = Networks(secure.with_flow("dis", scale=0.5)).flow


def test_what_protects_leaves_nothing_to_chance() -> None:
    secure = get_preset("secure")
    assert secure.strict
    assert not get_preset("paper").strict
    with pytest.raises(OptionError, match="colours of the video"):
        secure.with_filler("motion_noise", statistics="video")
    with pytest.raises(OptionError, match="match_first"):
        replace(secure, coverage=replace(secure.coverage, match_first=True))


def test_statistics_of_the_video(person: UInt8Array, random_vit_file: Path, raft_file: Path) -> None:
    measured = measure_statistics(person)
    assert measured.mean == pytest.approx((person / 255).mean((0, 1, 2)), abs=1e-4)
    assert measured.std == pytest.approx((person / 255).std((0, 1, 2)), abs=1e-4)
    assert str(round(measured.mean[0], 2)) not in repr(measured)  # it goes into records


def test_frames_to_look_at_beforehand(person: UInt8Array, tmp_path: Path) -> None:
    video = write(tmp_path / "film.mp4", np.concatenate([person] * 20))
    frames = first_frames(video, Window(start=0.2), seconds=1, count=4)
    assert frames is not None
    assert frames.shape == (4, 256, 256, 3)
    assert first_frames("-", Window()) is None
    assert first_frames(0, Window()) is None
    # Few of many: spread over the time that was asked for.
    numbered = np.stack([np.full((64, 64, 3), 2 * t, np.uint8) for t in range(100)])
    shades = first_frames(write(tmp_path / "shades.mkv", numbered, codec="ffv1"), Window(), seconds=2, count=5)
    assert shades is not None
    shown = shades[:, 0, 0, 0] / 2
    assert len(shown) == 5
    assert shown[0] == pytest.approx(0, abs=1)
    assert 40 <= shown[-1] <= 60
    assert np.diff(shown).min() >= 8
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=lambda: pipe.write_bytes(video.read_bytes()), daemon=True)
    feeder.start()
    assert first_frames(pipe, Window()) is None


def test_the_whole_paper_preset(person: UInt8Array, tmp_path: Path, random_vit_file: Path, raft_file: Path) -> None:
    """What the method says, by hand: mean of clamped cosines, and noise moved by one step of flow."""
    preset = get_preset("paper").with_features("dino_vits8", weights=random_vit_file, short_side=64, stride=8)
    networks = Networks(preset.with_flow("raft", weights=raft_file, iterations=2))
    video = write(tmp_path / "film.mkv", person, codec="ffv1")
    result = obfuscate_video(
        video, tmp_path / "out.mkv", hide="ipn", networks=networks, preview=True, record=True, seed=3
    )
    assert result.num_frames == 5
    settings = json.loads((tmp_path / "out.mkv.json").read_text())["settings"]
    assert settings["preset"] == "paper"
    assert "dino_vits8" in settings["extractor"]
    found = json.loads((tmp_path / "out.mkv.json").read_text())["found"]
    assert {item["name"] for item in found} == set(GROUPS["ipn"])
    assert "raft.pth" in settings["flow"]
    # The sheet shows first where the templates were found.
    assert result.sheet is not None
    assert read(result.sheet)[0].shape[1] > 5 * 100
    method = build_obfuscator(
        hide="ipn", preset=preset, extractor=networks.extractor(), flow=networks.flow, seed=3, frames=person
    )
    (clip,) = method.stream(clips_of_video(video))
    from motionveil.fillers import MotionNoise
    from motionveil.flow import with_motion

    (moving,) = with_motion(clips_of_video(video), networks.flow)
    (noise,) = MotionNoise(transport="first_frame", grain=1, statistics=KINETICS, seed=3).stream([moving])
    extractor = networks.extractor()
    templates = choose_templates("ipn", extractor, frames=lambda: person).templates
    for index, frame in enumerate(person):
        grid = extractor(frame[None])
        cosines = np.clip(grid.descriptors[0] @ np.stack([t.vector for t in templates]).T, 0, 1).mean(-1)
        big = torch.nn.functional.interpolate(torch.from_numpy(cosines)[None, None], (256, 256), mode="bilinear")
        saliency = big[0, 0].numpy()[..., None]
        expected = frame + saliency * (noise[index].astype(np.float32) - frame)
        assert np.abs(clip.frames[index] - expected).max() < 1.5


def clips_of_video(path: Path) -> list:  # type: ignore[type-arg]
    from motionveil.video import open_source

    with open_source(path) as source:
        return list(source)


def test_the_command_line(run: Run, person: UInt8Array, tmp_path: Path, random_vit_file: Path, raft_file: Path) -> None:
    video = write(tmp_path / "film.mp4", person)
    features = ["--features", "dino_vits8", "--weights", random_vit_file, "--stride", 8]
    # Not there yet: found in the first frames, and said what is missing.
    code, _, err = run(
        "obfuscate", video, "-o", tmp_path / "o.mp4", "--preset", "paper_fast", "--hide", "hair,hand", *features,
        "--flow-weights", raft_file, "--flow-iterations", 1, "--flow-scale", 0.5, "--short-side", 64, "--match-first",
        "--recheck", 0.2, "--statistics", "video", "--precision", "int8",
    )  # fmt: skip
    assert code == 0, err
    assert "protects nobody" in err
    assert "film.mp4: hand could not be found in the first frames" in err
    coverage = json.loads((tmp_path / "o.mp4.json").read_text())["settings"]["coverage"]
    assert (coverage["match_first"], coverage["recheck"]) == (True, 0.2)
    # Made once and kept.
    find = ["template", "find", "hair,eyes", "--image", video, *features]
    code, out, err = run(*find, "-o", tmp_path / "found.png")
    assert code == 0, err
    assert "hair" in out
    assert read(tmp_path / "found.png")[0].shape[0] == 1
    assert "already exists" in complaint(run(*find, "-o", tmp_path / "again.png"))
    assert "choose the features" in complaint(
        run("template", "find", "hair", "--image", video, "-o", tmp_path / "x.png")
    )
    listing = run("template", "list")[1]
    assert len([line for line in listing.splitlines() if line.startswith("hair ")]) == 2
    assert "template find" in complaint(
        run("template", "show", "torso", "--image", video, "-o", tmp_path / "t.png", *features)
    )
    code, out, _ = run("template", "show", "eyes", "--image", video, "-o", tmp_path / "show.png", *features)
    assert float(out.split("maximum similarity ")[1].split()[0]) > 0.85
    code, _, err = run("saliency", video, "-o", tmp_path / "maps", "--attributes", "hair,eyes", *features)
    assert code == 0, err
    assert len(list((tmp_path / "maps" / "film" / "eyes").glob("*.png"))) == 5
    # Out and in again, and away, each for its features.
    assert run("template", "export", tmp_path / "hair.safetensors", "hair")[0] == 0
    assert len(TemplateLibrary.load(tmp_path / "hair.safetensors")) == 1  # the built-in one stays where it is
    assert "already exist" in run("template", "import", tmp_path / "hair.safetensors")[1]
    assert run("template", "remove", "hair", "--features", "dino_vits8")[0] == 0
    assert "you have no template" in complaint(run("template", "remove", "hair", "--features", "dino_vits8"))
    assert "hair for dino_vits8" in run("template", "import", tmp_path / "hair.safetensors")[1]
    # One of the published code.
    torch.save(torch.randn(1, 1, 1, 128), tmp_path / "mouth.pt")
    assert run("template", "add", "mouth", "--descriptor", tmp_path / "mouth.pt", *features)[0] == 0
    assert "give --image and --point" in complaint(run("template", "add", "nose", *features))
    assert "Give --point X,Y" in complaint(run("template", "add", "nose", "--image", "a.png", *features))


def test_missing_weights_are_one_sentence(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIONVEIL_WEIGHTS", str(tmp_path / "none"))
    drawing.write_image(tmp_path / "a.png", np.zeros((64, 64, 3), np.uint8))
    text = complaint(run("template", "find", "hair", "--image", tmp_path / "a.png", "--features", "dino_vits8"))
    assert "motionveil weights fetch dino_vits8" in text


def test_a_preset_survives_its_record(tmp_path: Path) -> None:
    for preset in PRESETS.values():
        assert get_preset(preset.name).from_record(json.loads(json.dumps(preset.as_record()))) == preset
    changed = get_preset("secure").with_flow("raft", weights=str(tmp_path / "secret" / "small.pth"), scale=0.5)
    changed = changed.with_filler("solid", colour="#010203")
    told = changed.as_record()
    assert told["flow_options"] == {"weights": "small.pth", "scale": 0.5}
    assert told["filler_options"] == {"colour": "#010203"}
    assert "secret" not in json.dumps(told)
    for wrong in ({}, {**told, "coverage": {"margins": 1}}, {**told, "colour": 3}):
        with pytest.raises(OptionError, match="invalid settings for this version"):
            type(changed).from_record(wrong)

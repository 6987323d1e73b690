"""Where to replace, as it is said in Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import motionveil
from motionveil import drawing
from motionveil._core.errors import OptionError
from motionveil._core.types import UInt8Array
from motionveil.cli.regions import Area, Person
from motionveil.regions import Pick, Polygon, Rectangle, Shape, Where, WholeFrame

from ..cli.test_commands import Run, complaint, run
from ..conftest import clips_of, textured
from ..pipeline.test_obfuscation import read, write

__all__ = ["run"]

LEFT, RIGHT = Rectangle(0, 0, "50%", "100%"), Rectangle("50%", 0, "50%", "100%")
SIZE = (64, 96)


@pytest.fixture
def video(tmp_path: Path, rng: np.random.Generator) -> Path:
    return write(tmp_path / "in.mp4", np.stack([textured(*SIZE, rng)] * 8))


def hidden(where: Where, frames: UInt8Array | None = None) -> UInt8Array:
    """Where a description without templates hides, in percent, (H, W) of the first frame."""
    clips = clips_of(np.zeros((1, *SIZE, 3), np.uint8) if frames is None else frames)
    (found,) = where.region().stream(clips)
    return np.rint(100 * found[0]).astype(np.uint8)


def halves(left: int, right: int) -> UInt8Array:
    return np.repeat(np.array([left, right], np.uint8), SIZE[1] // 2)[None].repeat(SIZE[0], 0)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Where(hide=(), areas=(LEFT,)), halves(100, 0)),
        (Where(hide=(), areas=(LEFT, RIGHT)), halves(100, 100)),
        (Where(hide=(), areas=(LEFT,), inverse=True), halves(0, 100)),
        (Where(whole_frame=True), halves(100, 100)),
        (Where(whole_frame=True, only_in=(RIGHT,)), halves(0, 100)),
        (Where(whole_frame=True, except_areas=(RIGHT,)), halves(100, 0)),
        (Where(whole_frame=True, except_areas=(RIGHT,), strength=0.3), halves(30, 0)),
        (Where(hide=(), areas=(LEFT,), inverse=True, only_in=(LEFT, RIGHT), except_areas=(LEFT,)), halves(0, 100)),
    ],
)
def test_all_apply_in_their_order(where: Where, expected: UInt8Array) -> None:
    assert np.array_equal(hidden(where), expected)


def test_masks_hide_and_keep(tmp_path: Path) -> None:
    drawing.write_image(tmp_path / "left.png", np.repeat(halves(255, 0)[..., None], 3, 2))
    mask = tmp_path / "left.png"
    assert np.array_equal(hidden(Where(hide=(), masks=(mask,))), halves(100, 0))
    assert np.array_equal(hidden(Where(whole_frame=True, except_masks=(mask,))), halves(0, 100))


def test_no_network_is_loaded_where_none_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("motionveil.obfuscation.factory.Networks.extractor", None)
    assert isinstance(motionveil.build_obfuscator(where=Where(whole_frame=True)).region, WholeFrame)
    assert motionveil.build_obfuscator(where=Where(hide=(), areas=(LEFT,))).region is LEFT
    with pytest.raises(TypeError):
        motionveil.build_obfuscator(where=Where(areas=(LEFT,)))


def test_what_hides_nothing_is_refused() -> None:
    for wrong in (
        {"hide": ()},
        {"hide": (), "inverse": True},
        {"whole_frame": True, "inverse": True},
        {"strength": 0.0},
    ):
        with pytest.raises(OptionError):
            Where(**wrong)
    with pytest.raises(OptionError, match="either"):
        motionveil.build_obfuscator(hide="head", where=Where())


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("rect:1,2,3,4", Rectangle(1, 2, 3, 4)),
        ("rect:10%,2.5,3,40%@2-5.5", Rectangle("10%", 2.5, 3, "40%", 2, 5.5)),
        ("rect:-5,2,30,4@3-", Rectangle(-5, 2, 30, 4, 3, None)),
        ("rect:1,2,3,4@-5", Rectangle(1, 2, 3, 4, None, 5)),
        ("polygon:0,0, 50%,0, 0,50%@0-1", Polygon(((0, 0), ("50%", 0), (0, "50%")), 0, 1)),
    ],
)
def test_areas_are_read(text: str, area: Shape) -> None:
    found = Area().convert(text, None, None)
    assert np.array_equal(found.drawn(*SIZE), area.drawn(*SIZE))
    assert (found.times, type(found)) == (area.times, type(area))


def test_people_are_read() -> None:
    assert Person().convert("312,140@2.5", None, None) == Pick(312, 140, 2.5)
    assert Person().convert("312,140.5", None, None) == Pick(312, 140.5, 0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--area", "circle:1,2,3"), "invalid area"),
        (("--area", "rect:1,2,3"), "invalid area"),
        (("--area", "rect:1,2,3,x"), "invalid length"),
        (("--area", "rect:1,2,3,4@5-2"), "must come after"),
        (("--area", "rect:1,2,3,4@5"), "invalid time range"),
        (("--area", "rect:1,2,3,4@"), "invalid time range"),
        (("--area", "polygon:1,2,3,4"), "invalid area"),
        (("--area", "rect:500,2,30,4"), "is outside the "),
        (("--mask", "none.png"), "does not exist"),
        (("--hide", "nothing"), "nothing would be hidden"),
        (("--hide", "nothing", "--inverse"), "--whole-frame instead"),
        (("--hide", "nothing,head"), "combines nothing with other names"),
        (("--whole-frame", "--inverse"), "hides nothing"),
        (("--whole-frame", "--strength", "1.5"), "at most 1"),
        (("--whole-frame", "--keep-person", "4"), "expected X,Y or X,Y@SECONDS"),
        (("--whole-frame", "--keep-person", "4,5@-2"), "from 0 up"),
    ],
)
def test_what_a_person_may_get_wrong(run: Run, video: Path, options: tuple[str, ...], says: str) -> None:
    before = set(video.parent.iterdir())
    code, out, err = run("obfuscate", video, *options)
    assert (code, out) == (2, ""), err
    last = err.strip().splitlines()[-1]
    assert last.startswith("motionveil: error: ")
    assert says in last
    assert set(video.parent.iterdir()) == before


def test_a_click_on_nobody_leaves_nothing(run: Run, video: Path) -> None:
    code, _, err = run("obfuscate", video, "--keep-person", "40,30")
    assert code == 2
    assert "nobody was found at 40,30" in err
    assert "motionveil: the person at 40,30 stays visible" in err
    assert [path.name for path in video.parent.iterdir() if "veiled" in path.name] == []


def test_an_area_for_a_while(run: Run, video: Path) -> None:
    target = video.with_name("out.mkv")
    code, _, err = run(
        "obfuscate", video, "-o", target, "--hide", "nothing", "--area", "rect:0,0,50%,100%@0.16-0.24",
        "--codec", "ffv1", "--filler", "solid", "-q",
    )  # fmt: skip
    assert code == 0, err
    (before, _), (after, _) = read(video), read(target)
    changed = np.abs(before.astype(int) - after).max(-1) > 3
    assert np.flatnonzero(changed.any((1, 2))).tolist() == [4, 5]
    assert changed[4, :, : SIZE[1] // 2].mean() > 0.9
    assert not changed[4, :, SIZE[1] // 2 :].any()
    settings = json.loads(target.with_name("out.mkv.json").read_text())["settings"]
    assert settings["region"] == "Rectangle(x='0', y='0', width='50%', height='100%', start=0.16, end=0.24)"
    assert settings["coverage"] is None


def test_times_and_masks_with_a_later_start(run: Run, video: Path, tmp_path: Path) -> None:
    """Times are the source's, and masks begin where the video does."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for index in range(8):
        drawing.write_image(folder / f"{index}.png", np.full((*SIZE, 3), 255 * (index == 5), np.uint8))
    for name, options in (("area", ("--area", "rect:0,0,100%,100%@0.2-0.24")), ("mask", ("--mask", folder))):
        target = video.with_name(f"{name}.mkv")
        code, _, err = run(
            "obfuscate", video, "-o", target, "--hide", "nothing", *options, "--start", "0.12", "--codec", "ffv1",
            "--filler", "solid", "-q",
        )  # fmt: skip
        assert code == 0, err
        changed = np.abs(read(video)[0][3:].astype(int) - read(target)[0]).max((1, 2, 3)) > 5
        assert np.flatnonzero(changed).tolist() == [2], name
    settings = json.loads(video.with_name("mask.mkv.json").read_text())["settings"]
    assert settings["region"] == "MaskVideo('masks')"


def test_a_mask_that_does_not_fit_leaves_nothing(run: Run, video: Path, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    for index in range(7):
        drawing.write_image(folder / f"{index}.png", np.zeros((*SIZE, 3), np.uint8))
    assert "has 7 frames, fewer than the video" in complaint(
        run("obfuscate", video, "--mask", folder, "--hide", "nothing")
    )
    assert [path.name for path in tmp_path.iterdir() if "veiled" in path.name] == []


def test_a_mask_is_never_replaced(run: Run, video: Path, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    drawing.write_image(mask, np.full((*SIZE, 3), 255, np.uint8))
    before = mask.read_bytes()
    picture = tmp_path / "picture.png"
    drawing.write_image(picture, textured(*SIZE, np.random.default_rng(0)))
    code, _, _ = run("obfuscate", picture, "-o", mask, "--hide", "nothing", "--mask", mask, "--overwrite")
    assert code == 2
    assert mask.read_bytes() == before
    assert run("obfuscate", picture, "--hide", "nothing", "--mask", mask)[0] == 0

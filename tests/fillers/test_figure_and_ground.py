"""Figures on a ground: what is drawn, and that nothing of the picture is in it but outline and motion."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import motionveil
from motionveil import drawing, ops
from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, Float32Array, UInt8Array
from motionveil.fillers import FigureAndGround, draws_ground
from motionveil.flow import DISFlow, with_motion
from motionveil.noise import camera_motion
from motionveil.obfuscation.factory import choose_region
from motionveil.obfuscation.obfuscators import Selective
from motionveil.obfuscation.presets import PRESETS, Preset
from motionveil.obfuscation.settings_warnings import weaknesses
from motionveil.regions import FigureOnGround, Rectangle, TemplateSaliency, Union, Where, WholeFrame, seen

from ..cli.test_commands import Run, complaint, run
from ..conftest import BRIGHT, BrightnessExtractor, ConstantFlow, clips_of, textured
from ..pipeline.test_obfuscation import read, write

__all__ = ["run"]

HEIGHT, WIDTH = 120, 160
PRESET = PRESETS["figure_ground"]


def disc(x: float, y: float, radius: float) -> Float32Array:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return ((columns - x) ** 2 + (rows - y) ** 2 < radius**2).astype(np.float32)


def film(count: int = 8) -> tuple[UInt8Array, Float32Array]:
    """A textured disc moves by 3 pixels a frame over a textured ground at rest, and where it is."""
    rng = np.random.default_rng(2)
    ground, texture = textured(HEIGHT, WIDTH, rng) // 3, 150 + textured(HEIGHT, WIDTH, rng) // 3
    masks = np.stack([disc(50 + 3 * t, 60, 28) for t in range(count)])
    return np.stack(
        [np.where(mask[..., None] > 0, np.roll(texture, 3 * t, 1), ground) for t, mask in enumerate(masks)]
    ), masks


def known(clips: list[Clip], masks: Float32Array) -> list[Clip]:
    """Clips of which flow and figure are known."""
    return [
        replace(
            clip,
            figure=masks[clip.start : clip.start + len(clip)],
            opacity=np.ones((len(clip), HEIGHT, WIDTH), np.float32),
        )
        for clip in with_motion(clips, DISFlow())
    ]


def drawn(clips: list[Clip], **options: object) -> UInt8Array:
    filler = FigureAndGround(**{"seed": 3, **options})  # type: ignore[arg-type]
    return np.concatenate(list(filler.stream(clips)))


def test_it_depends_on_figure_and_motion_alone() -> None:
    frames, masks = film()
    clips = known(clips_of(frames), masks)
    strange = [
        replace(clip, frames=np.random.default_rng(5).integers(0, 256, clip.frames.shape, np.uint8)) for clip in clips
    ]
    assert np.array_equal(drawn(clips), drawn(strange))


def test_degrees_of_certainty_are_not_shown() -> None:
    frames, masks = film()
    clips = known(clips_of(frames), masks)
    doubtful = [replace(clip, figure=0.05 + 0.6 * masks) for clip in clips]
    for options in ({}, {"light": False}):
        assert np.array_equal(drawn(clips, **options), drawn(doubtful, **options))


def test_clips_do_not_matter_and_seeds_do() -> None:
    frames, masks = film()
    whole = drawn(known(clips_of(frames), masks))
    for lengths in ([1] * 8, [3, 5]):
        assert np.array_equal(drawn(known(clips_of(frames, lengths), masks)), whole)
    assert not np.array_equal(drawn(known(clips_of(frames), masks), seed=4), whole)
    first, second = (drawn(known(clips_of(frames), masks), seed=None) for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("light", [True, False])
def test_figures_are_lighter_than_the_ground_everywhere(light: bool) -> None:
    frames, masks = film()
    picture = drawn(known(clips_of(frames), masks), light=light).mean(-1)
    inside = np.stack([ops.dilate(-mask, 4) < 0 for mask in masks])
    outside = np.stack([ops.dilate(mask, 4) == 0 for mask in masks])
    assert picture[inside].min() > picture[outside].max() + 15


def test_what_moves_is_lit_and_fades_when_it_rests() -> None:
    mask = disc(80, 60, 40)
    still, moving = (np.zeros((HEIGHT, WIDTH, 2), np.float32) for _ in range(2))
    moving[50:70, 80:] = (4, 0)  # an arm before the body
    flows = (None, *[still] * 2, *[moving] * 3, *[still] * 20)
    count = len(flows)
    (clip,) = clips_of(np.zeros((count, HEIGHT, WIDTH, 3), np.uint8))
    clip = replace(clip, flow_to_previous=flows, figure=np.stack([mask] * count))
    arm, body = np.s_[55:65, 90:110], np.s_[75:95, 65:95]
    light = drawn([clip]).mean(-1)
    plain = drawn([clip], light=False).mean(-1)
    assert light[5][arm].mean() > light[5][body].mean() + 40
    assert light[2][arm].mean() < light[5][arm].mean() - 40
    assert abs(light[-1][arm].mean() - light[2][arm].mean()) < 12
    assert abs(plain[5][arm].mean() - plain[5][body].mean()) < 30
    assert np.array_equal(light[:3, 55:65, 90:110], light[:1, 55:65, 90:110].repeat(3, 0)), "at rest nothing changes"


def test_the_ground_moves_with_the_camera_as_one_piece() -> None:
    count, step = 6, 2.0
    (clip,) = clips_of(np.zeros((count, HEIGHT, WIDTH, 3), np.uint8))
    flow = np.zeros((HEIGHT, WIDTH, 2), np.float32) - np.array([step, 0], np.float32)
    near = flow.copy()
    near[80:110, :50] *= 4  # something near the camera, which would tell what the place looks like
    flows = (None, *[near] * (count - 1))
    clip = replace(clip, flow_to_previous=flows, figure=np.zeros((count, HEIGHT, WIDTH), np.float32))
    picture = drawn([clip]).astype(float)
    far = round(step) * (count - 1)
    moved = np.corrcoef(picture[-1][:, far + 10 : -10].ravel(), picture[0][:, 10 : -10 - far].ravel())[0, 1]
    assert moved > 0.9
    assert np.array_equal(*drawn([clip], ground="still")[[0, -1]])


def test_camera_motion_is_found_whatever_moves_before_it() -> None:
    x, y = np.moveaxis(ops.pixel_grid(HEIGHT, WIDTH), -1, 0)
    shift = np.stack([2 + 0.02 * (x - 80) - 0.01 * (y - 60), -1 + 0.01 * (x - 80) + 0.02 * (y - 60)], -1)
    expected = shift.astype(np.float32)
    figure, flow = disc(80, 60, 30), expected.copy()
    flow[figure > 0] = (-9, 9)
    flow[:40, :50] += 6
    found = camera_motion(flow, figure)
    assert found is not None
    assert np.abs(found - expected).max() < 0.05
    assert camera_motion(flow, np.ones((HEIGHT, WIDTH), np.float32)) is None
    assert camera_motion(0 * flow + np.float32(0.05), figure) is None, "estimates tremble"
    assert camera_motion(np.zeros((1, 1, 2), np.float32), figure) is None


def test_a_face_moves_as_one_piece() -> None:
    mask, head = disc(80, 60, 50), disc(80, 40, 16)
    (clip,) = clips_of(np.zeros((6, HEIGHT, WIDTH, 3), np.uint8))
    talking = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    talking[44:50, 74:86] = (0, 3)
    clip = replace(clip, flow_to_previous=(None, *[talking] * 5), figure=np.stack([mask] * 6), heads=(head,) * 6)
    mouth = np.s_[:, 42:52, 72:88]
    assert np.ptp(drawn([clip])[mouth].astype(int), axis=0).max() < 5
    assert np.ptp(drawn([clip], face_motion=True)[mouth].astype(int), axis=0).max() > 20


def bright() -> TemplateSaliency:
    return TemplateSaliency(BrightnessExtractor(), [BRIGHT], coverage=PRESET.coverage)


def test_everything_is_replaced_and_the_figure_is_handed_on() -> None:
    frames, masks = film()
    method = Selective(FigureOnGround(bright()), FigureAndGround(seed=1), DISFlow())
    for explained in method.explain(clips_of(frames, [5, 3])):
        assert (explained.opacity == 1).all()
        figure = explained.original.figure
        assert figure is not None
        truth = masks[explained.original.start :][: len(figure)]
        # Cells of the stand-in are 8 pixels wide.
        assert ((figure >= 0.5) != (truth > 0)).mean() < 0.1
        assert np.array_equal(explained.obfuscated.frames, explained.filling)
        assert explained.obfuscated.figure is None


def test_whoever_is_missed_is_ground() -> None:
    frames, _ = film()
    nobody = [replace(clip, frames=clip.frames // 9) for clip in clips_of(frames)]
    (made,) = Selective(FigureOnGround(bright()), FigureAndGround(seed=1), DISFlow()).stream(nobody)
    assert made.frames.max() < 70


@pytest.mark.parametrize("wrap", [lambda region: region, lambda region: Union(region, Rectangle(0, 0, 5, 5))])
def test_a_figure_is_known_however_deep_it_lies(wrap: object) -> None:
    frames, masks = film()
    region = wrap(FigureOnGround(Rectangle(10, 10, 30, 40)))  # type: ignore[operator]
    (found,) = seen(region, clips_of(frames))
    assert found.figure is not None
    assert found.figure.sum() == 30 * 40 * len(masks)
    assert (found.opacity == 1).all()


def test_what_is_excepted_stays_and_the_rest_is_ground() -> None:
    where = Where(hide=(), areas=(Rectangle(0, 0, 40, HEIGHT),), except_areas=(Rectangle(100, 0, 60, HEIGHT),))
    frames, _ = film()
    (found,) = seen(where.region(on_ground=True), clips_of(frames))
    assert found.figure is not None
    assert (found.figure[..., :40] == 1).all()
    assert (found.figure[..., 40:] == 0).all()
    assert (found.opacity[..., :100] == 1).all()
    assert (found.opacity[..., 100:] == 0).all()


def region_of(preset: Preset, where: Where) -> object:
    return choose_region(where, preset, BrightnessExtractor)[0]


@pytest.mark.parametrize(
    "preset", [PRESET, PRESET.with_filler("solid"), PRESETS["secure"].with_filler("figure_and_ground")]
)
def test_the_preset_and_the_filler_both_mean_whole_frames(preset: Preset) -> None:
    area = (Rectangle(0, 0, 40, 40),)
    assert isinstance(region_of(preset, Where(hide=(), areas=area)), FigureOnGround)
    figures = region_of(preset, Where(hide=(), areas=area, whole_frame=True))
    assert isinstance(figures, FigureOnGround)
    assert figures.parts == area, "the whole frame is replaced anyway"
    nothing = region_of(preset, Where(hide=(), whole_frame=True))
    assert isinstance(nothing, FigureOnGround)
    assert isinstance(nothing.parts[0], WholeFrame)


def test_only_this_filler_draws_a_ground() -> None:
    assert [name for name in motionveil.FILLERS if draws_ground(name)] == ["figure_and_ground"]
    assert not draws_ground("unknown")
    assert not PRESETS["secure"].covers_all
    assert "on_ground" not in PRESETS["secure"].as_record(), "its records are as they were"
    assert Preset.from_record(json.loads(json.dumps(PRESET.as_record()))) == PRESET


def test_what_cannot_be_seen_is_not_warned_of() -> None:
    assert weaknesses(PRESET, hide=["hand"]) == ()
    assert weaknesses(PRESETS["paper"].with_filler("figure_and_ground"), hide=["hair"]) == ()
    assert "a strength of 0.5 leaves" in weaknesses(PRESET, hide=["hand"], strength=0.5)[0]
    assert "omit --seed" in weaknesses(PRESET, hide=["hand"], seed=1)[0]
    assert "blur can be partly reversed" in weaknesses(PRESET.with_filler("blur"), hide=["hand"])[0]


def test_an_unknown_ground() -> None:
    with pytest.raises(OptionError, match="no ground 'sea'; choose from camera, still"):
        FigureAndGround(ground="sea")  # type: ignore[arg-type]


def test_on_the_command_line(run: Run, tmp_path: Path) -> None:
    slope = np.linspace(90, 230, WIDTH)[None, None, :, None] + np.zeros((6, HEIGHT, 1, 3))
    source = write(tmp_path / "in.mkv", slope.astype(np.uint8))
    for name, options in {
        "preset": ["--preset", "figure_ground"],
        "fill": ["--filler", "figure_and_ground:ground=still,light=false", "--short-side", "64"],
    }.items():
        target = tmp_path / f"{name}.mkv"
        code, _, errors = run("obfuscate", source, "-o", target, "--codec", "ffv1", *options, "--preview", "-q")
        assert (code, errors) == (0, "")
        told = json.loads((tmp_path / f"{name}.mkv.json").read_text())["settings"]
        assert told["filler"].startswith("FigureAndGround(")
        assert told["region"].startswith("FigureOnGround(TemplateSaliency(")
        # Nobody is in it: all is ground, and nothing of the film is left.
        made = read(target)[0]
        assert made.shape == (6, HEIGHT, WIDTH, 3)
        assert made.max() < 70
    target = tmp_path / "no.mkv"
    wrong = run("obfuscate", source, "-o", target, "--preset", "figure_ground", "--transport", "accumulated")
    assert "figure_and_ground has no option transport" in complaint(wrong)
    assert not target.exists()


def test_a_picture(tmp_path: Path) -> None:
    drawing.write_image(tmp_path / "in.png", film(1)[0][0])
    motionveil.obfuscate_video(
        tmp_path / "in.png", tmp_path / "out.png", where=Where(hide=(), areas=(Rectangle(20, 20, 50, 60),)),
        preset="figure_ground",
    )  # fmt: skip
    picture = read(tmp_path / "out.png")[0][0].mean(-1)
    assert picture[30:70, 30:60].min() > picture[:, 80:].max() + 15


def test_scenes_begin_anew() -> None:
    frames, masks = film()
    cut = np.concatenate([frames, 255 - frames[:, ::-1]])
    made = drawn(known(clips_of(cut), np.concatenate([masks, masks])))
    assert not np.array_equal(made[7, :20], made[8, :20])
    assert np.array_equal(made[0, :20], made[7, :20])


def test_a_flow_of_one_cell_stands_still() -> None:
    frames, masks = film(3)
    (clip,) = clips_of(frames)
    flow = ConstantFlow(0, 0)(frames[0], frames[1])
    clip = replace(clip, flow_to_previous=(None, flow, np.zeros((1, 1, 2), np.float32)), figure=masks)
    assert drawn([clip]).shape == frames.shape

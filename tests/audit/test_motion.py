"""Motion kept, where it is known beforehand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from motionveil._core.types import Float32Array, UInt8Array
from motionveil.audit.footage import Excerpt
from motionveil.audit.motion import FILLERS, motion_kept
from motionveil.flow import DISFlow, FlowEstimator

from ..conftest import textured


class Told(FlowEstimator):
    """A stand-in: the flow is written in the first pixels of the frames, x in red and y in green."""

    def prepare(self, frame: UInt8Array) -> UInt8Array:
        return frame

    def between(self, source: UInt8Array, target: UInt8Array) -> Float32Array:
        return np.broadcast_to(source[0, 0, :2].astype(np.float32), (30, 40, 2)).copy()


def told(original: tuple[int, int], output: tuple[int, int], *, frames: int = 3, core: int = 20) -> Excerpt:
    """A excerpt whose frames say how they move."""
    region = np.zeros((frames, 30, 40), bool)
    region[:, 10:, :core] = True

    def made(flow: tuple[int, int]) -> UInt8Array:
        pictures = np.full((frames, 30, 40, 3), 100, np.uint8)
        pictures[:, 20:] = 30
        pictures[:, 0, 0, :2] = flow
        return pictures

    pts = tuple(Fraction(index, 25) for index in range(frames))
    return Excerpt(0, pts, made(original), made(output), region, region)


@pytest.mark.parametrize(
    ("original", "output", "kept"), [((4, 3), (4, 3), 1.0), ((4, 0), (0, 0), 0.0), ((3, 4), (3, 0), 0.2)]
)
def test_share_of_the_motion(original: tuple[int, int], output: tuple[int, int], kept: float) -> None:
    found = motion_kept([told(original, output)], {"told": Told()}, fillers=[])
    assert found == {"told": {"output": pytest.approx(kept)}}


def test_nothing_is_said_where_hardly_anything_moves() -> None:
    assert motion_kept([told((1, 0), (0, 0))], {"told": Told()}, fillers=[]) == {"told": {"output": None}}
    assert motion_kept([told((9, 0), (9, 0), core=4)], {"told": Told()}, fillers=[]) == {"told": {"output": None}}
    assert motion_kept([told((9, 0), (9, 0), frames=1)], {"told": Told()}) == {
        "told": dict.fromkeys(("output", *FILLERS))
    }
    assert motion_kept([], {"told": Told()}, fillers=["solid"]) == {"told": {"output": None, "solid": None}}


def test_windows_weigh_by_their_motion() -> None:
    excerpts = [told((8, 0), (8, 0)), told((2, 0), (0, 0))]
    found = motion_kept(excerpts, {"told": Told()}, fillers=[])
    assert found["told"]["output"] == pytest.approx(0.8)


def test_fillers_are_made_once_for_all_estimators(monkeypatch: pytest.MonkeyPatch) -> None:
    made = list[tuple[int, str]]()

    def filled(excerpt: Excerpt, name: str) -> UInt8Array:
        made.append((excerpt.start, name))
        return excerpt.original if name == "same" else excerpt.output

    class Counting(Told):
        def __init__(self) -> None:
            self.pairs = 0

        def between(self, source: UInt8Array, target: UInt8Array) -> Float32Array:
            self.pairs += 1
            return super().between(source, target)

    monkeypatch.setattr("motionveil.audit.motion._filled", filled)
    excerpts = [told((4, 0), (0, 0), frames=6), replace(told((4, 0), (0, 0), frames=6), start=6)]
    estimators = {"all": Counting(), "few": Counting()}
    found = motion_kept(excerpts, estimators, fillers=["same", "still"], most_pairs={"few": 2})
    assert found["all"] == found["few"] == {"output": 0, "same": 1, "still": 0}
    assert made == [(0, "same"), (0, "still"), (6, "same"), (6, "still")]
    # Of original, output and both fillers.
    assert (estimators["all"].pairs, estimators["few"].pairs) == (2 * 4 * 5, 2 * 4 * 2)


def test_what_moves_with_the_scene_keeps_motion_and_still_noise_does_not(rng: np.random.Generator) -> None:
    wide, other = textured(160, 260, rng), textured(160, 260, rng)
    original, output = (np.stack([image[:, 3 * i : 3 * i + 200] for i in range(4)]) for image in (wide, other))
    core = np.ones((4, 160, 200), bool)
    core[:, :, :20] = core[:, :, -20:] = False
    excerpt = Excerpt(0, tuple(Fraction(i, 25) for i in range(4)), original, output, core, core)
    found = motion_kept([excerpt], {"dis": DISFlow()}, fillers=["static_noise", "iid_noise"], most_pairs=2)["dis"]
    assert found["output"] is not None
    assert found["output"] > 0.9
    assert found["static_noise"] is not None
    assert found["static_noise"] < 0.3
    assert found["iid_noise"] is not None
    assert found["iid_noise"] < 0.3

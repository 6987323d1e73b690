"""Which frames and which part of them networks see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from motionveil._core.errors import InputError, OptionError
from motionveil_bench.clips.frames import FrameStore, Look, flow_pictures
from motionveil_bench.clips.sampling import (
    Sampling,
    TestClips,
    TrainingClips,
    sampled_for_evaluation,
    sampled_for_training,
)
from motionveil_bench.copies.preparation import Preparation
from motionveil_bench.datasets.procedural import Procedural, make
from motionveil_bench.models import Network
from motionveil_bench.records import Record


def _network(frames: int = 8, stride: int = 2, *, level: str = "clip", flow: bool = False) -> Network:
    return Network(lambda n: nn.Flatten(), level, 40, frames, stride, flow=flow)  # type: ignore[arg-type]


@given(st.integers(1, 200), st.integers(1, 20), st.integers(1, 6), st.booleans(), st.integers(1, 4))
def test_sampled_frames_lie_in_the_clip_and_rise(
    length: int, frames: int, stride: int, spread: bool, views: int
) -> None:
    network = _network(frames, stride)
    for chosen in (
        sampled_for_training(length, network, spread, np.random.default_rng(0)),
        *sampled_for_evaluation(length, network, spread, views),
    ):
        assert chosen.shape == (frames,)
        assert chosen.min() >= 0
        assert chosen.max() < length
        assert (np.diff(chosen) >= 0).all()


def test_a_window_keeps_its_stride_and_moves() -> None:
    starts = set()
    for seed in range(40):
        chosen = sampled_for_training(30, _network(8, 2), False, np.random.default_rng(seed))
        assert (np.diff(chosen) == 2).all()
        starts.add(int(chosen[0]))
    assert min(starts) == 0
    assert max(starts) == 30 - 16


def test_spread_takes_the_whole_clip() -> None:
    (chosen,) = sampled_for_evaluation(160, _network(16, 1), True, 1)
    assert list(chosen) == list(range(5, 160, 10))
    views = sampled_for_evaluation(160, _network(16, 1), True, 2)
    assert set(views[0]).isdisjoint(views[1])


@pytest.fixture(scope="module")
def actors(tmp_path_factory: pytest.TempPathFactory) -> Procedural:
    return make(tmp_path_factory.mktemp("actors") / "set", num_subjects=3, num_clips=3, num_frames=12)


@pytest.fixture
def store(actors: Procedural, tmp_path: Path) -> FrameStore:
    return FrameStore(Preparation(actors.root, tmp_path))


def _training(actors: Procedural, store: FrameStore, network: Network, **sampling: object) -> TrainingClips:
    records = actors.records("action")[:6]
    return TrainingClips(
        records, "original", actors.tasks["action"], network, Sampling(**sampling), store, seed=3  # type: ignore[arg-type]
    )  # fmt: skip


def test_training_clips_depend_on_seed_epoch_and_item_alone(actors: Procedural, store: FrameStore) -> None:
    clips = _training(actors, store, _network(4, 2))
    first, target = clips[2]
    assert first.shape == (3, 4, 40, 40)
    assert int(target) == actors.tasks["action"].index(str(clips.records[2].labels["action"]))
    clips[5]
    assert torch.equal(clips[2][0], first)
    clips.set_epoch(1)
    assert not torch.equal(clips[2][0], first)
    clips.set_epoch(0)
    assert torch.equal(clips[2][0], first)


def test_crop_and_mirroring_are_drawn_for_every_clip(actors: Procedural, store: FrameStore) -> None:
    """Not once per run, as in the published code."""
    clips = _training(actors, store, _network(1, 1, level="frame"), samples=30)
    pictures = torch.stack([clips[item * len(clips.records)][0] for item in range(30)])
    assert pictures.shape == (30, 3, 40, 40)
    assert len({picture.numpy().tobytes() for picture in pictures}) > 20


def test_a_mirrored_clip_is_of_the_class_that_it_shows(actors: Procedural, store: FrameStore) -> None:
    task = actors.tasks["action"]
    assert task.mirrored == {"clockwise": "anticlockwise", "anticlockwise": "clockwise"}
    turning = [record for record in actors.records("action") if "clockwise" in str(record.labels["action"])][:4]
    network = _network(4, 2)
    clips = TrainingClips(turning, "original", task, network, Sampling(margin=0.0, samples=8), store)
    seen = set()
    for item in range(len(clips)):
        shown, target = clips[item]
        record = turning[item % len(turning)]
        original = str(record.labels["action"])
        frames = torch.from_numpy(store.frames(record, "original", Look(40)).copy()).permute(0, 3, 1, 2)
        mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in (network.mean, network.deviation))
        straight = (frames / 255 - mean) / deviation
        first = shown[:, 0]
        distances = [float((side - first).abs().amax((1, 2, 3)).min()) for side in (straight, straight.flip(-1))]
        mirrored = distances[1] < 1e-4
        assert mirrored != (distances[0] < 1e-4)
        assert task.classes[int(target)] == (task.mirrored[original] if mirrored else original)
        seen.add(mirrored)
    assert seen == {True, False}
    several = replace(task, multilabel=True)
    record = replace(turning[0], labels={"action": ("clockwise", "pulse")})
    one = TestClips([record], "original", several, network, Sampling(), store)
    held = [task.classes[i] for i in torch.nonzero(one.target(record, mirrored=True)).flatten()]
    assert held == ["anticlockwise", "pulse"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("spread", 1, "spread must be true or false, not 1"),
        ("flip", "yes", "flip must be true or false, not 'yes'"),
        ("fit", "stretch", "fit must be one of crop, squash"),
        ("margin", 1.0, "margin must be a number below 1.0"),
        ("margin", -0.1, "margin must be a number of at least 0.0"),
        ("margin", "0.1", "margin must be a number, not '0.1'"),
        ("samples", 0, "samples must be a whole number of at least 1"),
        ("samples", None, "samples must be a whole number, not None"),
        ("views", 0, "views must be a whole number of at least 1"),
        ("views", True, "views must be a whole number, not True"),
        ("size", 8, "size must be a whole number of at least 16"),
        ("size", 64.0, "size must be a whole number, not 64.0"),
    ],
)
def test_settings_that_make_no_sense(name: str, value: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Sampling(**{name: value})  # type: ignore[arg-type]


def test_pixels_are_normalised(actors: Procedural, store: FrameStore) -> None:
    record = actors.records("action")[0]
    network = _network(2, 1)
    clips = TestClips([record], "original", actors.tasks["action"], network, Sampling(margin=0.0), store)
    shown, _ = clips[0]
    frames = store.frames(record, "original", Look(40))
    indices = sampled_for_evaluation(len(frames), network, False, 1)[0]
    expected = (frames[indices].transpose(3, 0, 1, 2) / 255 - 0.45) / 0.225
    np.testing.assert_allclose(shown[0].numpy(), expected, atol=1e-5)


def test_views_come_together(actors: Procedural, store: FrameStore) -> None:
    clips = TestClips(
        actors.records("action"), "original", actors.tasks["action"], _network(1, 1, level="frame"),
        Sampling(views=5), store,
    )  # fmt: skip
    assert clips[0][0].shape == (5, 3, 40, 40)


def test_flow_tells_the_direction_and_mirrors(actors: Procedural, store: FrameStore) -> None:
    record = next(r for r in actors.records("action") if r.labels["action"] == "horizontal")
    flow = store.flow(record, "original", Look(64))
    assert flow.shape == (12, 64, 64, 2)
    speeds = np.abs(flow.astype(int) - 128).reshape(12, -1, 2).max(1).mean(0)
    assert speeds[0] > 3 * speeds[1]
    mirrored = flow_pictures(flow, mirrored=True)
    other = flow.copy()[:, :, ::-1]
    other[..., 0] = np.minimum(256 - other[..., 0].astype(int), 255)
    np.testing.assert_array_equal(mirrored, flow_pictures(other))
    still = np.full((1, 4, 4, 2), 128, np.uint8)
    assert (flow_pictures(still) == 255).all()


def test_two_streams_see_pictures_and_flow(actors: Procedural, store: FrameStore) -> None:
    clips = _training(actors, store, _network(4, 2, flow=True))
    assert clips[0][0].shape == (6, 4, 40, 40)


def test_squashing_keeps_both_ends(actors: Procedural, store: FrameStore) -> None:
    record = actors.records("action")[0]
    assert store.frames(record, "original", Look(30, "squash")).shape[1:3] == (30, 30)


def test_parts_of_a_source(actors: Procedural, store: FrameStore) -> None:
    whole = actors.records("action")[0]
    part = Record("part", whole.source, whole.labels, start=3, stop=9)
    np.testing.assert_array_equal(
        store.frames(part, "original", Look(40)), store.frames(whole, "original", Look(40))[3:9]
    )
    with pytest.raises(InputError, match="has only 12 of the 40 frames"):
        store.frames(Record("long", whole.source, whole.labels, start=0, stop=40), "original", Look(40))

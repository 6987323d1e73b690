from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil.video import open_source
from motionveil_bench.datasets import Procedural
from motionveil_bench.datasets.procedural import MOTIONS, draw, make, subject_texture

from .checks import check_splits, subjects_apart


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Procedural:
    return make(tmp_path_factory.mktemp("made") / "actors", num_subjects=3, num_clips=3, size=48, num_frames=6, seed=5)


def test_files_labels_and_splits(made: Procedural) -> None:
    assert len(made.records("action")) == 3 * 6 * 3
    assert all((made.root / record.source).is_file() for record in made.records("action"))
    with open_source(made.root / made.records("action")[0].source) as source:
        assert sum(len(clip) for clip in source) == 6
        assert (source.info.width, source.info.height) == (48, 48)
    check_splits(made, "action", whole=True)
    subjects_apart(made, "action")
    check_splits(made, "identity", whole=True)
    for fold in range(3):
        assert {record.subject for record in made.split("identity", fold).train} == set(made.tasks["identity"].classes)


def test_the_same_seed_makes_the_same_files(made: Procedural, tmp_path: Path) -> None:
    again = make(tmp_path / "again", num_subjects=3, num_clips=3, size=48, num_frames=6, seed=5)
    other = make(tmp_path / "other", num_subjects=3, num_clips=3, size=48, num_frames=6, seed=6)
    source = made.records("action")[7].source
    assert (again.root / source).read_bytes() == (made.root / source).read_bytes()
    assert (other.root / source).read_bytes() != (made.root / source).read_bytes()


def test_nothing_of_others_is_replaced(made: Procedural, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds something already"):
        make(made.root)
    (tmp_path / "mine.txt").touch()
    with pytest.raises(InputError, match="holds something already"):
        make(tmp_path, overwrite=True)
    with pytest.raises(OptionError, match="are the least"):
        make(tmp_path / "new", num_subjects=2)


def test_actions_are_motion_alone_and_subjects_texture_alone() -> None:
    """Two simple features: how pixels move (of grey), and which hues there are (of one frame)."""
    motion: list[np.ndarray] = []
    looks: list[np.ndarray] = []
    places: list[np.ndarray] = []
    labels: list[tuple[int, int]] = []
    rng = np.random.default_rng(0)
    for subject in range(4):
        texture = subject_texture(subject, 4, seed=1)
        for action, move in enumerate(MOTIONS.values()):
            for _ in range(3):
                frames = draw(texture, move, 18, 48, rng)
                hsv = cv2.cvtColor(frames[0], cv2.COLOR_RGB2HSV)
                hues = np.bincount(hsv[..., 0].ravel() // 6, weights=(hsv[..., 1].ravel() > 100) * 1.0, minlength=30)
                looks.append(hues / max(hues.sum(), 1))
                places.append(np.argwhere(hsv[..., 1] > 100).mean(0))
                motion.append(_motion(frames))
                labels.append((action, subject))
    of_action, of_subject = (np.array(values) for values in zip(*labels, strict=True))
    assert _nearest(np.array(looks), of_subject) > 0.95
    assert _nearest(np.array(looks), of_action) < 0.35
    assert _nearest(np.array(places), of_action) < 0.35
    assert _nearest(np.array(motion), of_action) > 0.85
    assert _nearest(np.array(motion), of_subject) < 0.45


def _motion(frames: np.ndarray) -> np.ndarray:
    """Mean flow over time of what moves: extent in x and y, turning of its path, divergence, spin."""
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    means, spread, spin = [], [], []
    for before, after in pairwise(grey):
        v = flow.calc(before, after, np.zeros((*before.shape, 2), np.float32))
        speed = np.hypot(v[..., 0], v[..., 1])
        weight = speed / max(speed.sum(), 1e-6)
        y, x = np.indices(speed.shape)
        dx, dy = x - (weight * x).sum(), y - (weight * y).sum()
        means.append(v.reshape(-1, 2).mean(0) * 10)
        spread.append((weight * (dx * v[..., 0] + dy * v[..., 1]) / (np.hypot(dx, dy) + 1)).sum())
        spin.append((weight * (dx * v[..., 1] - dy * v[..., 0]) / (np.hypot(dx, dy) + 1)).sum())
    path = np.array(means)
    turning = (path[:-1, 0] * path[1:, 1] - path[:-1, 1] * path[1:, 0]).mean()
    spans = path.std(0)
    total = np.hypot(*spans) + 0.3
    return np.array([*(spans / total), turning / total**2, np.std(spread) / total, np.abs(np.mean(spin)) / total])


def _nearest(features: np.ndarray, labels: np.ndarray) -> float:
    """Leave-one-out accuracy of the nearest neighbour."""
    scaled = (features - features.mean(0)) / (features.std(0) + 1e-6)
    apart = ((scaled[:, None] - scaled[None]) ** 2).sum(-1)
    np.fill_diagonal(apart, np.inf)
    return float((labels[apart.argmin(1)] == labels).mean())

"""Actions of one dataset, attributes of another (UCF101 or HMDB51 with VISPR), on small files of the same forms."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, VideoInfo
from motionveil.video import Encoding, VideoWriter
from motionveil_bench.adversarial.learner import Instance
from motionveil_bench.datasets.procedural import make
from motionveil_bench.datasets.vispr import ALL
from motionveil_bench.protocols.experiment_file import read_experiment
from motionveil_bench.protocols.running import Benchmark, Places
from motionveil_bench.results import read_rows
from tests.motionveil_bench.datasets.test_pa_hmdb51 import USUAL, vispr, write_all

SETTINGS = """
[training]
epochs = 2
batch_size = 4
[sampling]
spread = true
fit = "squash"
margin = 0.0
size = 32
views = 1
"""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VISPR, small: a face is a bright square, everything else is a matter of colour."""
    root = tmp_path_factory.mktemp("vispr")
    rng = np.random.default_rng(0)
    for part, count in (("train2017", 8), ("val2017", 4), ("test2017", 4)):
        (root / part).mkdir()
        for number in range(count):
            other = ["a12_semi_nudity", "a17_color", "a64_rel_personal"]
            labels = ["a9_face_complete", "a4_gender"] if number % 2 else list(ALL) if number == 0 else other
            vispr(root, part, number, labels)
            picture = rng.integers(0, 90, (36, 48, 3), np.uint8)
            if number % 2:
                picture[8:28, 14:34] = 230
            assert cv2.imwrite(str(root / part / f"2017_{number}.jpg"), picture)
    return root


def test_actions_of_videos_attributes_of_photographs(photographs: Path, tmp_path: Path) -> None:
    make(tmp_path / "actors", num_subjects=3, num_clips=3, num_frames=8, size=32)
    toml = tmp_path / "cross.toml"
    toml.write_text(
        """
dataset = "procedural"
tasks.action = ["small_r3d"]
"""
        + SETTINGS
        + """
[learning]
utility = "small_r3d"
budgets = ["small_bag", "small_resnet"]
num_budgets = 2
num_frames = 8
budget_frames = 2
batch_size = 4
accumulate = 1
rounds = 1
degradation_steps = 1
utility_steps = 1
budget_steps = 2
suppress_steps = 1
attack_steps = 1
use_steps = 1
attribute_dataset = "vispr"
attribute = "attributes"
degradation_options = { width = 2, blocks = 1 }
[learned.grl]
[learned.kbeam]
[learned.entropy]
"""
    )
    places = Places(tmp_path / "actors", None, tmp_path / "work", tmp_path / "rows.jsonl", attribute_root=photographs)
    benchmark = Benchmark(read_experiment(toml), places, threads=1)
    for name in ("grl", "kbeam", "entropy"):
        instance = Instance(name, 0, 0)
        benchmark.learn([instance], lambda step: None)
        folder = benchmark.evaluator.learner.folder(instance)
        history = json.loads((folder / "history.json").read_text())
        assert history["about"]["actions"] == "procedural"
        assert history["about"]["attribute"] == "vispr: attributes"
        last = history["rounds"][-1]["validation"]
        assert len(last["budget_losses"]) == 2
        # Binary cross entropy over five attributes at once, not a cross entropy of one class.
        assert all(0 < loss < 5 for loss in last["budget_losses"])


def test_attackers_learn_from_photographs_and_are_judged_on_videos(photographs: Path, tmp_path: Path) -> None:
    """As published for PA-HMDB51: one row of cmap with each attribute in it."""
    root = write_all(tmp_path / "hmdb51", USUAL)
    rng = np.random.default_rng(1)
    (root / "wave").mkdir()
    for name in USUAL:
        frames = rng.integers(0, 255, (100, 32, 48, 3), np.uint8)
        info = VideoInfo(48, 32, Fraction(25), 100, Fraction(4), "h264", "yuv420p")
        with VideoWriter(root / "wave" / name, info, encoding=Encoding(codec="h264")) as writer:
            writer.write(Clip(frames, 0, tuple(Fraction(i, 25) for i in range(100))))
    text = """
dataset = "pa_hmdb51"
tasks.attributes = []
[[two_fold]]
obfuscators = ["pixelate_16"]
attackers = ["small_bag"]
learn_from = "vispr"
"""
    toml = tmp_path / "attack.toml"
    toml.write_text(text + SETTINGS)
    places = Places(root, None, tmp_path / "work", tmp_path / "rows.jsonl", attribute_root=photographs)
    benchmark = Benchmark(read_experiment(toml), places, threads=1)
    benchmark.run()
    (row,) = read_rows(places.results)
    assert (row.task, row.protocol, row.metric, row.obfuscator) == ("attributes", "two_fold", "cmap", "pixelate_16")
    assert row.configuration["learn_from"] == "vispr"
    told: dict[str, Any] = row.detail["classes"]
    assert set(told) <= {"gender", "face", "nudity", "skin_color", "relationship"}
    assert all({"value", "prior", "interval"} <= set(each) for each in told.values())
    copies = sorted(path.suffix for path in (tmp_path / "work" / "obfuscated").rglob("*") if path.is_file())
    assert copies.count(".png") == 12  # the photographs that are learned from, as the obfuscator shows them
    assert copies.count(".mp4") == len(USUAL)
    toml.write_text(text.replace("attributes = []", "gender = []") + SETTINGS)
    with pytest.raises(OptionError, match="vispr cannot teach gender"):
        Benchmark(read_experiment(toml), places, threads=1).run()

"""Selective obfuscations of an experiment's own, masks from a folder, and copies of other programs."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil.fillers import IidNoise
from motionveil.obfuscation.obfuscators import Selective
from motionveil.regions import Inverse, Strength
from motionveil.video import open_source
from motionveil_bench.copies.obfuscations import OBFUSCATIONS, Obfuscation
from motionveil_bench.copies.preparation import Preparation
from motionveil_bench.copies.selections import External, counterpart, read_external, read_selective
from motionveil_bench.datasets.procedural import Procedural, make


@pytest.fixture(scope="module")
def actors(tmp_path_factory: pytest.TempPathFactory) -> Procedural:
    return make(tmp_path_factory.mktemp("actors") / "set", num_subjects=3, num_clips=3, num_frames=4, size=32)


def _read(**table: object) -> Obfuscation:
    return read_selective(table, "a table")


def test_all_that_the_published_evaluation_can_do() -> None:
    half = _read(whole_frame=True, strength=0.5, fill="motion_noise", statistics="uniform")
    assert isinstance(half.make(half.networks(), lambda: None).region, Strength)
    background = _read(hide=["person"], inverse=True, fill="solid", fill_options={"colour": "black"})
    assert background.where.inverse
    assert background.preset.filler == "solid"
    small = _read(whole_frame=True, fill="resample", fill_options={"factor": 3, "interpolation": "cubic"})
    assert "factor=3" in repr(small.make(small.networks(), lambda: None).filler)
    iid = _read(preset="paper", hide=["arm", "hair"], fill="iid_noise")
    assert (iid.preset.filler, iid.where.hide, iid.preset.coverage.combine) == ("iid_noise", ("arm", "hair"), "mean")
    flow = _read(preset="paper", flow_options={"weights": "raft_small", "scale": 4.0}, combine="max")
    assert (flow.preset.flow_options, flow.preset.coverage.combine) == ({"weights": "raft_small", "scale": 4.0}, "max")
    assert isinstance(OBFUSCATIONS["iid_noise"].make(half.networks(), lambda: None).filler, IidNoise)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"strength": 0}, "strength of a table must be a number above 0"),
        ({"fill": "resampl"}, "unknown filler 'resampl'"),
        ({"fill": "resample", "fill_options": {"factr": 3}}, "no option factr"),
        ({"flow": "rafft"}, "there is no flow rafft"),
        ({"flow_options": {"weight": "x"}}, "the flow dis has no option weight"),
        ({"hide": []}, "nothing would be hidden"),
        ({"whole_frame": True, "inverse": True}, "inverse of the whole frame"),
        ({"combine": "sum"}, "one of max, mean"),
    ],
)
def test_what_makes_no_sense(table: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        read_selective(table, "a table")


def test_flow_weights_stand_in_for_others() -> None:
    found = OBFUSCATIONS["paper"].with_networks_at_hand({"raft": "raft_small"})
    assert (found.preset.flow, found.preset.flow_options) == ("raft", {"weights": "raft_small"})


def test_masks_from_a_folder(actors: Procedural, tmp_path: Path) -> None:
    mask = np.zeros((32, 32), np.uint8)
    mask[:, :16] = 255
    sources = [record.source for record in actors.records("action")[:2]]
    for source in sources:
        path = (tmp_path / "masks" / source).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), mask)
    table = {"hide": [], "masks": "masks", "fill": "solid", "fill_options": {"colour": "black"}, "inverse": True}
    found = read_selective(table, "a table", folder=tmp_path)
    preparation = Preparation(actors.root, tmp_path / "work", selective={"mine": found})
    preparation.sources = sources
    before = [preparation.place(source, "mine") for source in sources]
    method = preparation.method("mine", sources[0])
    assert isinstance(method, Selective)
    region = method.region
    assert isinstance(region, Inverse)
    assert "MaskVideo" in repr(region)
    with open_source(preparation.prepare(sources[0], "mine")) as shown:
        frames = next(iter(shown)).frames
    assert frames[:, :, 20:].max() < 40 < frames[:, :, :12].max()
    told = preparation.made_of(found)
    cv2.imwrite(str((tmp_path / "masks" / sources[0]).with_suffix(".png")), 255 - mask)
    again = Preparation(actors.root, tmp_path / "work", selective={"mine": found})
    again.sources = sources
    assert [a == b for a, b in zip(before, (again.place(s, "mine") for s in sources), strict=True)] == [False, True]
    assert again.made_of(found) != told
    (tmp_path / "masks" / sources[1]).with_suffix(".png").unlink()
    with pytest.raises(InputError, match="has nothing for"):
        Preparation(actors.root, tmp_path / "work", selective={"mine": found}).place(sources[1], "mine")


def test_copies_of_another_program(actors: Procedural, tmp_path: Path) -> None:
    source = actors.records("action")[0].source
    other = (tmp_path / "theirs" / source).with_suffix(".mkv")
    other.parent.mkdir(parents=True)
    shutil.copy(actors.root / source, other)
    given = read_external({"folder": "theirs"}, "a table", tmp_path)
    preparation = Preparation(actors.root, tmp_path / "work", external={"theirs": given})
    preparation.sources = [source]
    assert preparation.is_ready(source, "theirs")
    assert preparation.prepare(source, "theirs") == other
    told = preparation.made_of(given)
    preparation.check("theirs")
    other.write_bytes(b"another")
    again = Preparation(actors.root, tmp_path / "work", external={"theirs": given})
    again.sources = [source]
    assert again.made_of(given) != told
    other.unlink()
    with pytest.raises(InputError, match="has nothing for"):
        again.is_ready(source, "theirs")
    assert not (tmp_path / "work" / "obfuscated").exists()
    assert External("a/b").as_record() == {"external": "b"}


def test_what_belongs_to_a_source(tmp_path: Path) -> None:
    for path in ("boxing/a.mp4", "boxing/b/1.png", "s01s02/01/001/rgb_1.png", "s01s02/01/002/m1.png", "c.avi"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = {
        source: counterpart(tmp_path, source).relative_to(tmp_path).as_posix()
        for source in ("boxing/a.avi", "boxing/b.avi", "s01s02/01/001/rgb*.png", "s01s02/01/002/rgb*.png", "c.avi")
    }
    assert list(found.values()) == [
        "boxing/a.mp4", "boxing/b", "s01s02/01/001/rgb*.png", "s01s02/01/002", "c.avi",
    ]  # fmt: skip
    (tmp_path / "boxing/b/mask").mkdir()
    assert counterpart(tmp_path, "boxing/b.avi", inside="mask") == tmp_path / "boxing/b/mask"
    assert counterpart(tmp_path, "c.avi", inside="mask") == tmp_path / "c.avi"
    with pytest.raises(InputError, match=r"has nothing for d/e\.avi; name it d/e with"):
        counterpart(tmp_path, "d/e.avi")

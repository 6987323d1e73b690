"""Maps and steps of whole datasets keep the places of the videos."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from motionveil_bench.cli.exports import places_in
from motionveil_bench.datasets import KTH, get_dataset
from motionveil_bench.records import Record

from . import archives


def test_places_of_videos_and_of_frames(tmp_path: Path) -> None:
    archives.ipn(tmp_path)
    found = places_in(get_dataset("ipn", tmp_path), Path("out"))
    assert found[0] == (str(tmp_path / "frames/1CM1_10_R_#10"), Path("out/frames"))
    assert len(found) == 12
    kth = places_in(KTH(archives.kth(tmp_path / "kth")), Path("out"))
    assert kth[0] == (str(tmp_path / "kth/boxing/person01_boxing_d1_uncomp.avi"), Path("out/boxing"))
    assert len(kth) == 599  # one for each video, not for each sequence


def test_colour_frames_of_a_nested_folder(tmp_path: Path) -> None:
    records = (Record("a", "s01s02/01/001/rgb*.png", {"action": "hug"}),)
    sbu: Any = SimpleNamespace(root=tmp_path, tasks=("action",), records=lambda task: records)
    assert places_in(sbu, Path("out")) == [(str(tmp_path / "s01s02/01/001/rgb*.png"), Path("out/s01s02/01"))]

"""The table of obfuscations, and what is left when people are gone, or only their shape is there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, Float32Array
from motionveil.obfuscation.factory import Networks
from motionveil.regions import Rectangle, Where
from motionveil_bench.copies.obfuscations import OBFUSCATIONS, Obfuscation, Silhouette, Throughout, get_obfuscation


@pytest.mark.parametrize("name", OBFUSCATIONS)
def test_every_line_tells_its_settings(name: str) -> None:
    told = get_obfuscation(name)
    assert told is not None
    assert json.loads(json.dumps(told.as_record())) == told.as_record()


def test_no_two_lines_are_the_same() -> None:
    told = [json.dumps(obfuscation.as_record(), sort_keys=True) for obfuscation in OBFUSCATIONS.values()]
    assert len(set(told)) == len(told)


def test_the_original_is_none_and_unknown_names_are_refused() -> None:
    assert get_obfuscation("original") is None
    with pytest.raises(OptionError, match="no obfuscation 'blurr'"):
        get_obfuscation("blurr")


def test_one_template_alone() -> None:
    found = get_obfuscation("template_hair")
    assert found is not None
    assert found.where.hide == ("hair",)
    assert found.preset.name == "paper"


def test_networks_stand_in_for_others() -> None:
    found = get_obfuscation("paper", {"dino_vits8": "parts", "raft": "dis"})
    assert found is not None
    assert (found.preset.features, found.preset.flow, found.preset.coverage.combine) == ("parts", "dis", "mean")
    untouched = get_obfuscation("secure", {"dino_vits8": "parts", "raft": "dis"})
    assert untouched == OBFUSCATIONS["secure"]


def _clips() -> list[Clip]:
    frames = np.random.default_rng(3).integers(0, 256, (4, 40, 60, 3), np.uint8)
    return [Clip(frames, 0, tuple(Fraction(i, 25) for i in range(4)))]


@pytest.mark.parametrize("name", ["blur_strong", "pixelate_16", "iid_noise", "static_noise", "motion_noise"])
def test_whole_frames_change_everywhere(name: str) -> None:
    found = get_obfuscation(name)
    assert found is not None
    clips = _clips()
    (made,) = found.make(found.networks(), lambda: None).stream(clips)
    changed = (made.frames != clips[0].frames).any(-1)
    assert changed.mean() > 0.95


def test_a_silhouette_is_white_where_the_region_is_and_black_elsewhere() -> None:
    class Half:
        def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
            for clip in clips:
                opacity = np.zeros(clip.frames.shape[:3], np.float32)
                opacity[:, :, :30] = 0.7
                opacity[:, :, 30:40] = 0.4
                yield opacity

    (drawn,) = Silhouette(Half()).stream(_clips())
    assert (drawn[:, :, :30] == 255).all()
    assert (drawn[:, :, 30:] == 0).all()


def test_throughout_is_the_union_of_all_frames() -> None:
    class Walk:
        def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
            for clip in clips:
                opacity = np.zeros(clip.frames.shape[:3], np.float32)
                for frame in range(len(clip)):
                    opacity[frame, 5, clip.start + frame] = 1
                yield opacity

    (whole,) = _clips()
    parts = [Clip(whole.frames[i : i + 2], i, whole.pts[i : i + 2]) for i in (0, 2)]
    found = list(Throughout(Walk()).stream(parts))
    assert [len(opacity) for opacity in found] == [2, 2]
    for opacity in np.concatenate(found):
        assert set(zip(*np.nonzero(opacity), strict=True)) == {(5, 0), (5, 1), (5, 2), (5, 3)}


def test_papers_choice_of_templates_depends_on_the_dataset() -> None:
    for name, expected in (("paper", ("ipn",)), ("secure", ("person",)), ("template_leg", ("leg",))):
        found = get_obfuscation(name, dataset="ipn")
        assert found is not None
        assert found.where.hide == expected
    kth = get_obfuscation("paper", dataset="kth")
    assert kth is not None
    assert kth.where.hide == ("kth",)


def test_nothing_of_the_picture_passes_through_a_silhouette() -> None:
    where = Where(hide=(), areas=(Rectangle(10, 10, 20, 20),))
    method = Obfuscation(OBFUSCATIONS["secure"].preset, where, silhouette=True).make(Networks("secure"), lambda: None)
    (made,) = method.stream(_clips())
    assert set(np.unique(made.frames)) == {0, 255}

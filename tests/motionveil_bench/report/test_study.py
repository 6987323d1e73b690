"""Rows, asked for by what they are about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from motionveil._core.errors import InputError
from motionveil_bench.report.cautions import cautions
from motionveil_bench.report.provenance import provenance_table
from motionveil_bench.report.study import Attribute, Recogniser, Study, stand_ins_of
from motionveil_bench.results import Row

from .rows import rows

NAMES = ("original", "blur_weak", "secure", "person_removed", "scene_alone", "silhouette", "template_hair")


@pytest.fixture(scope="module")
def kth() -> list[Row]:
    return [row for row in rows(NAMES) if row.dataset == "kth"]


def test_what_is_there(kth: list[Row]) -> None:
    study = Study(kth)
    assert study.datasets == ("kth",)
    assert study.protocols == ("frozen", "retrained")
    assert study.obfuscators == ("original", "blur_weak", "secure", "silhouette", "person_removed", "scene_alone")
    assert study.templates == ("template_hair",)
    assert study.attributes == (Attribute("kth", "identity", "KTH"),)
    assert study.prior(study.attributes[0]) == pytest.approx(0.04)


def test_the_original_counts_for_both_protocols(kth: list[Row]) -> None:
    study = Study(kth)
    assert study.action("kth", "original", "retrained") == study.action("kth", "original", "frozen") is not None
    assert study.action("kth", "blur_weak", "retrained") != study.action("kth", "blur_weak", "frozen")


def test_averages_take_the_level_of_the_paper_and_the_strongest_takes_all(kth: list[Row]) -> None:
    identity = [row for row in kth if (row.task, row.obfuscator, row.protocol) == ("identity", "secure", "retrained")]
    clip = next(row for row in identity if row.level == "clip")
    study = Study([row for row in kth if row not in identity] + [replace(row, value=0.3) for row in identity])
    assert study.privacy(study.attributes[0], "secure", "retrained").value == pytest.approx(0.3)  # type: ignore[union-attr]
    stronger = Study([*kth, replace(clip, value=0.9)])
    attribute = stronger.attributes[0]
    found = stronger.strongest(attribute, "secure", "retrained")
    assert found is not None
    assert (found[0], found[1].value) == (Recogniser("x3d_s", "clip"), 0.9)
    assert stronger.privacy(attribute, "secure", "retrained") == Study(kth).privacy(attribute, "secure", "retrained")
    gain = stronger.gain(attribute, "secure", "retrained", "person_removed")
    floor = stronger.strongest(attribute, "person_removed", "retrained")
    assert gain is not None
    assert floor is not None
    assert gain.value == pytest.approx(0.9 - floor[1].value)


def test_a_repeated_row_counts_once(kth: list[Row]) -> None:
    study = Study([*kth, replace(kth[0], value=0.123)])
    assert study.num_repeated == 1
    recogniser = Recogniser(kth[0].network, kth[0].level)
    assert study.estimates("kth", "action", "original", "frozen")[recogniser].value == pytest.approx(0.123)


def test_rows_that_cannot_be_are_refused(kth: list[Row]) -> None:
    with pytest.raises(InputError, match="no rows of accuracies"):
        Study([])
    with pytest.raises(InputError, match="no rows of accuracies"):
        Study([replace(kth[0], metric="loss")])
    for wrong in ({"value": 1.5}, {"value": float("nan")}, {"num_clips": 0}, {"prior": -0.1}):
        with pytest.raises(InputError, match="remove that row"):
            Study([*kth, replace(kth[0], **wrong)])
    with pytest.raises(InputError, match="levels are frame, clip"):
        Study([replace(kth[0], level="video")])


def test_nothing_grave_is_said_of_a_whole_study(kth: list[Row]) -> None:
    assert [text for text in cautions(Study(kth)) if "one training" not in text] == []


def _said(kth: list[Row]) -> str:
    return "\n".join(cautions(Study(kth)))


def test_rows_that_do_not_belong_together_are_told(kth: list[Row]) -> None:
    other = {"epochs": 5, "size": 112}
    assert "rows of different configurations are mixed in kth, action" in _said(
        [*kth, replace(kth[0], configuration=other)]
    )
    blurred = [replace(r, configuration=other) if r.obfuscator == "blur_weak" else r for r in kth]
    assert "the setting epochs (5 / 60) is not the same" in _said(blurred)
    assert "mixed" not in _said(blurred)
    assert "2 commits" in _said([*kth[1:], replace(kth[0], commit="abc+")])
    assert "no commit holds" in _said([*kth[1:], replace(kth[0], commit="abc+")])
    hashed = [replace(r, configuration={**r.configuration, "obfuscation": r.obfuscator}) for r in kth]
    assert "setting" not in _said(hashed)


def test_each_fold_has_clips_of_its_own_but_all_obfuscators_the_same() -> None:
    found = [row for row in rows(NAMES) if row.dataset == "ut_interaction"]
    assert len({row.configuration["data"] for row in found}) > 2
    said = _said(found)
    assert "mixed" not in said
    assert "setting" not in said
    first = found[0]
    other = [replace(first, configuration={**first.configuration, "data": "x"}), *found[1:]]
    assert "the setting data (ut_interaction action 0 / x) is not the same for all obfuscators of" in _said(other)


def test_folds_that_may_share_clips_are_told() -> None:
    found = [row for row in rows(NAMES) if row.dataset == "ut_interaction"]
    assert "may share" not in _said(found)
    old = [replace(row, configuration={"epochs": 60}) for row in found]
    assert "UT-Interaction, action: the 10 folds may share test clips" in _said(old)
    assert "action: only 12 test clips" in _said(old)
    counted = provenance_table(Study(found)), provenance_table(Study(old))
    assert [table.sections[0].rows[0][8].text for table in counted] == ["120", "12"]


def test_the_strongest_attackers_are_compared_clip_by_clip(kth: list[Row]) -> None:
    study, bare = Study(kth), Study([replace(row, detail={}) for row in kth])
    attribute = study.attributes[0]
    paired, independent = (s.gain(attribute, "secure", "retrained", "scene_alone") for s in (study, bare))
    assert paired is not None
    assert independent is not None
    assert paired.interval is not None
    assert independent.interval is not None
    assert paired.value == independent.value
    assert paired.interval[1] - paired.interval[0] < independent.interval[1] - independent.interval[0]


def test_missing_rows_are_told(kth: list[Row]) -> None:
    twice = [*kth, *(replace(row, seed=1) for row in kth if row.obfuscator != "secure")]
    assert "kth, action, secure, frozen, r2plus1d_r50, clip lacks seed 1 fold 0" in _said(twice)
    assert "over different networks" not in _said(twice)
    partly = [r for r in kth if (r.obfuscator, r.network) != ("blur_weak", "vit_b_16")]
    assert "KTH, identity, retrained: averages and strongest attackers are over different networks" in _said(partly)
    frozen = [r for r in kth if r.obfuscator != "secure" or r.protocol == "frozen"]
    assert "no attacker was retrained on Preset secure" in _said(frozen)
    assert "KTH has no rows of person_removed" in _said([r for r in kth if r.obfuscator != "person_removed"])
    assert "KTH has no rows of scene_alone" in _said([r for r in kth if r.obfuscator != "scene_alone"])
    assert "only 50 test clips" in _said([replace(row, num_clips=50) for row in kth])


def test_stand_ins_and_random_weights_are_told(kth: list[Row]) -> None:
    changed = {**kth[0].configuration, "substitutes": {"raft": "dis"}, "weights": None}
    told = [replace(row, configuration=changed) for row in kth]
    assert stand_ins_of(told) == {"raft": "dis"}
    assert "dis for raft" in _said(told)
    assert "began with random weights" in _said(told)

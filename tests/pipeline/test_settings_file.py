"""Settings of the studio as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil.pipeline.settings_file import PROJECT_FORMAT, Settings, read_settings
from motionveil.regions import Pick, Rectangle

from ..cli.test_commands import Run, run

__all__ = ["run"]

EVERYTHING = Settings(
    hide=("head", "hand"), areas=(Rectangle(1, 2, 30.5, 40, start=0.5, end=2),), keep=(Pick(10, 20, 1.5),),
    whole_frame=True, preset="secure", fill="motion_noise", palette="grey", smallest_person=20.0, audio="keep", seed=3,
)  # fmt: skip


@pytest.mark.parametrize("settings", [Settings(), EVERYTHING], ids=["usual", "everything"])
def test_round_trip(settings: Settings) -> None:
    assert Settings.from_record(json.loads(json.dumps(settings.as_record()))) == settings


def test_what_they_mean() -> None:
    preset = EVERYTHING.make_preset()
    assert preset.feature_options["smallest_person"] == 20
    assert preset.filler_options["palette"] == "grey"
    assert EVERYTHING.where().keep == (Pick(10, 20, 1.5),)
    assert EVERYTHING.encoding().audio == "keep"
    # A filler without a palette takes none.
    assert Settings(fill="solid", palette="grey").make_preset().filler_options == {}
    with pytest.raises(OptionError, match="choose at least one"):
        Settings(hide=()).where()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "other"}', "[" * 10_000, f'{{"format": "{PROJECT_FORMAT}"}}']
)
def test_files_that_are_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "project.json"
    path.write_text(text)
    with pytest.raises(OptionError):
        read_settings(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read_settings(tmp_path / "project.json")


def test_other_options_do_not_say_the_same_again(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "project.json"
    path.write_text(json.dumps({"format": PROJECT_FORMAT, "settings": Settings().as_record()}))
    code, _, error = run("obfuscate", "a.mp4", "--settings", path, "--hide", "head", "--margin", "1")
    assert code == 2
    assert "omit --hide, --margin" in error

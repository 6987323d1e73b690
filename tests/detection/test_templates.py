"""Templates and libraries."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from motionveil._core.errors import OptionError, OutputError, TemplateError
from motionveil._core.types import Point
from motionveil.detection.features import PartsEncoder
from motionveil.detection.templates import (
    ATTRIBUTES,
    GROUPS,
    Template,
    TemplateLibrary,
    built_in_library,
    check_fingerprints,
    default_library,
    make_template,
)

from ..conftest import BRIGHT, DARK, BrightnessExtractor


def test_the_nine_attributes_are_built_in_and_fit_the_encoder() -> None:
    library = built_in_library()
    assert [t.name for t in library] == [*ATTRIBUTES, "other_person"]
    check_fingerprints(library, PartsEncoder())


def test_built_in_templates_are_well_apart() -> None:
    vectors = np.stack([t.vector for t in built_in_library()])
    cosines = vectors @ vectors.T - np.eye(len(vectors))
    assert cosines.max() < 0.5


def test_groups_and_names_select_each_template_once() -> None:
    library = built_in_library()
    assert [t.name for t in library.select(["face", "eyes", "hair"])] == [*GROUPS["face"], "hair"]
    assert len(library.select(["person"])) == 10
    assert [t.name for t in library.select("hair,eyes")] == ["hair", "eyes"]


def test_an_unknown_name_is_refused_with_a_list() -> None:
    with pytest.raises(TemplateError, match=r"'hiar'.*hair, forehead") as caught:
        built_in_library().select(["hiar"])
    assert "\n" not in str(caught.value)
    with pytest.raises(TemplateError, match="no template given"):
        built_in_library().select([])


def test_libraries_survive_a_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "mine.safetensors"
    TemplateLibrary([BRIGHT, DARK]).save(path)
    loaded = TemplateLibrary.load(path)
    assert [(t.name, t.fingerprint, t.origin) for t in loaded] == [
        (t.name, t.fingerprint, t.origin) for t in (BRIGHT, DARK)
    ]
    assert np.array_equal(loaded["dark"].vector, DARK.vector)
    assert [p.name for p in path.parent.iterdir()] == ["mine.safetensors"]


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"a": 1}), b"\xff" * 100])
def test_other_files_are_no_library(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(TemplateError, match="not a motionveil template library"):
        TemplateLibrary.load(path)
    with pytest.raises(TemplateError, match=r"the template library .* does not exist"):
        TemplateLibrary.load(tmp_path / "none")


def test_a_library_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another path"):
        TemplateLibrary([BRIGHT]).save(tmp_path / "file" / "x.safetensors")


def test_with_and_without_leave_the_original_alone() -> None:
    library = TemplateLibrary([BRIGHT])
    assert [t.name for t in library.with_template(DARK)] == ["bright", "dark"]
    assert len(library) == 1
    assert len(library.without("bright")) == 0
    with pytest.raises(TemplateError):
        library.without("dark")


def test_a_template_is_the_descriptor_at_its_point() -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[:, 48:] = 255
    made = make_template("lamp", image, Point(80, 10), BrightnessExtractor())
    assert made.vector == pytest.approx([1, 0], abs=1e-3)
    assert made.fingerprint == "brightness"


@pytest.mark.parametrize("point", [(-1, 5), (96, 5), (5, 64), (5, -0.1)])
def test_points_outside_are_refused(point: tuple[float, float]) -> None:
    with pytest.raises(OptionError, match="outside the image"):
        make_template("lamp", np.zeros((64, 96, 3), np.uint8), Point(*point), BrightnessExtractor())


@pytest.mark.parametrize("name", ["", "a b", "person", "x/y", "../up", "é"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(TemplateError, match="invalid template name"):
        make_template(name, np.zeros((64, 96, 3), np.uint8), Point(1, 1), BrightnessExtractor())


@pytest.mark.parametrize("name", ["person", "../../escaped"])
def test_a_file_cannot_bring_a_bad_name(name: str, tmp_path: Path) -> None:
    """Such a template would switch off a group, or write outside the output."""
    header = {name: {"fingerprint": "brightness", "origin": ""}}
    metadata = {"format": "motionveil-templates-1", "templates": json.dumps(header)}
    (tmp_path / "x.safetensors").write_bytes(save({name: BRIGHT.vector}, metadata))
    with pytest.raises(TemplateError, match="invalid template name"):
        TemplateLibrary.load(tmp_path / "x.safetensors")


def test_vectors_must_be_unit() -> None:
    with pytest.raises(TemplateError, match="unit vector"):
        Template("x", np.array([1, 1], np.float32), "f", "")


def test_the_users_templates_come_on_top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.safetensors"
    monkeypatch.setenv("MOTIONVEIL_TEMPLATES", str(path))
    assert "bright" not in default_library()
    TemplateLibrary([BRIGHT]).save(path)
    assert "bright" in default_library()
    assert "hair" in default_library()

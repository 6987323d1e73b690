"""One library of templates for all videos of a dataset, and parts that are not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from motionveil._core.errors import OptionError, TemplateError
from motionveil._core.types import UInt8Array
from motionveil.detection.features import FeatureExtractor, ViTEncoder
from motionveil.detection.templates import Template, TemplateLibrary, built_in_library
from motionveil.obfuscation.obfuscators import Selective
from motionveil.obfuscation.presets import PRESETS
from motionveil.regions import Where
from motionveil_bench.copies import libraries
from motionveil_bench.copies.libraries import check_hidden, read_library, spread
from motionveil_bench.copies.obfuscations import Obfuscation, get_obfuscation
from motionveil_bench.copies.preparation import Preparation
from motionveil_bench.copies.selections import read_selective
from motionveil_bench.datasets.procedural import Procedural, make

WEIGHTS = "dino_deitsmall8_pretrain.pth"


@pytest.fixture(scope="module")
def actors(tmp_path_factory: pytest.TempPathFactory) -> Procedural:
    return make(tmp_path_factory.mktemp("actors") / "set", num_subjects=3, num_clips=3, num_frames=4, size=32)


@pytest.fixture
def paper(random_vit_file: Path) -> Obfuscation:
    """Hides hair and torso by a network without templates of its own."""
    preset = PRESETS["paper"].with_features("dino_vits8", weights=random_vit_file, short_side=64, stride=8)
    return Obfuscation(replace(preset, flow="dis", flow_options={}), Where(hide=("hair", "torso")))


def _own(tmp_path: Path, *names: str, fingerprint: str = "", seed: int = 0) -> Path:
    """A file of templates that the embedded encoder could have made, or another one."""
    vectors = np.random.default_rng(seed).standard_normal((len(names), next(iter(built_in_library())).vector.size))
    made = fingerprint or next(iter(built_in_library())).fingerprint
    templates = [
        Template(name, (vector / np.linalg.norm(vector)).astype(np.float32), made, "made up")
        for name, vector in zip(names, vectors, strict=True)
    ]
    path = tmp_path / "own.safetensors"
    TemplateLibrary(templates).save(path)
    return path


def _seen(*names: str) -> object:
    """Finds some parts, and no others."""

    def find(library: TemplateLibrary, extractor: FeatureExtractor, frames: Sequence[UInt8Array]) -> TemplateLibrary:
        asked.append(len(frames))
        vector = np.eye(extractor.channels, dtype=np.float32)
        made = [Template(n, vector[i], extractor.fingerprint, "seen") for i, n in enumerate(names)]
        return library.with_templates(made)

    asked: list[int] = []
    find.asked = asked  # type: ignore[attr-defined]
    return find


def _preparation(actors: Procedural, work: Path, paper: Obfuscation) -> tuple[Preparation, list[str]]:
    preparation = Preparation(actors.root, work, selective={"mine": paper})
    sources = [record.source for record in actors.records("action")]
    preparation.sources = sources
    return preparation, sources


def _region(preparation: Preparation, source: str, name: str = "mine") -> str:
    method = preparation.method(name, source)
    assert isinstance(method, Selective)
    return repr(method.region)


def test_templates_are_found_once_for_all_videos(
    actors: Procedural, tmp_path: Path, paper: Obfuscation, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = _seen("hair", "torso")
    monkeypatch.setattr(libraries, "with_found", find)
    preparation, sources = _preparation(actors, tmp_path, paper)
    for source in sources[:2]:
        assert _region(preparation, source) == "TemplateSaliency(hair, torso)"
    again, _ = _preparation(actors, tmp_path, paper)
    again.method("mine", sources[2])
    assert find.asked == [24 * 4]  # type: ignore[attr-defined]


def test_parts_that_are_seen_nowhere_end_nothing(
    actors: Procedural, tmp_path: Path, paper: Obfuscation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "with_found", _seen("torso"))
    preparation, sources = _preparation(actors, tmp_path, paper)
    assert _region(preparation, sources[0]) == "TemplateSaliency(torso)"
    preparation.selective["hair"] = replace(paper, where=Where(hide=("hair",)))
    assert _region(preparation, sources[0], "hair") == "Inverse(WholeFrame())"
    assert preparation.prepare(sources[0], "hair").exists()


def test_presets_that_protect_refuse_what_is_not_seen(
    actors: Procedural, tmp_path: Path, paper: Obfuscation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries, "with_found", _seen("torso"))
    strict = replace(paper, preset=replace(paper.preset, strict=True))
    preparation, sources = _preparation(actors, tmp_path, strict)
    with pytest.raises(TemplateError, match="hair could not be found"):
        preparation.method("mine", sources[0])


def test_parts_are_looked_for_in_frames_of_any_size(random_vit_file: Path) -> None:
    data = pytest.importorskip("skimage.data")
    person = np.asarray(data.astronaut(), np.uint8)[::2, ::2]
    vit = ViTEncoder(weights=random_vit_file, short_side=128, stride=8)
    empty = np.zeros((48, 64, 3), np.uint8)
    found = libraries.with_found(built_in_library(), vit, [empty, person]).made_with(vit.fingerprint)
    assert {"hair", "torso"} <= {template.name for template in found}
    assert "hand" not in found


def test_other_templates_are_other_copies(actors: Procedural, tmp_path: Path, paper: Obfuscation) -> None:
    preparation, (source, *others) = _preparation(actors, tmp_path, paper)
    first = preparation.place(source, "mine"), preparation.place(source, "secure")
    preparation.sources = others
    assert preparation.place(source, "mine") != first[0]
    assert preparation.place(source, "secure") == first[1]  # it has templates of its own
    library = read_library(_own(tmp_path, "hair"))
    fixed = Preparation(actors.root, tmp_path, library=library)
    assert fixed.place(source, "secure") != first[1]
    assert fixed.place(source, "face_black") == preparation.place(source, "face_black")
    assert fixed.place(source, "blur_weak") == preparation.place(source, "blur_weak")


def test_a_fixed_library_is_not_completed_from_videos(actors: Procedural, tmp_path: Path, paper: Obfuscation) -> None:
    library = read_library(_own(tmp_path, "hair", "torso", fingerprint="dino_vits8:0:11:key:8:0:64"))
    preparation = Preparation(actors.root, tmp_path, selective={"mine": paper}, library=library)
    preparation.sources = [actors.records("action")[0].source]
    assert not preparation.libraries.to_be_found(("hair", "torso"), "dino_vits8")
    assert preparation.libraries.to_be_found(("hair", "leg"), "dino_vits8")
    with pytest.raises(TemplateError, match="made with dino_vits8:0:11:key:8:0:64"):
        replace(paper, where=Where(hide=("logo",))).make(
            paper.networks(),
            lambda: None,
            read_library(_own(tmp_path, "logo", fingerprint="dino_vits8:0:11:key:8:0:64")),
        )


def test_own_names_are_known_where_their_file_is(tmp_path: Path) -> None:
    library = read_library(_own(tmp_path, "logo"))
    assert get_obfuscation("template_logo", library=library) is not None
    assert read_selective({"hide": ["logo", "head"]}, "a table", library).where.hide == ("logo", "head")
    with pytest.raises(OptionError, match="templates = FILE"):
        get_obfuscation("template_logo")
    with pytest.raises(OptionError, match="templates = FILE"):
        read_selective({"hide": ["logo"]}, "a table")
    check_hidden(["logo", "person"], library)


def test_an_own_template_hides_by_the_embedded_encoder(actors: Procedural, tmp_path: Path) -> None:
    library = read_library(_own(tmp_path, "logo"))
    found = read_selective({"hide": ["logo"]}, "a table", library)
    method = found.make(found.networks(), lambda: None, library)
    assert repr(method.region) == "TemplateSaliency(logo)"


def test_videos_are_taken_from_all_over() -> None:
    assert spread([str(number) for number in range(100)], 4) == ("0", "33", "66", "99")
    assert spread(["a", "b"], 24) == ("a", "b")
    assert spread([]) == ()

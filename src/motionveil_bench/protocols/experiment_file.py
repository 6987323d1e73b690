"""Experiments are read from TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from motionveil._core.atomic_files import read_small_text
from motionveil._core.errors import InputError

from ..adversarial.settings import read_learning
from ..clips.sampling import Sampling
from ..copies.libraries import read_library
from ..copies.selections import read_external, read_selective
from ..settings import Settings, read_settings
from ..training import Training
from .experiment import Experiment, SearchSettings, TwoFold, changed

Table = Mapping[str, Any]
Tables = Mapping[str, Table]
Texts = Mapping[str, str]
Folds = tuple[Annotated[int, Meta(ge=0, lt=1000)], ...]


@dataclass(frozen=True)
class _File(Settings):
    """What a file may say; see `Experiment`. learning: settings of all learned obfuscators. training, sampling: with
    tables of their own for some networks. templates: a file of templates. pretrained: see
    `Experiment.with_published_weights`."""

    dataset: str
    tasks: Mapping[str, tuple[str, ...]]
    name: str = ""
    title: str = ""
    seeds: int = 1
    folds: Folds | Mapping[str, Folds] = ()
    obfuscators: tuple[str, ...] = ()
    retrained: tuple[str, ...] = ()
    two_fold: tuple[Table, ...] = ()
    learning: Table = field(default_factory=dict)
    learned: Tables = field(default_factory=dict)
    selective: Tables = field(default_factory=dict)
    external: Tables = field(default_factory=dict)
    trained: Texts = field(default_factory=dict)
    search: Table | None = None
    training: Table = field(default_factory=dict)
    sampling: Table = field(default_factory=dict)
    substitutes: Texts = field(default_factory=dict)
    weights: Texts = field(default_factory=dict)
    pretrained: bool = False
    templates: str = ""


def read_experiment(
    path: str | Path,
    *,
    dataset: str | None = None,
    templates: str | Path | None = None,
    pretrained: bool = False,
) -> Experiment:
    """An experiment from its TOML file; dataset, templates: others than the file names. pretrained: see
    `Experiment.with_published_weights`, whether the file says so or not.

    Raises InputError for a file that is missing or no TOML, OptionError for a setting that does not exist, and
    TemplateError for a file of templates that cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no experiment {path}; those that ship lie in experiments/")
    try:
        table = tomllib.loads(read_small_text(path, most=1_000_000))
    except (ValueError, RecursionError) as error:  # the first also for numbers of thousands of digits
        raise InputError(f"{path} is no experiment file ({error})") from error
    file = read_settings(_File, {**table, **({"dataset": dataset} if dataset else {})}, str(path))
    library = read_library(templates or (path.parent / file.templates if file.templates else None))
    special: dict[str, dict[str, Table]] = {}
    common: dict[str, Any] = {}
    for key, given, start in (("training", file.training, Training()), ("sampling", file.sampling, Sampling())):
        own = {name: value for name, value in given.items() if not isinstance(value, Mapping)}
        common[key] = changed(start, own, f"[{key}] of {path}")
        for name in set(given) - set(own):
            special.setdefault(name, {})[key] = given[name]
    two_fold = tuple(read_settings(TwoFold, group, f"[[two_fold]] of {path}") for group in file.two_fold)
    learned = {
        name: read_learning(name, {**file.learning, **own}, f"[learned.{name}] of {path}")
        for name, own in file.learned.items()
    }
    experiment = Experiment(
        name=file.name or path.stem,
        dataset=file.dataset,
        networks=file.tasks,
        seeds=file.seeds,
        folds=file.folds if isinstance(file.folds, Mapping) else tuple(file.folds),
        obfuscators=file.obfuscators,
        retrained=file.retrained,
        two_fold=two_fold,
        learned=learned,
        selective={
            name: read_selective(own, f"[selective.{name}] of {path}", library, path.parent)
            for name, own in file.selective.items()
        },
        external={
            name: read_external(own, f"[external.{name}] of {path}", path.parent) for name, own in file.external.items()
        },
        library=library,
        trained={name: str(path.parent / told) for name, told in file.trained.items()},
        search=None if file.search is None else read_settings(SearchSettings, file.search, f"[search] of {path}"),
        special=special,
        substitutes=file.substitutes,
        weights={name: str(path.parent / told) for name, told in file.weights.items()},
        title=file.title,
        **common,
    )
    return experiment.with_published_weights() if pretrained or file.pretrained else experiment

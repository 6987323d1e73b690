"""Experiments are read from TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from .._core.atomic_files import read_small_text
from .._core.errors import InputError, OptionError
from .adversarial.settings import Learning, read_learning
from .experiment import MOST_SEEDS, Experiment, TwoFold, changed
from .obfuscations import Obfuscation
from .sampling import Sampling
from .search_settings import read_search
from .selective import read_selective
from .training import Training


def read_experiment(path: str | Path, *, dataset: str | None = None) -> Experiment:
    """An experiment from its TOML file; dataset: another one than the file names.

    Raises InputError for a file that is missing or no TOML, OptionError for a setting that does not exist.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no experiment {path}; those that ship lie in experiments/")
    try:
        told = tomllib.loads(read_small_text(path, most=1_000_000))
    except (ValueError, RecursionError) as error:  # the first also for numbers of thousands of digits
        raise InputError(f"{path} is no experiment file ({error})") from error
    given = {**told, **({"dataset": dataset} if dataset else {})}
    tasks = given.pop("tasks", {})
    if not isinstance(tasks, Mapping) or not tasks:
        raise OptionError(f"{path} names no tasks; write for instance: tasks.action = ['x3d_s']")
    for key in ("training", "sampling", "weights", "substitutes", "trained"):
        if not isinstance(given.get(key, {}), Mapping):
            raise OptionError(f"{key} of {path} must be a table, not {given[key]!r}; write [{key}] above its settings")
    if type(given.get("seeds", 1)) is not int:
        raise OptionError(f"seeds of {path} must be a whole number, not {given['seeds']!r}")
    for key in ("weights", "substitutes", "trained"):
        if wrong := [name for name, value in given.get(key, {}).items() if not isinstance(value, str)]:
            raise OptionError(f"{key}.{wrong[0]} of {path} must be a text")
    for key in ("weights", "trained"):
        given[key] = {name: str(path.parent / file) for name, file in given.get(key, {}).items()}
    special: dict[str, dict[str, Any]] = {}
    for key in ("training", "sampling"):
        table = given.pop(key, {})
        own = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
        for name in set(table) - set(own):
            special.setdefault(name, {})[key] = table[name]
        where = f"[{key}] of {path}"
        given[key] = changed(Training(), own, where) if key == "training" else changed(Sampling(), own, where)
    known = {item.name for item in fields(Experiment)} - {"networks", "special"} | {"learning"}
    if unknown := set(given) - known:
        raise OptionError(f"{path} has a setting {min(unknown)!r} that does not exist; there are {', '.join(known)}")
    given["folds"] = _folds(given.get("folds", ()), path)
    given["two_fold"] = _two_fold(given.get("two_fold", ()), path)
    given["learned"] = _learned(given.pop("learning", {}), given.get("learned", {}), path)
    given["selective"] = _selective(given.get("selective", {}), path)
    if "search" in given:
        given["search"] = read_search(given["search"], f"[search] of {path}")
    for key in ("obfuscators", "retrained"):
        given[key] = _names(given.get(key, ()), f"{key} of {path}")
    networks = {task: _names(names, f"tasks.{task} of {path}") for task, names in tasks.items()}
    try:
        return Experiment(**{"name": path.stem, **given}, networks=networks, special=special)
    except TypeError as error:
        raise OptionError(f"{path} is not complete: {error}".replace("Experiment.__init__()", "it")) from error


def _two_fold(value: Any, path: Path) -> tuple[TwoFold, ...]:
    if not isinstance(value, Sequence) or not all(isinstance(group, Mapping) for group in value):
        raise OptionError(f"two_fold of {path} must be tables; write [[two_fold]] above each")
    groups = []
    for group in value:
        needed, known = ("obfuscators", "attackers"), ("obfuscators", "attackers", "seeds", "learn_from")
        if unknown := sorted(set(group) - set(known)):
            raise OptionError(f"[[two_fold]] of {path} has no {unknown[0]}; there are {', '.join(known)}")
        for key in needed:
            if not group.get(key) and not (key == "obfuscators" and group.get(key) == []):
                raise OptionError(f"{key} of [[two_fold]] of {path} are missing; name at least one")
        if type(group.get("seeds", 1)) is not int or not 1 <= group.get("seeds", 1) <= MOST_SEEDS:
            raise OptionError(
                f"seeds of [[two_fold]] of {path} must be a whole number, at least 1, at most {MOST_SEEDS}"
            )
        names = {key: _names(group[key], f"two_fold.{key} of {path}") for key in ("obfuscators", "attackers")}
        groups.append(TwoFold(**names, seeds=group.get("seeds", 1), learn_from=str(group.get("learn_from", ""))))
    return tuple(groups)


def _learned(common: Any, tables: Any, path: Path) -> dict[str, Learning]:
    """common: settings of all of them."""
    if not isinstance(common, Mapping):
        raise OptionError(f"learning of {path} must be a table, not {common!r}")
    _check_tables("learned", tables, path)
    return {
        name: read_learning(name, {**common, **table}, f"[learned.{name}] of {path}") for name, table in tables.items()
    }


def _selective(tables: Any, path: Path) -> dict[str, Obfuscation]:
    _check_tables("selective", tables, path)
    return {name: read_selective(table, f"[selective.{name}] of {path}") for name, table in tables.items()}


def _check_tables(key: str, tables: Any, path: Path) -> None:
    """Raise OptionError where this is no table of tables."""
    if not isinstance(tables, Mapping):
        raise OptionError(f"{key} of {path} must be a table, not {tables!r}")
    if wrong := [name for name, table in tables.items() if not isinstance(table, Mapping)]:
        raise OptionError(f"{key}.{wrong[0]} of {path} must be a table; write [{key}.{wrong[0]}] above its settings")


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise OptionError(f"{where} must be a list of names, not {value!r}")
    return tuple(value)


def _folds(value: Any, path: Path) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or not all(type(fold) is int and 0 <= fold < 1000 for fold in value):
        raise OptionError(f"folds of {path} must be a list of numbers, the first fold is 0, not {value!r}")
    return tuple(value)

"""Experiments as files: what is trained on what, and judged on what."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from ..errors import InputError, OptionError
from ..features import FEATURE_EXTRACTORS
from ..flow import FLOW_ESTIMATORS
from .adversarial.settings import Learning, read_learning
from .networks import get_network
from .obfuscations import ORIGINAL, get_obfuscation
from .sampling import Sampling
from .training import Training

ACTION, PRIVACY = "action", "privacy"
Settings = TypeVar("Settings", Training, Sampling)


@dataclass(frozen=True)
class Run:
    """One training: a network learns a task from clips as one obfuscator shows them; learn_from: clips of that dataset
    instead of the experiment's."""

    dataset: str
    task: str
    network: str
    obfuscator: str
    seed: int
    fold: int
    learn_from: str = ""


@dataclass(frozen=True)
class TwoFold:
    """Unseen attackers (Wu et al.): each obfuscator is frozen, and each attacker is trained on what it makes.

    seeds: as of an experiment. learn_from: the dataset that attackers learn from, where that is another one than they
    are judged on (VISPR for PA-HMDB51).
    """

    obfuscators: tuple[str, ...]
    attackers: tuple[str, ...]
    seeds: int = 1
    learn_from: str = ""


@dataclass(frozen=True)
class Experiment:
    """What an experiment file says.

    name: of the results. dataset: one of `datasets.DATASETS`. networks: their names by task; the task `privacy` stands
    for all of the dataset's that are no action. seeds: how many; seed k learns from fold k, modulo the folds that the
    dataset has, or, where folds are given, every seed from each of these. obfuscators: judged by networks that know
    only original video (protocol 'frozen'). retrained: judged by networks that were trained on what they make, too.
    two_fold: obfuscators and the attackers that are trained on them. learned: trainings of learned obfuscators, by the
    names that the lists of obfuscators have for them.
    training, sampling: for all networks; special: what is different for some, by their names. substitutes: networks of
    obfuscators that stand in for others, see `Obfuscation.with_networks_at_hand`. weights: files of pretrained weights
    by network; the others start from random ones. Raises OptionError for a name or a value that makes no sense.
    """

    name: str
    dataset: str
    networks: Mapping[str, tuple[str, ...]]
    seeds: int = 1
    folds: tuple[int, ...] = ()
    obfuscators: tuple[str, ...] = (ORIGINAL,)
    retrained: tuple[str, ...] = ()
    two_fold: tuple[TwoFold, ...] = ()
    learned: Mapping[str, Learning] = field(default_factory=dict)
    training: Training = field(default_factory=Training)
    sampling: Sampling = field(default_factory=Sampling)
    special: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    substitutes: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    def __post_init__(self) -> None:
        # Every name is looked at before anything that takes long.
        if self.seeds < 1:
            raise OptionError(f"an experiment needs at least 1 seed, not {self.seeds}")
        for name in self.every_obfuscator():
            if name not in self.learned:
                get_obfuscation(name)
        if len(self.other_datasets()) > 1:
            raise OptionError(
                f"{self.name} takes attributes from {' and '.join(sorted(self.other_datasets()))}; name one"
            )
        used = {name for names in self.networks.values() for name in names}
        used |= {name for group in self.two_fold for name in group.attackers}
        used |= {name for learning in self.learned.values() for name in (learning.utility, *learning.budgets)}
        for key, names in (("weights", self.weights), ("training. or sampling.", self.special)):
            if unused := set(names) - used:
                raise OptionError(f"{key} names {min(unused)}, which is in no task; correct the name")
        known = {*FEATURE_EXTRACTORS, *FLOW_ESTIMATORS}
        for name in {*self.substitutes, *self.substitutes.values()}:
            if name not in known:
                raise OptionError(f"substitutes names {name}; there are {', '.join(sorted(known))}")
        for name in used:
            get_network(name)
            self.training_of(name)
            self.sampling_of(name)

    def every_obfuscator(self) -> tuple[str, ...]:
        """The original, then all others, each once; those first that most has to be done with."""
        attacked = (name for group in self.two_fold for name in group.obfuscators)
        return tuple(dict.fromkeys((ORIGINAL, *self.retrained, *attacked, *self.obfuscators)))

    def other_datasets(self) -> set[str]:
        """Datasets beside the experiment's own that attributes are learned from."""
        named = {group.learn_from for group in self.two_fold}
        named |= {learning.attribute_dataset for learning in self.learned.values()}
        return named - {"", self.dataset}

    def only(self, obfuscators: Sequence[str]) -> Experiment:
        """The same with these obfuscators alone; all of them where none is named."""
        if unknown := set(obfuscators) - set(self.every_obfuscator()):
            raise OptionError(f"{self.name} has no {min(unknown)}; it has {', '.join(self.every_obfuscator())}")
        if not obfuscators:
            return self
        return replace(
            self,
            obfuscators=tuple(name for name in self.obfuscators if name in obfuscators),
            retrained=tuple(name for name in self.retrained if name in obfuscators),
            two_fold=tuple(
                replace(group, obfuscators=tuple(name for name in group.obfuscators if name in obfuscators))
                for group in self.two_fold
            ),
        )

    def for_tasks(self, tasks: Collection[str]) -> Experiment:
        """The same for the tasks of a dataset: `privacy` becomes all that are no action.

        Raises OptionError where there are none, and for a task that the dataset does not have.
        """
        networks = {task: names for task, names in self.networks.items() if task != PRIVACY}
        if unknown := set(networks) - set(tasks):
            raise OptionError(f"{self.dataset} has no task {min(unknown)}; it has {', '.join(tasks)}")
        attributes = [task for task in tasks if task != ACTION]
        if PRIVACY in self.networks:
            if not attributes:
                raise OptionError(f"{self.dataset} has no privacy attribute, only {ACTION}; leave tasks.privacy out")
            if both := set(attributes) & set(networks):
                raise OptionError(f"tasks.privacy stands for {', '.join(attributes)}; leave tasks.{min(both)} out")
            networks |= dict.fromkeys(attributes, self.networks[PRIVACY])
        return replace(self, networks=networks)

    def training_of(self, network: str) -> Training:
        """The training of one network."""
        return _changed(self.training, self.special.get(network, {}).get("training", {}), f"[training.{network}]")

    def sampling_of(self, network: str) -> Sampling:
        """What one network sees."""
        return _changed(self.sampling, self.special.get(network, {}).get("sampling", {}), f"[sampling.{network}]")

    def runs(self, num_folds: Mapping[str, int]) -> Iterator[Run]:
        """All trainings, each once, obfuscator by obfuscator. num_folds: by task."""
        yield from dict.fromkeys(self._runs(num_folds))

    def _runs(self, num_folds: Mapping[str, int]) -> Iterator[Run]:
        for obfuscator in dict.fromkeys((ORIGINAL, *self.retrained)):
            for task, names in self.networks.items():
                for name in names:
                    for seed, fold in self._pairs(self.seeds, task, num_folds[task]):
                        yield Run(self.dataset, task, name, obfuscator, seed, fold)
        for group in self.two_fold:
            for obfuscator in group.obfuscators:
                for task, names in self.networks.items():
                    learn_from = group.learn_from if task != ACTION else ""
                    for name in self._unseen(group, obfuscator, task, names):
                        for seed, fold in self._pairs(group.seeds, task, num_folds[task]):
                            yield Run(self.dataset, task, name, obfuscator, seed, fold, learn_from)

    def _pairs(self, seeds: int, task: str, num_folds: int) -> list[tuple[int, int]]:
        """(seed, fold)"""
        if not self.folds:
            return [(seed, seed % num_folds) for seed in range(seeds)]
        if max(self.folds) >= num_folds:
            raise OptionError(f"{task} of {self.dataset} has the folds 0 to {num_folds - 1}")
        return [(seed, fold) for fold in self.folds for seed in range(seeds)]

    def _unseen(self, group: TwoFold, obfuscator: str, task: str, names: Sequence[str]) -> Sequence[str]:
        """Who judges an obfuscator in the two-fold evaluation: attackers, and for actions the network that was trained
        with it; one trained on what it makes where it is no learned one."""
        if task != ACTION:
            return group.attackers
        return (self.learned[obfuscator].utility,) if obfuscator in self.learned else names

    def judged(self, run: Run) -> Iterator[tuple[str, str]]:
        """(obfuscator, protocol) on which a trained network is judged."""
        if run.network in self.networks[run.task] and run.seed < self.seeds and not run.learn_from:
            if run.obfuscator == ORIGINAL:
                yield from ((name, "frozen") for name in dict.fromkeys((ORIGINAL, *self.obfuscators)))
            if run.obfuscator in (ORIGINAL, *self.retrained) and self.retrained:
                yield run.obfuscator, "retrained"
        if any(
            run.obfuscator in group.obfuscators
            and run.seed < group.seeds
            and run.learn_from == (group.learn_from if run.task != ACTION else "")
            and run.network in self._unseen(group, run.obfuscator, run.task, self.networks[run.task])
            for group in self.two_fold
        ):
            yield run.obfuscator, "two_fold"

    def is_with_obfuscator(self, run: Run, protocol: str) -> bool:
        """Whether what is judged is the utility network that was trained together with the obfuscator."""
        return protocol == "two_fold" and run.task == ACTION and run.obfuscator in self.learned


def read_experiment(path: str | Path, *, dataset: str | None = None) -> Experiment:
    """An experiment from its TOML file; dataset: another one than the file names.

    Raises InputError for a file that is missing or no TOML, OptionError for a setting that does not exist.
    """
    path = Path(path)
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"there is no experiment {path}; those that ship lie in experiments/") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(f"{path} is no experiment file ({error})") from error
    given = {**told, **({"dataset": dataset} if dataset else {})}
    tasks = given.pop("tasks", {})
    if not isinstance(tasks, Mapping) or not tasks:
        raise OptionError(f"{path} names no tasks; write for instance: tasks.action = ['x3d_s']")
    for key in ("training", "sampling", "weights", "substitutes"):
        if not isinstance(given.get(key, {}), Mapping):
            raise OptionError(f"{key} of {path} must be a table, not {given[key]!r}; write [{key}] above its settings")
    if type(given.get("seeds", 1)) is not int:
        raise OptionError(f"seeds of {path} must be a whole number, not {given['seeds']!r}")
    for key in ("weights", "substitutes"):
        if wrong := [name for name, value in given.get(key, {}).items() if not isinstance(value, str)]:
            raise OptionError(f"{key}.{wrong[0]} of {path} must be a text")
    given["weights"] = {name: str(path.parent / file) for name, file in given.get("weights", {}).items()}
    special: dict[str, dict[str, Any]] = {}
    for key in ("training", "sampling"):
        table = given.pop(key, {})
        own = {name: value for name, value in table.items() if not isinstance(value, Mapping)}
        for name in set(table) - set(own):
            special.setdefault(name, {})[key] = table[name]
        where = f"[{key}] of {path}"
        given[key] = _changed(Training(), own, where) if key == "training" else _changed(Sampling(), own, where)
    known = {item.name for item in fields(Experiment)} - {"networks", "special"} | {"learning"}
    if unknown := set(given) - known:
        raise OptionError(f"{path} has a setting {min(unknown)!r} that does not exist; there are {', '.join(known)}")
    given["folds"] = _folds(given.get("folds", ()), path)
    given["two_fold"] = _two_fold(given.get("two_fold", ()), path)
    given["learned"] = _learned(given.pop("learning", {}), given.get("learned", {}), path)
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
        if set(group) - {"obfuscators", "attackers", "seeds", "learn_from"} or not {"obfuscators", "attackers"} <= set(
            group
        ):
            raise OptionError(f"[[two_fold]] of {path} has obfuscators and attackers, and perhaps seeds and learn_from")
        if type(group.get("seeds", 1)) is not int or group.get("seeds", 1) < 1:
            raise OptionError(f"seeds of [[two_fold]] of {path} must be a whole number, at least 1")
        names = {key: _names(group[key], f"two_fold.{key} of {path}") for key in ("obfuscators", "attackers")}
        groups.append(TwoFold(**names, seeds=group.get("seeds", 1), learn_from=str(group.get("learn_from", ""))))
    return tuple(groups)


def _learned(common: Any, tables: Any, path: Path) -> dict[str, Learning]:
    """common: settings of all of them."""
    for key, value in (("learning", common), ("learned", tables)):
        if not isinstance(value, Mapping):
            raise OptionError(f"{key} of {path} must be a table, not {value!r}")
    if wrong := [name for name, table in tables.items() if not isinstance(table, Mapping)]:
        raise OptionError(
            f"learned.{wrong[0]} of {path} must be a table; write [learned.{wrong[0]}] above its settings"
        )
    return {
        name: read_learning(name, {**common, **table}, f"[learned.{name}] of {path}") for name, table in tables.items()
    }


def _names(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise OptionError(f"{where} must be a list of names, not {value!r}")
    return tuple(value)


def _folds(value: Any, path: Path) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or not all(isinstance(fold, int) and fold >= 0 for fold in value):
        raise OptionError(f"folds of {path} must be a list of numbers, the first fold is 0, not {value!r}")
    return tuple(value)


def _changed(settings: Settings, changes: Mapping[str, Any], where: str) -> Settings:
    known = {item.name for item in fields(settings)}
    if unknown := set(changes) - known:
        raise OptionError(f"{where} has a setting {min(unknown)!r} that does not exist; there are {', '.join(known)}")
    return replace(settings, **changes)

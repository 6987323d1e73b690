"""Experiments: what is trained on what, and judged on what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from msgspec import Meta

from motionveil._core.errors import OptionError
from motionveil.detection.features import FEATURE_EXTRACTORS
from motionveil.detection.templates import TemplateLibrary
from motionveil.flow import FLOW_ESTIMATORS

from ..adversarial.settings import Learning
from ..clips.sampling import Sampling
from ..copies.libraries import read_library
from ..copies.obfuscations import FLOW_WEIGHTS, ORIGINAL, Obfuscation, check_names, get_obfuscation
from ..copies.preparation import Preparation
from ..copies.selections import External
from ..datasets import DATASETS
from ..models import get_network, published_weights
from ..settings import Count, CountOrNone, Settings, Share, check_names_of, checked, kinds_of
from ..training import Training

Seeds = Annotated[int, Meta(ge=1, le=1000)]
ACTION, PRIVACY = "action", "privacy"
Changed = TypeVar("Changed", bound=Settings)


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
class TwoFold(Settings):
    """Unseen attackers (Wu et al.): each obfuscator is frozen, and each attacker is trained on what it makes.

    seeds: as of an experiment. learn_from: the dataset that attackers learn from, where that is another one than they
    are judged on (VISPR for PA-HMDB51).
    """

    obfuscators: tuple[str, ...]
    attackers: tuple[str, ...]
    seeds: Seeds = 1
    learn_from: str = ""


@dataclass(frozen=True)
class SearchSettings(Settings):
    """action: the network for actions. attackers: networks for the attribute, of whom the strongest counts. attribute:
    a task, empty for the only one that the dataset has beside actions. seed: of trainings and proposals; it chooses the
    fold, too. weight: of privacy in `f_lambda`. trials: how many are made in all. start: a preset, the first trial,
    whose networks and filler all others have.
    """

    action: str
    attackers: Annotated[tuple[str, ...], Meta(min_length=1)]
    attribute: str = ""
    seed: CountOrNone = 0
    weight: Share = 0.5
    trials: Count = 12
    start: str = "secure"


@dataclass(frozen=True)
class Experiment:
    """What an experiment file says.

    name: of the results. dataset: one of `datasets.DATASETS`. networks: their names by task; the task `privacy` stands
    for all of the dataset's that are no action. seeds: how many; seed k learns from fold k, modulo the folds that the
    dataset has, or, where folds are given (for all tasks, or by task), every seed from each of these.
    obfuscators: judged by networks that know only original video (protocol 'frozen'). retrained: judged by networks
    that were trained on what they make, too.
    two_fold: obfuscators and the attackers that are trained on them. learned: trainings of learned obfuscators, by the
    names that the lists of obfuscators have for them. selective: obfuscations of the experiment's own, external: copies
    of other programs, and trained: files of learned obfuscators that are finished, in the same way. library: all
    templates that there are.
    search: what `searching.search` is told.
    training, sampling: for all networks; special: what is different for some, by their names. substitutes: networks of
    obfuscators that stand in for others, see `Obfuscation.with_networks_at_hand`. weights: files of pretrained weights
    by network; the others start from random ones. Raises OptionError for a name or a value that makes no sense.
    """

    name: str
    dataset: str
    networks: Mapping[str, tuple[str, ...]]
    seeds: int = 1
    folds: tuple[int, ...] | Mapping[str, Sequence[int]] = ()
    obfuscators: tuple[str, ...] = (ORIGINAL,)
    retrained: tuple[str, ...] = ()
    two_fold: tuple[TwoFold, ...] = ()
    learned: Mapping[str, Learning] = field(default_factory=dict)
    selective: Mapping[str, Obfuscation] = field(default_factory=dict)
    external: Mapping[str, External] = field(default_factory=dict)
    trained: Mapping[str, str] = field(default_factory=dict)
    library: TemplateLibrary = field(default_factory=read_library, compare=False)
    search: SearchSettings | None = None
    training: Training = field(default_factory=Training)
    sampling: Sampling = field(default_factory=Sampling)
    special: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    substitutes: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    title: str = ""

    def __post_init__(self) -> None:
        # Every name is looked at before anything that takes long.
        checked(self.seeds, Seeds, f"seeds of {self.name}")
        check_names(selective=self.selective, learned=self.learned, external=self.external, trained=self.trained)
        for name in self.every_obfuscator():
            own = (*self.learned, *self.selective, *self.external, *self.trained)
            if name not in own:
                try:
                    get_obfuscation(name, library=self.library)
                except OptionError as error:
                    more = f"; {self.name} has {', '.join(own)} of its own" if own else ""
                    raise OptionError(f"{error}{more}") from None
        for name in self.other_datasets():
            if name not in DATASETS:
                raise OptionError(f"no dataset {name!r} to learn attributes from; choose from {', '.join(DATASETS)}")
        if len(self.other_datasets()) > 1:
            raise OptionError(
                f"{self.name} takes attributes from {' and '.join(sorted(self.other_datasets()))}; name one"
            )
        if isinstance(self.folds, Mapping) and (unknown := set(self.folds) - {*self.networks, ACTION, PRIVACY}):
            raise OptionError(f"folds names {min(unknown)}, which is no task of {self.name}; correct the name")
        used = self.every_network()
        for key, names in (("weights", self.weights), ("training. or sampling.", self.special)):
            if unused := set(names) - used:
                raise OptionError(f"{key} names {min(unused)}, which is in no task; correct the name")
        known = {*FEATURE_EXTRACTORS, *FLOW_ESTIMATORS, *FLOW_WEIGHTS}
        for name in {*self.substitutes, *self.substitutes.values()}:
            if name not in known:
                raise OptionError(f"substitutes names {name}; there are {', '.join(sorted(known))}")
        for name in used:
            get_network(name)
            self.training_of(name)
            self.sampling_of(name)

    def every_network(self) -> set[str]:
        """All networks that learn anything."""
        used = {name for names in self.networks.values() for name in names}
        used |= {name for group in self.two_fold for name in group.attackers}
        used |= {name for learning in self.learned.values() for name in (learning.utility, *learning.budgets)}
        if self.search is not None:
            used |= {self.search.action, *self.search.attackers}
        return used

    def with_published_weights(self) -> Experiment:
        """The same with published weights for all networks that have some, but those that have a file already. Raises
        WeightsError where they are not in the weights folder."""
        found = {n: published_weights(n) for n in sorted(self.every_network() - set(self.weights))}
        return replace(self, weights={**self.weights, **{n: str(path) for n, path in found.items() if path}})

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
        return changed(self.training, self.special.get(network, {}).get("training", {}), f"[training.{network}]")

    def sampling_of(self, network: str) -> Sampling:
        """What one network sees."""
        return changed(self.sampling, self.special.get(network, {}).get("sampling", {}), f"[sampling.{network}]")

    def preparation(self, dataset: str, root: Path, work: Path) -> Preparation:
        """Copies of a dataset with the networks and obfuscations of this experiment. work: folder for copies."""
        return Preparation(
            root,
            work,
            dataset=dataset,
            substitutes=self.substitutes,
            selective=self.selective,
            external=self.external,
            library=self.library,
        )

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
        folds = self.folds_of(task)
        if not folds:
            return [(seed, seed % num_folds) for seed in range(seeds)]
        if max(folds) >= num_folds:
            raise OptionError(
                f"{task} of {self.dataset} has the folds 0 to {num_folds - 1}; give those of each task: "
                "folds = { action = [0], privacy = [0] }"
            )
        return [(seed, fold) for fold in folds for seed in range(seeds)]

    def folds_of(self, task: str) -> tuple[int, ...]:
        """The folds that are named for a task; none where seeds choose them."""
        if not isinstance(self.folds, Mapping):
            return self.folds
        return tuple(self.folds.get(task, () if task == ACTION else self.folds.get(PRIVACY, ())))

    def _unseen(self, group: TwoFold, obfuscator: str, task: str, names: Sequence[str]) -> Sequence[str]:
        """Who judges an obfuscator in the two-fold evaluation: attackers, and for actions the network that was trained
        with it; one trained on what it makes where it is no learned one."""
        if task != ACTION:
            return group.attackers
        return (self.learned[obfuscator].utility,) if obfuscator in self.learned else names

    def evaluations(self, run: Run) -> Iterator[tuple[str, str]]:
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


def changed(settings: Changed, changes: Mapping[str, Any], where: str) -> Changed:
    """Settings with some of them changed. Raises OptionError, which names the place, for one that does not exist, or a
    value that makes no sense."""
    check_names_of(changes, kinds_of(type(settings)), where)
    try:
        return replace(settings, **changes)
    except OptionError as error:
        raise OptionError(f"{where}: {error}") from None

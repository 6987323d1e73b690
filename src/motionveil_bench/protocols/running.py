"""Runs experiments: prepares, trains, judges, appends rows; what is done already is not done again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import torch
from filelock import FileLock, Timeout

from motionveil._core.errors import InputError, OptionError

from ..adversarial.history import LearningProgress
from ..adversarial.learner import Instance
from ..clips.footage import Footage
from ..clips.frames import FrameStore
from ..copies.obfuscations import ORIGINAL
from ..copies.preparation import Preparation
from ..datasets import AnnotatedDataset, get_dataset
from ..models import get_network
from ..models.hub import HUB, row_name
from ..results import Row, append_rows, hash_of, identity, merged, read_rows
from .evaluator import Evaluator
from .experiment import ACTION, Experiment, Run

Item = TypeVar("Item")


@dataclass(frozen=True)
class Places:
    """Folders: originals and annotations of the dataset, what is made on the way (obfuscated copies, trained networks;
    can be thrown away), and the file of rows; originals and annotations of the dataset that attributes come from, where
    that is another one.
    """

    root: Path
    annotations: Path | None
    work: Path
    results: Path
    attribute_root: Path | None = None
    attribute_annotations: Path | None = None


Work = tuple[Run, str, str]
"""(training, obfuscator, protocol): what one row, or several of its metrics, is about."""
Copy = tuple[Preparation, str, str]
"""(where, source, name of what it is shown through)"""


@dataclass(frozen=True)
class Plan:
    """What is left to do: copies of sources to make, trainings, judgements of trained networks, and learned obfuscators
    to train. Nothing is needed for rows that are there already."""

    copies: tuple[Copy, ...]
    trainings: tuple[Run, ...]
    evaluations: int
    learned: tuple[Instance, ...] = ()


@dataclass(frozen=True)
class Step:
    """Where a running experiment is: what it does, and how much of that is done."""

    what: str
    done: int
    total: int
    detail: str = ""


class Benchmark:
    """One experiment on one dataset.

    Several processes may run the same one at the same time: a training that another process works on is left to it.
    memory: GiB for decoded clips where the disk has no room. threads: for networks on the CPU, None: torch's choice.
    Raises InputError and OptionError for what is wrong with dataset or experiment.
    """

    def __init__(
        self, experiment: Experiment, places: Places, *, memory: float = 3.0, threads: int | None = None
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.places = places
        self.dataset = get_dataset(experiment.dataset, places.root, places.annotations)
        self.experiment = experiment.for_tasks(self.dataset.tasks)
        self.preparation = experiment.preparation(experiment.dataset, places.root, places.work)
        self.preparation.sources = self.sources
        self.store = FrameStore(self.preparation, memory=memory)
        footage = Footage(self.dataset, self.preparation, self.store)
        self._attributes = footage
        for other in self.experiment.other_datasets():
            if places.attribute_root is None:
                raise OptionError(
                    f"{experiment.name} takes attributes from {other}; say where it is with --attribute-root"
                )
            try:
                dataset = get_dataset(other, places.attribute_root, places.attribute_annotations)
            except InputError as error:
                raise InputError(str(error).replace("--annotations", "--attribute-annotations")) from error
            preparation = experiment.preparation(other, places.attribute_root, places.work)
            preparation.digests = self.preparation.digests  # one file, one memory
            preparation.sources = _sources_of(dataset, [task for task in dataset.tasks if task != ACTION])
            self._attributes = Footage(dataset, preparation, FrameStore(preparation, memory=memory))
        self.evaluator = Evaluator(self.experiment, footage, self._attributes, places.work)
        self._read: tuple[int, set[tuple[Any, ...]]] = (-1, set())

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All trainings."""
        return tuple(self.experiment.runs({task: self.dataset.num_folds(task) for task in self.experiment.networks}))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """All files that any split of any task needs."""
        return _sources_of(self.dataset, self.experiment.networks)

    def instances(self, obfuscator: str, *, at_least_one: bool = False) -> tuple[Instance, ...]:
        """The trainings of a learned obfuscator that anything is judged on; none of those that are not learned.

        at_least_one: the first, where nothing is judged on it.
        """
        instances = self._instances(self._work(obfuscator))
        if at_least_one and not instances:
            return (Instance(obfuscator, 0, (*self.experiment.folds_of(ACTION), 0)[0]),)
        return instances

    def _instances(self, work: Iterable[Work]) -> tuple[Instance, ...]:
        found = (self.evaluator.instance(run, judged) for run, judged, _ in work)
        return tuple(dict.fromkeys(instance for instance in found if instance is not None))

    def _copies(self, work: Iterable[Work]) -> list[Copy]:
        """(where, source, name) of all copies that some work needs."""
        shown = [(run, self.evaluator.shown(run, judged)) for run, judged, _ in work if judged != ORIGINAL]
        names = dict.fromkeys(name for _, name in shown)
        copies = [(self.preparation, source, name) for name in names for source in self.sources]
        for run, name in shown:
            if run.learn_from:
                taught = self.evaluator.taught(run)
                sources = sorted({record.source for record in (*taught.train, *taught.validation)})
                copies += [(self._attributes.preparation, source, name) for source in sources]
        return list(dict.fromkeys(copies))

    def plan(self) -> Plan:
        """What is left to do."""
        left = [each for name in self.experiment.every_obfuscator() for each in self._left(name)]
        trained = dict.fromkeys(
            run for run, _, protocol in left if not self.experiment.is_with_obfuscator(run, protocol)
        )
        return Plan(
            tuple(copy for copy in self._copies(left) if not copy[0].is_ready(*copy[1:])),
            tuple(run for run in trained if not self.evaluator.is_trained(run)),
            len(left),
            tuple(each for each in self._instances(left) if not self.evaluator.learner.is_learned(each)),
        )

    def check(self) -> None:
        """Find out what is missing before anything that takes long. Raises WeightsError, and InputError for sources."""
        for source in self.sources:
            self.preparation.digest(source)
        for obfuscator in self.experiment.every_obfuscator():
            left = self._left(obfuscator)
            if obfuscator in self.experiment.learned:
                for instance in self._instances(left):
                    self.evaluator.learner.check(instance)
                    self.evaluator.learner.folder(instance)
            elif not all(where.is_ready(source, name) for where, source, name in self._copies(left)):
                self.preparation.check(obfuscator)
        for run in self.runs:
            if run.learn_from:
                self.evaluator.check_taught(run)
        for name, task in dict.fromkeys((run.network, run.task) for run in self.runs):
            if name in self.experiment.weights or name.startswith(HUB):
                self.evaluator.build(name, task, seed=0)
        self.preparation.digests.save()

    def run(self, on_step: Callable[[Step], None] | None = None) -> None:
        """Do what is left to do. on_step: called with every bit of progress. Raises what `check` does, at once."""
        tell = on_step or (lambda step: None)
        self.check()
        for obfuscator in self.experiment.every_obfuscator():
            left = self._left(obfuscator)
            self.learn(self._instances(left), tell)
            self._copy_all(obfuscator, self._copies(left), tell)
            # All that needs these copies is done together: then they are read once.
            self._until_done(
                left, lambda item, done, total: self._do(*item, lambda text: tell(Step("networks", done, total, text)))
            )

    def learn(
        self,
        instances: Sequence[Instance],
        tell: Callable[[Step], None],
        on_learned: Callable[[Instance], None] | None = None,
    ) -> None:
        """Train learned obfuscators, but those that another process trains just now until it is done.

        on_learned: called for each when it is trained.
        """

        def train(instance: Instance, done: int, total: int) -> bool:
            def told(progress: LearningProgress) -> None:
                where = f"round {progress.round} of {progress.rounds}, {progress.phase}"
                if progress.actions is not None:
                    where += f", actions {progress.actions:.0%}"
                if progress.attackers is not None:
                    where += f", attackers {progress.attackers:.0%}"
                if math.isfinite(progress.seconds_left):
                    where += f", {progress.seconds_left / 60:.0f} min left"
                tell(Step("learning", done, total, f"{instance.name}, seed {instance.seed}: {where}"))

            folder = self.evaluator.learner.folder(instance)
            folder.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
                    self.evaluator.learner.learn(instance, told)
            except Timeout:
                return False
            if on_learned is not None:
                on_learned(instance)
            return True

        # What is finished already is looked at too, where somebody waits for it.
        wanted = [each for each in instances if on_learned is not None or not self.evaluator.learner.is_learned(each)]
        self._until_done(wanted, train)
        self.preparation.digests.save()

    def _until_done(self, items: Sequence[Item], do: Callable[[Item, int, int], bool]) -> None:
        """Do all items. What another process works on just now is left to it, and looked at again later."""
        left, done = list(items), 0
        while left:
            waiting = []
            for item in left:
                if do(item, done, len(items)):
                    done += 1
                else:
                    waiting.append(item)
            if len(waiting) == len(left):
                time.sleep(1.0)
            left = waiting

    def _copy_all(self, obfuscator: str, copies: Sequence[Copy], tell: Callable[[Step], None]) -> None:
        """Make copies, but those that another process works on just now until it is done."""

        def copy(item: Copy, done: int, total: int) -> bool:
            preparation, source, name = item
            tell(Step("obfuscating", done, total, obfuscator))
            return preparation.prepare_unless_busy(source, name)

        self._until_done(copies, copy)

    def _work(self, obfuscator: str) -> Iterator[Work]:
        for run in self.runs:
            for judged, protocol in self.experiment.evaluations(run):
                if judged == obfuscator:
                    yield run, judged, protocol

    def _left(self, obfuscator: str) -> list[Work]:
        """What there is no row of yet."""
        return [work for work in self._work(obfuscator) if not self._is_done(*work)]

    def _do(self, run: Run, judged: str, protocol: str, tell: Callable[[str], None]) -> bool:
        """Train if need be, and judge. False where another process trains that network just now."""
        if self._is_done(run, judged, protocol):
            return True
        folder = self.evaluator.folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
                if not self._is_done(run, judged, protocol):
                    rows = self._same_under_another_protocol(run, judged, protocol)
                    append_rows(self.places.results, rows or self.evaluator.evaluate(run, judged, protocol, tell))
        except Timeout:
            return False
        return True

    def _same_under_another_protocol(self, run: Run, judged: str, protocol: str) -> list[Row]:
        """The rows of the same trained network on the same clips, which are not measured twice; none where there are
        none yet. ('retrained' and 'two_fold' differ in who is asked, not in how.)"""
        if self.experiment.is_with_obfuscator(run, protocol) or not self.places.results.exists():
            return []
        # A network that learned from original video is another one than that which learned from what X makes, though
        # both are judged on X in the same way: frozen is the same as retrained for the original alone.
        same = {"retrained", "two_fold"} if run.obfuscator == judged else {"frozen"}
        if judged == ORIGINAL:
            same.add("frozen")
        if protocol not in same:
            return []
        key = hash_of(self.evaluator.configuration(run, judged, protocol))
        network = row_name(run.network)
        found = {
            row.metric: replace(row, protocol=protocol)
            for row in merged(read_rows(self.places.results))
            if row.protocol in same
            and (row.dataset, row.task, row.network, row.obfuscator) == (run.dataset, run.task, network, judged)
            and (row.seed, row.fold, row.configuration_hash) == (run.seed, run.fold, key)
        }
        return list(found.values())

    def _done(self) -> set[tuple[Any, ...]]:
        """The rows that are there; the file is read again when it has grown."""
        path = self.places.results
        size = path.stat().st_size if path.exists() else 0
        if size != self._read[0]:
            self._read = size, {identity(row) for row in read_rows(path)} if size else set()
        return self._read[1]

    def _is_done(self, run: Run, judged: str, protocol: str) -> bool:
        """Whether the row is there."""
        metric = "cmap" if self.dataset.tasks[run.task].multilabel else "top1"
        names = (run.dataset, run.task, row_name(run.network), get_network(run.network).level, judged, protocol, metric)
        return (
            *names,
            run.seed,
            run.fold,
            hash_of(self.evaluator.configuration(run, judged, protocol)),
        ) in self._done()


def _sources_of(dataset: AnnotatedDataset, tasks: Iterable[str]) -> tuple[str, ...]:
    """All files that any split of some tasks needs."""
    return tuple(sorted({record.source for task in tasks for record in dataset.records(task)}))

"""Runs experiments: prepares, trains, judges, appends rows; what is done already is not done again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import nn

from ..errors import WeightsError
from ..record import file_digest, plain
from .datasets import get_dataset
from .evaluation import evaluate
from .experiment import Experiment, Run
from .frames import FrameStore
from .networks import build_network, get_network
from .networks.hub import HUB
from .obfuscations import ORIGINAL
from .preparation import Preparation
from .records import Split
from .results import Row, append_rows, current_commit, hash_of, identity, read_rows
from .sampling import TestClips, TrainingClips
from .training import Progress, fit, is_finished, make_fabric, predict, random_numbers

Item = TypeVar("Item")


@dataclass(frozen=True)
class Places:
    """Folders: originals and annotations of the dataset, what is made on the way (obfuscated copies, trained networks;
    can be thrown away), and the file of rows.
    """

    root: Path
    annotations: Path | None
    work: Path
    results: Path


@dataclass(frozen=True)
class Plan:
    """What is left to do: copies of sources to make, trainings, and judgements of trained networks."""

    copies: int
    trainings: tuple[Run, ...]
    judgements: int


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
        self.preparation = Preparation(
            places.root, places.work, dataset=experiment.dataset, substitutes=experiment.substitutes
        )
        self.store = FrameStore(self.preparation, memory=memory)
        self._weights = {name: _digest(file) for name, file in experiment.weights.items()}
        self._data: dict[tuple[str, int], str] = {}
        self._read: tuple[int, set[tuple[Any, ...]]] = (-1, set())

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All trainings."""
        return tuple(self.experiment.runs({task: self.dataset.num_folds(task) for task in self.experiment.networks}))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        """All files that any split of any task needs."""
        records = [record for task in self.experiment.networks for record in self.dataset.records(task)]
        return tuple(sorted({record.source for record in records}))

    def split(self, run: Run) -> Split:
        """The split of a training."""
        return self.dataset.split(run.task, run.fold)

    def plan(self) -> Plan:
        """What is left to do."""
        copies = sum(
            not self.preparation.is_ready(source, obfuscator)
            for obfuscator in self.experiment.every_obfuscator()
            for source in self.sources
        )
        left = [
            run
            for run in self.runs
            for judged, protocol in self.experiment.judged(run)
            if not self._is_done(run, judged, protocol)
        ]
        return Plan(copies, tuple(run for run in dict.fromkeys(left) if not self._trained(run)), len(left))

    def check(self) -> None:
        """Find out what is missing before anything that takes long. Raises WeightsError, and InputError for sources."""
        for source in self.sources:
            self.preparation.digest(source)
        self.preparation.digests.save()
        for obfuscator in self.experiment.every_obfuscator():
            if not all(self.preparation.is_ready(source, obfuscator) for source in self.sources):
                self.preparation.check(obfuscator)
        for task, names in self.experiment.networks.items():
            for name in names:
                if name in self.experiment.weights or name.startswith(HUB):
                    self._build(name, task, seed=0)

    def run(self, on_step: Callable[[Step], None] | None = None) -> None:
        """Do what is left to do. on_step: called with every bit of progress. Raises what `check` does, at once."""
        tell = on_step or (lambda step: None)
        self.check()
        for obfuscator in self.experiment.every_obfuscator():
            self._copy_all(obfuscator, tell)
            # All that needs these copies is done together: then they are read once.
            self._until_done(
                list(self._work(obfuscator)),
                lambda item, done, total: self._do(*item, lambda text: tell(Step("networks", done, total, text))),
            )

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

    def _copy_all(self, obfuscator: str, tell: Callable[[Step], None]) -> None:
        """Obfuscate all sources, but those that another process works on just now until it is done."""

        def copy(source: str, done: int, total: int) -> bool:
            tell(Step("obfuscating", done, total, obfuscator))
            return self.preparation.prepare_unless_busy(source, obfuscator)

        if obfuscator != ORIGINAL:
            self._until_done(self.sources, copy)

    def _work(self, obfuscator: str) -> Iterator[tuple[Run, str, str]]:
        for run in self.runs:
            for judged, protocol in self.experiment.judged(run):
                if judged == obfuscator:
                    yield run, judged, protocol

    def _do(self, run: Run, judged: str, protocol: str, tell: Callable[[str], None]) -> bool:
        """Train if need be, and judge. False where another process trains that network just now."""
        if self._is_done(run, judged, protocol):
            return True
        folder = self._folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
                if not self._is_done(run, judged, protocol):
                    append_rows(self.places.results, self._judge(run, judged, protocol, tell))
        except Timeout:
            return False
        return True

    def _judge(self, run: Run, judged: str, protocol: str, tell: Callable[[str], None]) -> list[Row]:
        """Train a network if that was not done yet, and measure what it says of the test clips."""
        task, split = self.dataset.tasks[run.task], self.split(run)
        training, sampling = self.experiment.training_of(run.network), self.experiment.sampling_of(run.network)
        network = sampling.applied_to(get_network(run.network))
        name = f"{row_name(run.network)} for {run.task} on {run.obfuscator}, seed {run.seed}"
        common = (task, network, sampling, self.store)

        def told(progress: Progress) -> None:
            tell(f"{name}: epoch {progress.epoch + 1} of at most {progress.epochs}")

        fabric = make_fabric(training.precision)
        module = self._build(run.network, run.task, run.seed)
        fit(
            module,
            TrainingClips(split.train, run.obfuscator, *common, seed=run.seed),
            TestClips(split.validation, run.obfuscator, *common),
            training,
            self._folder(run),
            seed=run.seed,
            multilabel=task.multilabel,
            fabric=fabric,
            on_progress=told,
        )
        tell(f"{name}: judged on {judged}")
        test = TestClips(split.test, judged, *common)
        logits = predict(module, test, batch_size=training.batch_size, workers=training.workers, fabric=fabric)
        targets, known = (
            np.stack([test.target(record).numpy() for record in records]) for records in (split.test, split.train)
        )
        configuration, commit = self.configuration(run, judged), current_commit()
        return [
            Row(
                dataset=run.dataset, task=run.task, network=row_name(run.network), level=network.level,
                obfuscator=judged, protocol=protocol, metric=measure.metric, value=measure.value, prior=measure.prior,
                seed=run.seed, fold=run.fold, num_clips=len(split.test), configuration=configuration,
                interval=measure.interval, detail=measure.detail, commit=commit,
            )
            for measure in evaluate(logits, targets, task, known)
        ]  # fmt: skip

    def _build(self, network: str, task: str, seed: int) -> nn.Module:
        """A network to begin with, from pretrained or from random weights, which depend on the seed alone."""
        with random_numbers(seed):
            return build_network(
                network, len(self.dataset.tasks[task].classes), checkpoint=self.experiment.weights.get(network)
            )

    def configuration(self, run: Run, judged: str) -> dict[str, Any]:
        """All that decides a figure beside what a row names."""
        training, sampling = self.experiment.training_of(run.network), self.experiment.sampling_of(run.network)
        network = sampling.applied_to(get_network(run.network))
        shown = self.preparation.obfuscation(judged)
        return {
            "frames": [network.num_frames, network.frame_stride, network.size],
            "training": training.as_record(),
            "sampling": plain(sampling),
            "obfuscation": hash_of(shown.as_record()) if shown else None,
            "substitutes": self.preparation.substitutes_of(judged),
            "weights": self._weights.get(run.network) or _hub_digest(run.network),
            "data": self._data_of(run),
            "partition": next(list(group) for group in self.dataset.partitions(run.task) if run.fold in group),
        }

    def _data_of(self, run: Run) -> str:
        """A hash of the clips of a split, of their labels, and of what their files hold."""
        key = (run.task, run.fold)
        if key not in self._data:
            split = self.split(run)
            self._data[key] = hash_of(
                [
                    [[r.name, r.labels[run.task], r.start, r.stop, self.preparation.digest(r.source)] for r in part]
                    for part in (split.train, split.validation, split.test)
                ]
            )
        return self._data[key]

    def _trained(self, run: Run) -> bool:
        return is_finished(self._folder(run))

    def _folder(self, run: Run) -> Path:
        """Where a trained network lies: of all that it depends on."""
        key = hash_of([asdict(run), self.configuration(run, run.obfuscator)])
        name = re.sub(r"[^A-Za-z0-9_]+", "-", f"{run.task}-{row_name(run.network)}-{run.obfuscator}-{run.seed}")
        return self.places.work / "trained" / f"{name}-{key}"

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
        return (*names, run.seed, run.fold, hash_of(self.configuration(run, judged))) in self._done()


def row_name(network: str) -> str:
    """What results call a network: a folder of the hub by its last part alone."""
    return HUB + Path(network.removeprefix(HUB)).name if network.startswith(HUB) else network


def _hub_digest(network: str) -> str | None:
    """Of the weights of a network of the hub that lies in a folder."""
    folder = Path(network.removeprefix(HUB))
    if not network.startswith(HUB) or not folder.is_dir():
        return None
    return hash_of([[file.name, file_digest(file)] for file in sorted(folder.glob("*.safetensors"))])


def _digest(weights: str) -> str:
    digest = file_digest(Path(weights))
    if digest is None:
        raise WeightsError(f"there are no weights {weights}; correct [weights] of the experiment")
    return digest

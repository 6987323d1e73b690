"""Runs experiments: prepares, trains, judges, appends rows; what is done already is not done again."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from ..errors import OptionError, WeightsError
from ..record import file_digest, plain
from .datasets import get_dataset
from .evaluation import evaluate
from .experiment import ACTION, Experiment, Run
from .frames import FrameStore
from .networks import build_network, get_network
from .obfuscations import get_obfuscation
from .preparation import Preparation
from .records import Split
from .results import Row, append_rows, current_commit, hash_of, identity, read_rows
from .sampling import TestClips, TrainingClips
from .training import Progress, fit, is_finished, make_fabric, predict, random_numbers

_log = logging.getLogger(__name__)


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
    memory: GiB for decoded frames. threads: for networks on the CPU, None for torch's own choice.
    Raises InputError and OptionError for what is wrong with dataset or experiment.
    """

    def __init__(
        self, experiment: Experiment, places: Places, *, memory: float = 3.0, threads: int | None = None
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.places = places
        self.dataset = get_dataset(experiment.dataset, places.root, places.annotations)
        self.experiment = experiment = experiment.with_privacy_as(self._attribute())
        for task in experiment.networks:
            if task not in self.dataset.tasks:
                raise OptionError(f"{experiment.dataset} has no task {task}; it has {', '.join(self.dataset.tasks)}")
        cache = places.work / "obfuscated"
        self.preparation = Preparation(places.root, cache, substitutes=experiment.substitutes)
        self.store = FrameStore(self.preparation, memory=memory)

    def _attribute(self) -> str:
        """The task that is not the action, the first one where there are several."""
        return next((task for task in self.dataset.tasks if task != ACTION), ACTION)

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
        done = self._done()
        left = [(run, *judged) for run in self.runs for judged in self._left(run, done)]
        trainings = tuple(run for run in self.runs if any(run == one for one, *_ in left) and not self._trained(run))
        return Plan(copies, trainings, len(left))

    def run(self, on_step: Callable[[Step], None] | None = None) -> None:
        """Do what is left to do. on_step: called with every bit of progress."""
        tell = on_step or (lambda step: None)
        for obfuscator in self.experiment.every_obfuscator():
            for count, source in enumerate(self.sources):
                self.preparation.prepare(source, obfuscator)
                tell(Step("obfuscating", count + 1, len(self.sources), obfuscator))
            # All that needs these copies is done together: then they are read once.
            waiting = list(self._work(obfuscator))
            total, done = len(waiting), 0
            while waiting:
                left = [item for item in waiting if not self._do(*item, tell, done, total)]
                done = total - len(left)
                if len(left) == len(waiting):
                    time.sleep(2.0)  # another process is at work on all of them
                waiting = left

    def _work(self, obfuscator: str) -> Iterator[tuple[Run, str, str]]:
        for run in self.runs:
            for judged, protocol in self.experiment.judged(run):
                if judged == obfuscator:
                    yield run, judged, protocol

    def _do(self, run: Run, judged: str, protocol: str, tell: Callable[[Step], None], done: int, total: int) -> bool:
        """Train if need be, and judge. False where another process trains that network just now."""
        if not self._left(run, self._done(), only=(judged, protocol)):
            return True
        folder = self._folder(run)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder.with_name(f".{folder.name}.lock"), timeout=0):
                if not self._left(run, self._done(), only=(judged, protocol)):
                    return True
                self._train_and_judge(run, judged, protocol, lambda text: tell(Step("networks", done, total, text)))
        except Timeout:
            return False
        return True

    def _train_and_judge(self, run: Run, judged: str, protocol: str, tell: Callable[[str], None]) -> None:
        task, split = self.dataset.tasks[run.task], self.split(run)
        training, sampling = self.experiment.training_of(run.network), self.experiment.sampling_of(run.network)
        network = sampling.applied_to(get_network(run.network))
        name = f"{run.network} for {run.task} on {run.obfuscator}, seed {run.seed}"
        common = (task, network, sampling, self.store)

        def told(progress: Progress) -> None:
            tell(f"{name}: epoch {progress.epoch + 1} of at most {progress.epochs}")

        fabric = make_fabric(training.precision)
        with random_numbers(run.seed):
            module = build_network(
                run.network, len(task.classes), checkpoint=self.experiment.weights.get(run.network)
            )  # fmt: skip
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
        targets = np.stack([test.target(record).numpy() for record in split.test])
        known = np.stack([test.target(record).numpy() for record in split.train])
        configuration = self.configuration(run, judged)
        commit = current_commit()
        rows = [
            Row(
                dataset=run.dataset, task=run.task, network=run.network, level=network.level, obfuscator=judged,
                protocol=protocol, metric=measure.metric, value=measure.value, prior=measure.prior, seed=run.seed,
                fold=run.fold, num_clips=len(split.test), configuration=configuration, interval=measure.interval,
                detail=measure.detail, commit=commit,
            )
            for measure in evaluate(logits, targets, task, known)
        ]  # fmt: skip
        append_rows(self.places.results, rows)

    def configuration(self, run: Run, judged: str) -> dict[str, Any]:
        """All that decides a figure beside what a row names."""
        training, sampling = self.experiment.training_of(run.network), self.experiment.sampling_of(run.network)
        network = sampling.applied_to(get_network(run.network))
        shown = get_obfuscation(judged, self.experiment.substitutes)
        return {
            "frames": [network.num_frames, network.frame_stride, network.size],
            "training": training.as_record(),
            "sampling": plain(sampling),
            "obfuscation": hash_of(shown.as_record()) if shown else None,
            "substitutes": dict(self.experiment.substitutes),
            "weights": _digest(self.experiment.weights.get(run.network)),
        }

    def _trained(self, run: Run) -> bool:
        return is_finished(self._folder(run))

    def _folder(self, run: Run) -> Path:
        """Where a trained network lies: of all that it depends on."""
        key = hash_of([asdict(run), self.configuration(run, run.obfuscator), [r.name for r in self.split(run).train]])
        name = re.sub(r"[^A-Za-z0-9_]+", "-", f"{run.task}-{run.network[-40:]}-{run.obfuscator}-{run.seed}")
        return self.places.work / "trained" / f"{name}-{key}"

    def _done(self) -> set[tuple[Any, ...]]:
        return {identity(row) for row in read_rows(self.places.results)} if self.places.results.exists() else set()

    def _left(
        self, run: Run, done: set[tuple[Any, ...]], *, only: tuple[str, str] | None = None
    ) -> list[tuple[str, str]]:
        """(obfuscator, protocol) on which a network is still to be judged."""
        metric = "cmap" if self.dataset.tasks[run.task].multilabel else "top1"
        level = get_network(run.network).level

        def is_done(judged: str, protocol: str) -> bool:
            hashed = hash_of(self.configuration(run, judged))
            names = (run.dataset, run.task, run.network, level, judged, protocol, metric)
            return (*names, run.seed, run.fold, hashed) in done

        return [pair for pair in self.experiment.judged(run) if (only or pair) == pair and not is_done(*pair)]


def _digest(weights: str | None) -> str | None:
    if weights is None:
        return None
    digest = file_digest(Path(weights))
    if digest is None:
        raise WeightsError(f"there are no weights {weights}; correct [weights] of the experiment")
    return digest

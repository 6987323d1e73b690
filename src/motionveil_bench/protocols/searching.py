"""Searches for the settings of the selective method that keep most of actions and least of an attribute.

Every trial is attacked as in a benchmark, by networks that are trained on what it makes; test clips of the split that a
network learns from are never looked at. The accuracies are those of the validation clips, by whose loss the weights are
chosen too: they are slightly flattered, those of all trials in the same way. What was found has to be judged on test
clips by an experiment of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from motionveil._core.atomic_files import write_file
from motionveil._core.errors import OptionError
from motionveil.obfuscation.presets import get_preset

from ..clips.footage import Footage
from ..clips.frames import FrameStore
from ..copies.obfuscations import ORIGINAL
from ..copies.preparation import VERSION as COPIES
from ..copies.selections import read_selective, selective_table
from ..datasets import get_dataset
from ..evaluation import f_lambda
from ..results import current_commit, hash_of
from .evaluator import Evaluator
from .experiment import ACTION, Experiment, Run
from .proposals import HIDEABLE, RANGES, Proposals, load_optuna, start_parameters, table_of
from .running import Places, Step

VERSION = 1
"""To be raised when the same search would try or find something else."""
FOUND = "searched"


@dataclass(frozen=True)
class Trial:
    """One setting that was tried: its number from 0, which is the start, and its table; the accuracy of actions, and of
    each attacker, on the validation clips, in [0, 1]; and `f_lambda` of actions and the strongest attacker."""

    number: int
    settings: Mapping[str, Any]
    action: float
    attackers: Mapping[str, float]
    objective: float

    @property
    def attacker(self) -> float:
        """The strongest."""
        return max(self.attackers.values())


def dominates(one: Trial, other: Trial) -> bool:
    """Whether actions are no worse and the strongest attacker is no better, and not both are equal."""
    differs = (one.action, one.attacker) != (other.action, other.attacker)
    return one.action >= other.action and one.attacker <= other.attacker and differs


def best_of(trials: Sequence[Trial]) -> Trial:
    """The first of those with the highest objective."""
    return max(trials, key=lambda trial: trial.objective)


def verdict(trials: Sequence[Trial]) -> str:
    """One line: whether the best of some trials, the first of which is the start, dominates the start."""
    start, best = trials[0], best_of(trials)
    if best.number == start.number:
        return f"none of {len(trials)} trials is better than the start on the validation clips ({_told(start)})"
    says = "dominates" if dominates(best, start) else "does not dominate"
    return (
        f"trial {best.number}, the best of {len(trials)}, {says} the start on the validation clips "
        f"({_told(best)}; start: {_told(start)})"
    )


def _told(trial: Trial) -> str:
    return f"actions {100 * trial.action:.1f} %, strongest attacker {100 * trial.attacker:.1f} %"


def snippet(trials: Sequence[Trial], experiment: str) -> str:
    """The best trial as a table for experiment files, named `searched`."""
    return (
        f"# Searched by {experiment}: {verdict(trials)}.\n"
        "# For experiments, not for release: people may be seen where that told the attackers of the search nothing.\n"
    ) + selective_table(FOUND, best_of(trials).settings)


class Search:
    """The search of one experiment on one dataset.

    places: `work` holds copies, trainings and the study; `results` is a file of one line of JSON for each trial.
    memory, threads: as of `running.Benchmark`. Raises InputError and OptionError for what is wrong with dataset or
    experiment, and DependencyError without Optuna.
    """

    def __init__(
        self, experiment: Experiment, places: Places, *, memory: float = 3.0, threads: int | None = None
    ) -> None:
        if experiment.search is None:
            raise OptionError(f"{experiment.name} has no search; write [search] with action and attackers")
        if threads:
            torch.set_num_threads(threads)
        self.experiment, self.places, self.settings = experiment, places, experiment.search
        self._start = start_parameters(get_preset(self.settings.start))
        self._version = load_optuna().__version__
        dataset = get_dataset(experiment.dataset, places.root, places.annotations)
        if ACTION not in dataset.tasks:
            raise OptionError(f"{dataset.name} has no task {ACTION}; search on a dataset that has")
        self.attribute = _attribute(self.settings.attribute, dataset.name, dataset.tasks)
        if any(dataset.tasks[task].multilabel for task in (ACTION, self.attribute)):
            raise OptionError(f"{self.attribute} of {dataset.name} has several labels at once; search against another")
        self._dataset = dataset
        self.preparation = experiment.preparation(experiment.dataset, places.root, places.work)
        store = FrameStore(self.preparation, memory=memory)
        footage = Footage(dataset, self.preparation, store, without_test=True)
        self.evaluator = Evaluator(experiment, footage, footage, places.work)
        self.preparation.sources = self.sources()

    def runs(self, obfuscator: str) -> tuple[Run, ...]:
        """The trainings of a trial: actions first, then each attacker."""
        seed, name = self.settings.seed, self.experiment.dataset
        return tuple(
            Run(name, task, network, obfuscator, seed, seed % self._dataset.num_folds(task))
            for task, networks in ((ACTION, (self.settings.action,)), (self.attribute, self.settings.attackers))
            for network in networks
        )

    def sources(self) -> tuple[str, ...]:
        """The files of all clips that networks learn from or are chosen by; a file may hold others besides."""
        splits = [self.evaluator.split(run) for run in self.runs(ORIGINAL)]
        return tuple(sorted({record.source for split in splits for record in (*split.train, *split.validation)}))

    def key(self) -> str:
        """A hash of all that trials and their results depend on, but their number."""
        told = {name: value for name, value in asdict(self.settings).items() if name != "trials"}
        start = read_selective({"preset": self.settings.start}, "start").with_networks_at_hand(
            self.experiment.substitutes
        )
        return hash_of(
            [
                [VERSION, COPIES, self._version, HIDEABLE, dict(RANGES), told, start.as_record()],
                *self.preparation.made_of(start).values(),
                [[run.task, self.evaluator.configuration(run, ORIGINAL)] for run in self.runs(ORIGINAL)],
            ]
        )

    def run(self, trials: int | None = None, on_step: Callable[[Step], None] | None = None) -> list[Trial]:
        """Try settings until there are so many trials, by default as many as the experiment says, and give all.

        A search that was interrupted goes on; the trial in which that happened is made again, of the same settings.
        Raises OptionError while another process is at it, WeightsError where weights are missing.
        """
        tell = on_step or (lambda step: None)
        trials = self.settings.trials if trials is None else trials
        key = self.key()
        self.preparation.digests.save()
        study = self.places.work / "search" / f"{self.experiment.name}-{key}.db"
        study.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(study.with_name(f".{study.name}.lock"), timeout=0):
                proposals = Proposals(study, seed=self.settings.seed, start=self._start)
                while len(done := self._done(proposals)) < trials:
                    self._try_next(proposals, len(done), trials, tell)
                    self._write(self._done(proposals), key)
        except Timeout:
            raise OptionError(f"another process makes this search in {study}; wait for it, or end it") from None
        self._write(done, key)
        return done

    def _try_next(self, proposals: Proposals, number: int, trials: int, tell: Callable[[Step], None]) -> None:
        proposed, parameters = proposals.propose()
        # The start is the preset itself, whose grain follows the size of frames.
        table = table_of(parameters, self.settings.start) if number else {"preset": self.settings.start}
        if table is None:
            proposals.refuse(proposed)
            return
        action, attackers = self.score(table, lambda text: tell(Step("trials", number, trials, text)))
        objective = f_lambda(action, max(attackers.values()), self.settings.weight)
        told = {"settings": table, "action": action, "attackers": attackers, "objective": objective}
        proposals.finish(proposed, objective, told)

    def score(self, table: Mapping[str, Any], tell: Callable[[str], None]) -> tuple[float, dict[str, float]]:
        """Accuracy of actions, and of each attacker, on the validation clips that settings make."""
        obfuscation = read_selective(table, f"[selective.{FOUND}]", self.preparation.libraries.own)
        name = f"{FOUND}-{hash_of(obfuscation.as_record())}"  # trials of the same settings share all
        self.preparation.selective[name] = obfuscation
        self.preparation.check(name)
        sources = self.sources()
        for number, source in enumerate(sources):
            tell(f"obfuscating, {number} of {len(sources)}")
            self.preparation.prepare(source, name)
        found = []
        for run in self.runs(name):
            _, fitted = self.evaluator.train(run, tell)
            found.append(fitted.best.validation_accuracy)
        return found[0], dict(zip(self.settings.attackers, found[1:], strict=True))

    @staticmethod
    def _done(proposals: Proposals) -> list[Trial]:
        return [Trial(number, **told) for number, told in enumerate(proposals.results())]

    def _write(self, trials: Sequence[Trial], key: str) -> None:
        """All trials so far as lines of JSON."""
        common = {
            "search": key, "experiment": self.experiment.name, "dataset": self.experiment.dataset,
            "attribute": self.attribute, "seed": self.settings.seed, "weight": self.settings.weight,
            "commit": current_commit(),
        }  # fmt: skip
        lines = [
            json.dumps(
                {**common, **asdict(trial), "attacker": trial.attacker, "dominates_start": dominates(trial, trials[0])},
                sort_keys=True,
            )
            for trial in trials
        ]
        write_file(self.places.results, "".join(f"{line}\n" for line in lines).encode())


def _attribute(wanted: str, dataset: str, tasks: Mapping[str, Any]) -> str:
    known = [task for task in tasks if task != ACTION]
    if wanted in known:
        return wanted
    if wanted or len(known) != 1:
        given = f"attribute of [search] is {wanted!r}, but" if wanted else "[search] needs an attribute, as"
        raise OptionError(f"{given} {dataset} has {', '.join(known) or 'none'}")
    return known[0]


def write_snippet(path: Path, trials: Sequence[Trial], experiment: str) -> None:
    """Write what `snippet` gives, whole or not at all. Raises OutputError."""
    write_file(path, snippet(trials, experiment).encode())

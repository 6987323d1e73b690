"""The loop that trains learned obfuscators: f_d, f_T and f_b with and against each other (Wu et al., TPAMI 2020)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from ..._core.atomic_files import write_file
from ..._core.errors import OptionError
from ...learned import save_learned
from ..sampling import TestClips
from ..training.checkpoint import compare, read_state, remove_state, write_state
from ..training.randomness import random_numbers
from . import objectives
from .batches import Batch, judged
from .history import (
    OBFUSCATOR,
    UTILITY,
    Learned,
    LearningProgress,
    PhaseEnd,
    Round,
    Validation,
    is_learned,
    read_learned,
    write_history,
)
from .inverse_super_resolution import choose_transforms
from .losses import Data, losses_of
from .parts import Parts
from .phases import Gatekeeper, Phase, Stopped
from .settings import Learning

Tell = Callable[[LearningProgress], None]


def learn(
    parts: Parts,
    data: Data,
    settings: Learning,
    folder: Path,
    *,
    name: str,
    seed: int,
    about: Mapping[str, Any],
    size: int,
    fit: str,
    on_progress: Tell | None = None,
) -> Learned:
    """Train f_d, and leave it in a folder: the obfuscator, the utility network, and the history of all rounds.

    An interrupted training goes on after the last phase that was saved and ends with the same weights (on the CPU to
    the last bit). A finished one is not repeated. about: where the labels come from, for the obfuscator's file. size,
    fit: of the frames that f_d is to be given, see `learned.save_learned`. Raises OptionError where the folder holds
    another training or a loss is no number, WeightsError where its files are damaged.
    """
    given = {"settings": settings.as_record(), "name": name, "seed": seed, "about": about, "size": size, "fit": fit}
    told = json.loads(json.dumps(given))  # as it will be read again
    if is_learned(folder):
        compare(folder, told, read_learned(folder).told)
    else:
        _Run(parts, data, settings, folder, seed, told, on_progress or (lambda progress: None)).to_the_end()
    return read_learned(folder)


def seconds_to_learn(parts: Parts, data: Data, settings: Learning) -> float:
    """About how long `learn` would take, without saving and validation: from one step of each phase. The parts are not
    to be used afterwards."""
    run = _Run(parts, data, settings, Path(), 0, {}, lambda progress: None)

    def seconds(number: int, restarted: bool = False) -> float:
        total = 0.0
        for phase in run.phases(number, restarted):
            run.step(phase)  # the first one decodes clips and sets things up
            begin = time.monotonic()
            run.step(phase)
            total += (time.monotonic() - begin) * phase.steps
        return total

    restarts = (settings.rounds - 1) // settings.restart_every if settings.restart_every else 0
    if not settings.rounds:
        return seconds(0)
    usual = seconds(1) if settings.rounds > 1 else 0.0
    more = seconds(2, True) - seconds(2) if restarts else 0.0
    return seconds(0) + usual * (settings.rounds - 1) + seconds(settings.rounds) + max(0.0, more) * restarts


class _Run:
    """A training that runs."""

    def __init__(
        self, parts: Parts, data: Data, settings: Learning, folder: Path, seed: int, told: dict[str, Any], tell: Tell
    ) -> None:
        self._parts = parts
        self._data = data
        self._settings = settings
        self._folder = folder
        self._seed = seed
        self._told = told
        self._tell = tell
        self._rounds: list[Round] = []
        self._device = next(parts.utility.parameters()).device
        self._ends: list[PhaseEnd] = []
        self._saved, self._seconds_to_save = -math.inf, 0.0
        self._begin, self._first = time.monotonic(), 0

    def to_the_end(self) -> None:
        """Train, from where an earlier call was interrupted."""
        settings = self._settings
        self._restore()
        self._begin, self._first = time.monotonic(), len(self._rounds)
        for number in range(self._first, settings.rounds + 1):
            begin = time.monotonic()
            restarted = bool(settings.restart_every and number > 1 and (number - 1) % settings.restart_every == 0)
            if not self._ends:
                if restarted:
                    self._parts.restart()
                if number and settings.of_method.chooses_transforms:
                    choose_transforms(self._parts, self._data.actions, self._device, (self._seed, number))
            for index, phase in enumerate(self.phases(number, restarted)):
                if index >= len(self._ends):
                    with random_numbers(self._seed, number, index, device=self._device):
                        self._ends.append(self._run(phase, number))
                    self._save()
            ends, seconds = tuple(self._ends), time.monotonic() - begin
            self._rounds.append(Round(number, restarted, seconds, ends, self._validate()))
            self._ends = []
            self._save()
        self._finish()

    def phases(self, number: int, restarted: bool) -> list[Phase]:
        """Of one round."""
        settings, degradation = self._settings, self._parts.degradation
        attack = [Phase("budget pretraining", frozenset({"budget"}), settings.budget_steps, term="attack")]
        attack *= settings.fights
        phases = list(settings.phases())
        if number == 0:
            identity = Phase("identity", frozenset({"degradation"}), settings.degradation_steps, term="identity")
            utility = Phase("utility pretraining", frozenset({"utility"}), settings.utility_steps, utility=True)
            # A difference of frames cannot become a frame, nor can what has nothing to learn.
            able = bool(list(degradation.parameters())) and not degradation.needs_previous
            phases = [*[identity] * able, utility, *attack]
        elif restarted:
            phases = [*attack, *phases]
        if number == settings.rounds:
            phases.append(Phase("final", frozenset({"utility"}), settings.final_steps, utility=True))
        return [phase for phase in phases if phase.steps]

    def _run(self, phase: Phase, number: int) -> PhaseEnd:
        gatekeeper = Gatekeeper(phase.gate) if phase.gate else None
        sums, done = [0.0, 0.0, 0.0], 0
        stopped: Stopped = "steps"
        for step in range(1, phase.steps + 1):
            self._told_of(phase, number, step)
            found = self.step(phase)
            done = step
            sums = [total + value for total, value in zip(sums, found, strict=True)]
            if gatekeeper and gatekeeper.is_asked(step):
                on_training = gatekeeper.gate.on == "training"
                if why := gatekeeper(found[2] if on_training else self._utility_on_validation()[1]):
                    stopped = why
                    break
        loss, privacy, accuracy = (value / max(1, done) for value in sums)
        return PhaseEnd(phase.name, done, stopped, loss, privacy, accuracy)

    def step(self, phase: Phase) -> tuple[float, float, float]:
        """One step of the optimisers. Returns its loss, the part beside the utility loss, and the accuracy."""
        sums = [0.0, 0.0, 0.0]
        count = self._settings.accumulate
        with self._parts.training(phase.learns):
            for _ in range(count):
                losses = losses_of(phase, self._parts, self._data, self._settings)
                (losses.total / count).backward()
                values = (float(losses.total.detach()), losses.privacy, losses.accuracy)
                sums = [total + value / count for total, value in zip(sums, values, strict=True)]
            if not math.isfinite(sums[0]):
                raise OptionError(
                    f"the loss is no longer a number in {phase.name}: lower the learning rates, or gamma, which is "
                    f"{self._settings.gamma:g}"
                )
            self._parts.step(phase.learns)
        return sums[0], sums[1], sums[2]

    @torch.no_grad()
    def _utility_on_validation(self) -> tuple[float, float]:
        """Loss and accuracy of f_T behind f_d."""
        with self._parts.judging():
            answers = [
                (self._parts.utility(shown), batch.targets)
                for batch, shown in self._shown(self._data.action_validation)
            ]
        return _judged(answers)

    @torch.no_grad()
    def _validate(self) -> Validation:
        loss, accuracy = self._utility_on_validation()
        budgets, contrastive = self._parts.budgets, not self._settings.needs_labels
        if not budgets:
            return Validation(loss, accuracy, (), ())
        answers: list[list[tuple[Tensor, Tensor]]] = [[] for _ in budgets]
        with self._parts.judging():
            # Batch by batch, as all clips together may not fit into memory.
            for batch, shown in self._shown(self._data.attribute_validation):
                for budget, found in zip(budgets, answers, strict=True):
                    found.append(budget.halves(shown) if contrastive else (budget(shown), batch.targets))
        judged_ = [(_told_apart if contrastive else _judged)(found) for found in answers]
        losses, accuracies = zip(*judged_, strict=True)
        return Validation(loss, accuracy, tuple(losses), tuple(accuracies))

    def _shown(self, clips: TestClips) -> Iterator[tuple[Batch, Tensor]]:
        for batch in judged(clips, self._settings.batch_size):
            there = batch.to(self._device)
            yield there, self._parts.hidden(there, learns=False)

    def _told_of(self, phase: Phase, number: int, step: int) -> None:
        done = number - self._first
        spent = time.monotonic() - self._begin
        left = spent / done * (self._settings.rounds + 1 - number) if done else math.inf
        last = self._rounds[-1].validation if self._rounds else None
        actions = last.utility_accuracy if last else None
        attackers = max(last.budget_accuracies, default=None) if last else None
        rounds = self._settings.rounds
        self._tell(LearningProgress(number, rounds, phase.name, step - 1, phase.steps, left, actions, attackers))

    def _save(self) -> None:
        """Write what a later call goes on from: after every phase, but never for more than a tenth of the time."""
        start = time.monotonic()
        if start - self._saved < 10 * self._seconds_to_save:
            return
        drawn = [self._data.actions.num_drawn, self._data.attributes.num_drawn]
        write_state(
            self._folder,
            self._told,
            {
                "rounds": [asdict(each) for each in self._rounds],
                "ends": [asdict(each) for each in self._ends],
                "drawn": drawn,
                **self._parts.state(),
            },
        )
        self._saved = time.monotonic()
        self._seconds_to_save = self._saved - start

    def _restore(self) -> None:
        state = read_state(self._folder, self._told)
        if state is not None:
            self._rounds = [Round.from_record(each) for each in state["rounds"]]
            self._ends = [PhaseEnd(**each) for each in state["ends"]]
            self._data.actions.num_drawn, self._data.attributes.num_drawn = state["drawn"]
            self._parts.load(state)

    def _finish(self) -> None:
        told = self._told
        save_learned(
            self._folder / OBFUSCATOR,
            self._parts.degradation,
            method=self._settings.method,
            size=told["size"],
            fit=told["fit"],
            about={**told["about"], "name": told["name"], "learning": told["settings"]},
        )
        utility = self._parts.utility.network.state_dict()
        write_file(
            self._folder / UTILITY, save({name: value.detach().cpu().contiguous() for name, value in utility.items()})
        )
        write_history(self._folder, told, self._rounds)
        remove_state(self._folder)


def _judged(answers: list[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    logits, targets = (torch.cat(list(each)) for each in zip(*answers, strict=True))
    return float(objectives.recognition_loss(logits, targets)), objectives.accuracy(logits, targets)


def _told_apart(pairs: list[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    first, second = (torch.cat(list(half)) for half in zip(*pairs, strict=True))
    return float(objectives.contrastive_loss(first, second)), objectives.retrieval_accuracy(first, second)

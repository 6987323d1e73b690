"""The training loop of learned obfuscators: f_d, f_T and f_b with and against each other (Wu et al., TPAMI 2020)."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import save
from torch import Tensor

from motionveil._core.atomic_files import write_file
from motionveil._core.errors import OptionError
from motionveil.learned import save_learned

from ..clips.sampling import TestClips
from ..training.history import Saving, compare, read_state, remove_state, write_state
from ..training.settings import random_numbers
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
from .losses import (
    Data,
    choose_transforms,
    contrastive_loss,
    losses_of,
    recognition_accuracy,
    recognition_loss,
    retrieval_accuracy,
)
from .parts import Batch, Parts, evaluation_batches
from .settings import Gatekeeper, Learning, Phase, Stopped

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
    """Train f_d. The folder then contains the obfuscator, the utility network, and the history of all rounds.

    Interrupted training resumes after the last saved phase and ends with the same weights (bit-identical on a CPU).
    Finished training is not repeated.

    For size and fit, see `learned.save_learned`. about: the origin of the labels, for the obfuscator's file.

    Raises:
        OptionError: If the folder contains another training, or a loss is not a number.
        WeightsError: If files in the folder are damaged.
    """
    given = {"settings": settings.as_record(), "name": name, "seed": seed, "about": about, "size": size, "fit": fit}
    setup = json.loads(json.dumps(given))  # as it will be read again
    if is_learned(folder):
        compare(folder, setup, read_learned(folder).setup)
    else:
        _Run(parts, data, settings, folder, seed, setup, on_progress or (lambda progress: None)).to_the_end()
    return read_learned(folder)


def seconds_to_learn(parts: Parts, data: Data, settings: Learning) -> float:
    """The approximate duration of `learn`, without saving and validation, from one step of each phase. The parts must
    not be used afterwards.
    """
    run = _Run(parts, data, settings, Path(), 0, {}, lambda progress: None)

    def seconds(number: int, restarted: bool = False) -> float:
        total = 0.0
        for phase in run.phases(number, restarted):
            run.step(phase)  # the first one decodes clips and initialises
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


@dataclass
class _Run:
    """A running training."""

    parts: Parts
    data: Data
    settings: Learning
    folder: Path
    seed: int
    setup: dict[str, Any]
    tell: Tell
    rounds: list[Round] = field(default_factory=list)
    ends: list[PhaseEnd] = field(default_factory=list)
    saving: Saving = field(default_factory=Saving)
    begin: float = field(default_factory=time.monotonic)
    first: int = 0

    def __post_init__(self) -> None:
        self.device = next(self.parts.utility.parameters()).device

    def to_the_end(self) -> None:
        """Train, resuming from an interruption."""
        settings = self.settings
        self._restore()
        self.begin, self.first = time.monotonic(), len(self.rounds)
        for number in range(self.first, settings.rounds + 1):
            begin = time.monotonic()
            restarted = bool(settings.restart_every and number > 1 and (number - 1) % settings.restart_every == 0)
            if not self.ends:
                if restarted:
                    self.parts.restart()
                if number and settings.of_method.chooses_transforms:
                    choose_transforms(self.parts, self.data.actions, self.device, (self.seed, number))
            for index, phase in enumerate(self.phases(number, restarted)):
                if index >= len(self.ends):
                    with random_numbers(self.seed, number, index, device=self.device):
                        self.ends.append(self._run(phase, number))
                    self._save()
            ends, seconds = tuple(self.ends), time.monotonic() - begin
            self.rounds.append(Round(number, restarted, seconds, ends, self._validate()))
            self.ends = []
            self._save()
        self._finish()

    def phases(self, number: int, restarted: bool) -> list[Phase]:
        """The steps of one round."""
        settings, degradation = self.settings, self.parts.degradation
        attack = [Phase("budget pretraining", frozenset({"budget"}), settings.budget_steps, term="attack")]
        attack *= settings.fights
        phases = list(settings.phases())
        if number == 0:
            identity = Phase("identity", frozenset({"degradation"}), settings.degradation_steps, term="identity")
            utility = Phase("utility pretraining", frozenset({"utility"}), settings.utility_steps, utility=True)
            # A difference of frames cannot become a frame, nor can a network without parameters.
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
            self._report(phase, number, step)
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
        """One optimiser step. Returns the loss, the part beside the utility loss, and the accuracy."""
        sums = [0.0, 0.0, 0.0]
        count = self.settings.accumulate
        with self.parts.training(phase.learns):
            for _ in range(count):
                losses = losses_of(phase, self.parts, self.data, self.settings)
                (losses.total / count).backward()
                values = (float(losses.total.detach()), losses.privacy, losses.accuracy)
                sums = [total + value / count for total, value in zip(sums, values, strict=True)]
            if not math.isfinite(sums[0]):
                raise OptionError(
                    f"the loss is no longer a number in {phase.name}: lower the learning rates, or gamma, which is "
                    f"{self.settings.gamma:g}"
                )
            self.parts.step(phase.learns)
        return sums[0], sums[1], sums[2]

    @torch.no_grad()
    def _utility_on_validation(self) -> tuple[float, float]:
        """Loss and accuracy of f_T on the output of f_d."""
        with self.parts.evaluating():
            answers = [
                (self.parts.utility(shown), batch.targets) for batch, shown in self._shown(self.data.action_validation)
            ]
        return _loss_and_accuracy(answers)

    @torch.no_grad()
    def _validate(self) -> Validation:
        loss, accuracy = self._utility_on_validation()
        budgets, contrastive = self.parts.budgets, not self.settings.needs_labels
        if not budgets:
            return Validation(loss, accuracy, (), ())
        answers: list[list[tuple[Tensor, Tensor]]] = [[] for _ in budgets]
        with self.parts.evaluating():
            # Batch by batch, as all clips may not fit into memory.
            for batch, shown in self._shown(self.data.attribute_validation):
                for budget, found in zip(budgets, answers, strict=True):
                    found.append(budget.halves(shown) if contrastive else (budget(shown), batch.targets))
        pairs = [(_contrast_and_retrieval if contrastive else _loss_and_accuracy)(found) for found in answers]
        losses, accuracies = zip(*pairs, strict=True)
        return Validation(loss, accuracy, tuple(losses), tuple(accuracies))

    def _shown(self, clips: TestClips) -> Iterator[tuple[Batch, Tensor]]:
        for batch in evaluation_batches(clips, self.settings.batch_size):
            there = batch.to(self.device)
            yield there, self.parts.hidden(there, learns=False)

    def _report(self, phase: Phase, number: int, step: int) -> None:
        done = number - self.first
        spent = time.monotonic() - self.begin
        left = spent / done * (self.settings.rounds + 1 - number) if done else math.inf
        last = self.rounds[-1].validation if self.rounds else None
        actions = last.utility_accuracy if last else None
        attackers = max(last.budget_accuracies, default=None) if last else None
        rounds = self.settings.rounds
        self.tell(LearningProgress(number, rounds, phase.name, step - 1, phase.steps, left, actions, attackers))

    def _save(self) -> None:
        """Store the state for resuming, after each phase."""
        state = {
            "rounds": [asdict(each) for each in self.rounds],
            "ends": [asdict(each) for each in self.ends],
            "drawn": [self.data.actions.num_drawn, self.data.attributes.num_drawn],
        }
        self.saving(lambda: write_state(self.folder, self.setup, {**state, **self.parts.state()}))

    def _restore(self) -> None:
        state = read_state(self.folder, self.setup)
        if state is not None:
            self.rounds = msgspec.convert(state["rounds"], list[Round])
            self.ends = msgspec.convert(state["ends"], list[PhaseEnd])
            self.data.actions.num_drawn, self.data.attributes.num_drawn = state["drawn"]
            self.parts.load(state)

    def _finish(self) -> None:
        setup = self.setup
        save_learned(
            self.folder / OBFUSCATOR,
            self.parts.degradation,
            method=self.settings.method,
            size=setup["size"],
            fit=setup["fit"],
            about={**setup["about"], "name": setup["name"], "learning": setup["settings"]},
        )
        utility = self.parts.utility.network.state_dict()
        write_file(
            self.folder / UTILITY, save({name: value.detach().cpu().contiguous() for name, value in utility.items()})
        )
        write_history(self.folder, setup, self.rounds)
        remove_state(self.folder)


def _loss_and_accuracy(answers: list[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    logits, targets = (torch.cat(list(each)) for each in zip(*answers, strict=True))
    return float(recognition_loss(logits, targets)), recognition_accuracy(logits, targets)


def _contrast_and_retrieval(pairs: list[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    first, second = (torch.cat(list(half)) for half in zip(*pairs, strict=True))
    return float(contrastive_loss(first, second)), retrieval_accuracy(first, second)

"""Trains the learned obfuscators of an experiment, each once, and processes videos with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from motionveil._core.errors import OptionError
from motionveil.learned import DEGRADATIONS, build_degradation
from motionveil.outputs.run_manifest import plain
from motionveil.video import IMAGE_SUFFIXES

from ..clips.footage import Footage
from ..clips.sampling import Sampling, TestClips, TrainingClips
from ..copies.obfuscations import ORIGINAL
from ..copies.preparation import LearnedObfuscation
from ..models import Network, build_network, get_network
from ..records import Split, Task
from ..results import hash_of
from ..training.settings import make_fabric, random_numbers
from .history import OBFUSCATOR, Learned, LearningProgress, is_learned
from .learning import learn, seconds_to_learn
from .losses import Data
from .parts import Draws, Parts, Seeing, as_pictures
from .settings import Learning

ACTION = "action"
VERSION = 2
"""Increase this if the same settings would give a different result."""


@dataclass(frozen=True)
class Instance:
    """One training of a learned obfuscator: name in the experiment, seed, and fold (modulo the number of folds of each
    task).
    """

    name: str
    seed: int
    fold: int

    def __str__(self) -> str:
        return f"{self.name}@{self.seed}.{self.fold}"


class _Part(NamedTuple):
    footage: Footage
    task: Task
    split: Split


@dataclass
class Learner:
    """The learned obfuscators of one experiment.

    Args:
        settings: Settings by name.
        sampling: Sampling of each utility network, by its name.
        weights: Files of pretrained weights by network.
        weights_digest: Digests of their contents; None for a network with random initialisation.
        actions: The clips.
        others: Clips for attributes from other datasets.
        records: Everything that trainings depend on, once known.
    """

    settings: Mapping[str, Learning]
    sampling: Callable[[str], Sampling]
    weights: Mapping[str, str]
    weights_digest: Callable[[str], str | None]
    actions: Footage
    others: Footage
    work: Path
    records: dict[Instance, dict[str, Any]] = field(default_factory=dict)

    def obfuscation(self, instance: Instance) -> LearnedObfuscation:
        """The obfuscator, trained or not."""
        record = self._record(instance)
        return LearnedObfuscation(record, self.folder(instance) / OBFUSCATOR)

    def folder(self, instance: Instance) -> Path:
        """Its folder, whose name depends on all settings."""
        return self.work / "learned" / f"{instance.name}-{instance.seed}-{hash_of(self._record(instance))}"

    def is_learned(self, instance: Instance) -> bool:
        """Whether its training is finished."""
        return is_learned(self.folder(instance))

    def utility(self, instance: Instance) -> tuple[str, Network, Sampling]:
        """Name of the utility network, its input, and its sampling."""
        settings = self.settings[instance.name]
        sampling = self.sampling(settings.utility)
        network = sampling.applied_to(get_network(settings.utility))
        return settings.utility, replace(network, num_frames=settings.num_frames or network.num_frames), sampling

    def learn(self, instance: Instance, tell: Callable[[LearningProgress], None] | None = None) -> Learned:
        """Train it unless that is done. Raises the errors of `check` and `learning.learn`."""
        parts, data, attribute = self._ready(instance)
        settings = self.settings[instance.name]
        _, seen, sampling = self.utility(instance)
        about = {
            "actions": self.actions.dataset.name,
            "attribute": f"{attribute.footage.dataset.name}: {attribute.task.name}",
            "fold": instance.fold,
            "data": self._data(instance),
        }
        return learn(
            parts, data, settings, self.folder(instance), name=instance.name, seed=instance.seed, about=about,
            size=sampling.look(seen).size, fit=sampling.fit, on_progress=tell,
        )  # fmt: skip

    def seconds(self, instance: Instance) -> float:
        """The approximate duration of `learn`."""
        parts, data, _ = self._ready(instance)
        return seconds_to_learn(parts, data, self.settings[instance.name])

    def _ready(self, instance: Instance) -> tuple[Parts, Data, _Part]:
        """Untrained networks, their training clips, and the origin of the attribute."""
        self.check(instance)
        settings = self.settings[instance.name]
        name, seen, sampling = self.utility(instance)
        action = self._part(instance, self.actions, ACTION)
        attribute = self._part(instance, *self._attribute(settings))
        frames = settings.budget_frames if settings.needs_labels else max(2, settings.budget_frames)
        size = sampling.look(seen).size
        with random_numbers(instance.seed):
            degradation = build_degradation(settings.degradation_name, **settings.degradation_options)
            utility = Seeing(name, len(action.task.classes), seen.size, self.weights.get(name))

        def clips(part: _Part, count: int) -> tuple[TrainingClips, TestClips]:
            # f_d processes whole frames, as in the tool; crops are taken from its output.
            whole = replace(sampling, views=1, margin=0.0, size=None)
            common = (part.task, as_pictures(seen, count, size), whole, part.footage.store, degradation.needs_previous)
            return (
                TrainingClips(part.split.train, ORIGINAL, *common, seed=instance.seed),
                TestClips(part.split.validation, ORIGINAL, *common),
            )

        action_clips, action_validation = clips(action, seen.num_frames)
        attribute_clips, attribute_validation = clips(attribute, frames)
        data = Data(
            Draws(action_clips, settings.batch_size, instance.seed),
            Draws(attribute_clips, settings.batch_size, instance.seed + 1),
            action_validation,
            attribute_validation,
            apart=attribute.footage is not self.actions,
        )
        num_classes = len(attribute.task.classes) if settings.needs_labels else 0
        parts = Parts(
            degradation, utility, settings, num_classes, instance.seed, make_fabric().device, seen.size, self.weights
        )
        _try(parts, settings, size, {seen.num_frames} if data.apart else set(), frames, seen.num_frames)
        return parts, data, attribute

    def check(self, instance: Instance) -> None:
        """Raise OptionError for settings that do not suit the data, WeightsError for weights that do not fit."""
        settings = self.settings[instance.name]
        for name in {settings.utility, *settings.budgets} & self.weights.keys():
            build_network(name, 2, checkpoint=self.weights[name])
        degradation = build_degradation(settings.degradation_name, **settings.degradation_options)
        if settings.of_method.chooses_transforms and self.sampling(settings.utility).fit != "squash":
            raise OptionError(f"{instance.name}: its cells lie over whole frames; set fit = 'squash' under [sampling]")
        footage, task = self._attribute(settings)
        if degradation.needs_previous:
            self.check_moving(instance.name, self._part(instance, footage, task).split)

    def check_moving(self, name: str, split: Split) -> None:
        """Raise OptionError if a method that compares frames would process photographs."""
        degradation = self.settings[name].degradation_name
        pictures = {Path(record.source).suffix.lower() in IMAGE_SUFFIXES for record in split.train}
        if DEGRADATIONS[degradation].needs_previous and True in pictures:
            raise OptionError(f"{name} shows what has changed between frames, of which photographs have nothing")

    def _attribute(self, settings: Learning) -> tuple[Footage, str]:
        """The source of clips for f_b, and their task."""
        own = settings.attribute_dataset in ("", self.actions.dataset.name)
        footage = self.actions if own else self.others
        tasks = [task for task in footage.dataset.tasks if task != ACTION]
        if settings.attribute in tasks:
            return footage, settings.attribute
        if settings.attribute or (len(tasks) != 1 and settings.needs_labels):
            given = f"attribute is {settings.attribute!r}, but" if settings.attribute else "attribute is to be one, as"
            raise OptionError(f"{given} {footage.dataset.name} has {', '.join(tasks) or 'none'}")
        # Without labels, any clips can be used.
        return footage, tasks[0] if len(tasks) == 1 else next(iter(footage.dataset.tasks))

    def _part(self, instance: Instance, footage: Footage, task: str) -> _Part:
        fold = instance.fold % footage.dataset.num_folds(task)
        return _Part(footage, footage.dataset.tasks[task], footage.dataset.split(task, fold))

    def _data(self, instance: Instance) -> list[str]:
        parts = (
            self._part(instance, self.actions, ACTION),
            self._part(instance, *self._attribute(self.settings[instance.name])),
        )
        return [part.footage.digest(part.split, part.task.name) for part in parts]

    def _record(self, instance: Instance) -> dict[str, Any]:
        if instance not in self.records:
            settings = self.settings[instance.name]
            _, seen, sampling = self.utility(instance)
            used = sorted({settings.utility, *settings.budgets})
            self.records[instance] = {
                "version": VERSION,
                "learning": settings.as_record(),
                "sampling": plain(sampling),
                "frames": [seen.num_frames, seen.frame_stride, seen.size],
                "weights": [digest for name in used if (digest := self.weights_digest(name))],
                "seed": instance.seed,
                "fold": instance.fold,
                "data": self._data(instance),
            }
        return self.records[instance]


@torch.no_grad()
def _try(
    parts: Parts, settings: Learning, size: int, more_lengths: set[int], budget_frames: int, num_frames: int
) -> None:
    """Run each network on an empty clip. Raises OptionError early if one does not support such clips."""
    budget_length = budget_frames if settings.needs_labels else max(1, budget_frames // 2)
    shown = [(settings.utility, parts.utility, num_frames)]
    shown += [
        (settings.budget_name(number), budget, length)
        for number, budget in enumerate(parts.budgets)
        for length in {budget_length, *more_lengths}
    ]
    with parts.evaluating():
        for name, network, length in shown:
            try:
                network(torch.zeros(1, 3, length, size, size, device=next(network.parameters()).device))
            except (RuntimeError, ValueError, AssertionError, IndexError) as error:
                why = " ".join(str(error).split())[:200]
                raise OptionError(
                    f"{name} cannot see clips of {length} frames of {network.size} pixels ({why}); change num_frames, "
                    "budget_frames or the size under [sampling]"
                ) from error

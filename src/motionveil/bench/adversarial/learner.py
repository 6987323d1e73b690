"""Trains the learned obfuscators of an experiment, each once, and shows videos through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import OptionError
from ...learned import build_degradation
from ...record import plain
from ..datasets import AnnotatedDataset
from ..frames import FrameStore
from ..networks import Network, get_network
from ..obfuscations import ORIGINAL
from ..preparation import Preparation
from ..records import Split, Task
from ..results import hash_of
from ..sampling import Sampling, TestClips, TrainingClips
from ..training.randomness import random_numbers
from ..training.settings import make_fabric
from .batches import Draws, as_pictures
from .history import OBFUSCATOR, Learned, LearningProgress, is_learned
from .learning import Data, learn
from .obfuscation import LearnedObfuscation
from .parts import Parts, Seeing
from .settings import Learning

ACTION = "action"
VERSION = 1
"""To be raised when the same settings would train to something else."""


@dataclass(frozen=True)
class Footage:
    """A dataset, where its files are, and their frames. without_test: no split has test clips, so that nothing that
    works on it can look at them."""

    dataset: AnnotatedDataset
    preparation: Preparation
    store: FrameStore
    without_test: bool = False

    def split(self, task: str, fold: int) -> Split:
        """One split of the dataset."""
        split = self.dataset.split(task, fold)
        return replace(split, test=()) if self.without_test else split

    def digest(self, split: Split, task: str) -> str:
        """A hash of the clips of a split, of their labels, and of what their files hold."""
        return hash_of(
            [
                [[r.name, r.labels[task], r.start, r.stop, self.preparation.digest(r.source)] for r in part]
                for part in (split.train, split.validation, split.test)
            ]
        )


@dataclass(frozen=True)
class Instance:
    """One training of a learned obfuscator: its name in the experiment, seed, and fold (of each task, modulo those that
    it has)."""

    name: str
    seed: int
    fold: int

    def __str__(self) -> str:
        return f"{self.name}@{self.seed}.{self.fold}"


class Learner:
    """The learned obfuscators of one experiment.

    settings: by name. sampling: of each utility network, by its name. weights: files of pretrained weights by network,
    and what they hold, as digests. actions, attributes: where clips and labels of both tasks come from; the same thing
    where one dataset has both.
    """

    def __init__(
        self,
        settings: Mapping[str, Learning],
        sampling: Callable[[str], Sampling],
        weights: tuple[Mapping[str, str], Mapping[str, str]],
        actions: Footage,
        attributes: Footage,
        work: Path,
    ) -> None:
        self._settings = settings
        self._sampling = sampling
        self._weights, self._digests = weights
        self._records: dict[Instance, dict[str, Any]] = {}
        self._actions = actions
        self._attributes = attributes
        self._work = work

    def obfuscation(self, instance: Instance) -> LearnedObfuscation:
        """What shows videos through it, trained or not yet."""
        record = self._record(instance)
        return LearnedObfuscation(record, self.folder(instance) / OBFUSCATOR)

    def folder(self, instance: Instance) -> Path:
        """Where it lies, of all that it depends on."""
        return self._work / "learned" / f"{instance.name}-{instance.seed}-{hash_of(self._record(instance))}"

    def is_learned(self, instance: Instance) -> bool:
        """Whether it was trained to the end."""
        return is_learned(self.folder(instance))

    def utility(self, instance: Instance) -> tuple[str, Network, Sampling]:
        """Name of the utility network, how it sees clips, and how they are sampled."""
        settings = self._settings[instance.name]
        sampling = self._sampling(settings.utility)
        network = sampling.applied_to(get_network(settings.utility))
        return settings.utility, replace(network, num_frames=settings.num_frames or network.num_frames), sampling

    def learn(self, instance: Instance, tell: Callable[[LearningProgress], None] | None = None) -> Learned:
        """Train it where that was not done yet. Raises what `learning.learn` does."""
        settings = self._settings[instance.name]
        name, seen, sampling = self.utility(instance)
        action, action_split = self._part(instance, self._actions, ACTION)
        attribute, attribute_split = self._part(instance, self._attributes, self._attribute(settings))
        contrastive = (settings.term or settings.of_method.term) == "contrastive"
        frames = max(2, settings.budget_frames) if contrastive else settings.budget_frames
        with random_numbers(instance.seed):
            degradation = build_degradation(settings.degradation_name, **settings.degradation_options)
            utility = Seeing(name, len(action.classes), self._weights.get(name))
        clips = []
        for footage, task, split, count in (
            (self._actions, action, action_split, seen.num_frames),
            (self._attributes, attribute, attribute_split, frames),
        ):
            common = (task, as_pictures(seen, count, seen.size), replace(sampling, views=1), footage.store)
            previous = degradation.needs_previous
            clips.append(
                (
                    TrainingClips(split.train, ORIGINAL, *common, previous=previous, seed=instance.seed),
                    TestClips(split.validation, ORIGINAL, *common, previous=previous),
                )
            )
        (action_clips, action_validation), (attribute_clips, attribute_validation) = clips
        data = Data(
            Draws(action_clips, settings.batch_size, instance.seed),
            Draws(attribute_clips, settings.batch_size, instance.seed + 1),
            action_validation,
            attribute_validation,
        )
        num_classes = 0 if contrastive else len(attribute.classes)
        parts = Parts(degradation, utility, settings, num_classes, instance.seed, make_fabric().device, self._weights)
        about = {
            "actions": self._actions.dataset.name,
            "attribute": f"{self._attributes.dataset.name}: {attribute.name}",
            "fold": instance.fold,
            "data": self._data(instance),
        }
        return learn(
            parts, data, settings, self.folder(instance), name=instance.name, seed=instance.seed, about=about,
            size=sampling.look(seen).size, fit=sampling.fit, on_progress=tell,
        )  # fmt: skip

    def _attribute(self, settings: Learning) -> str:
        tasks = [task for task in self._attributes.dataset.tasks if task != ACTION]
        if settings.attribute in tasks:
            return settings.attribute
        if settings.attribute or len(tasks) != 1:
            given = f"attribute is {settings.attribute!r}, but" if settings.attribute else "attribute is to be one, as"
            raise OptionError(f"{given} {self._attributes.dataset.name} has {', '.join(tasks) or 'none'}")
        return tasks[0]

    def _part(self, instance: Instance, footage: Footage, task: str) -> tuple[Task, Split]:
        fold = instance.fold % footage.dataset.num_folds(task)
        return footage.dataset.tasks[task], footage.split(task, fold)

    def _data(self, instance: Instance) -> list[str]:
        settings = self._settings[instance.name]
        return [
            footage.digest(self._part(instance, footage, task)[1], task)
            for footage, task in ((self._actions, ACTION), (self._attributes, self._attribute(settings)))
        ]

    def _record(self, instance: Instance) -> dict[str, Any]:
        if instance not in self._records:
            settings = self._settings[instance.name]
            _, seen, sampling = self.utility(instance)
            used = {settings.utility, *settings.budgets}
            self._records[instance] = {
                "version": VERSION,
                "learning": settings.as_record(),
                "sampling": plain(sampling),
                "frames": [seen.num_frames, seen.frame_stride, seen.size],
                "weights": {name: digest for name, digest in self._digests.items() if name in used},
                "seed": instance.seed,
                "fold": instance.fold,
                "data": self._data(instance),
            }
        return self._records[instance]

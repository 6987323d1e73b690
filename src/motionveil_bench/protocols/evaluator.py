"""Trains and judges the networks of an experiment, one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from motionveil._core.errors import OptionError, WeightsError
from motionveil.learned import load_learned
from motionveil.outputs.run_manifest import file_digest, plain

from ..adversarial.history import UTILITY
from ..adversarial.learner import Instance, Learner
from ..clips.footage import Footage
from ..clips.sampling import Sampling, TestClips, TrainingClips
from ..copies.preparation import LearnedObfuscation
from ..evaluation import evaluate
from ..models import Network, build_network, freeze_trunk, get_network
from ..models.hub import hub_digest, row_name
from ..records import Split
from ..results import Row, current_commit, hash_of
from ..training import Fitted, Progress, fit, is_finished, load_weights, make_fabric, predict, random_numbers
from .experiment import Experiment, Run


class Evaluator:
    """What a run of an experiment needs: clips as an obfuscator shows them, a network that was trained, its figures.

    footage: of the dataset that is judged. attributes: of the one that attributes are learned from, perhaps the same.
    work: folder for trained networks. Raises WeightsError where a file of weights is missing.
    """

    def __init__(self, experiment: Experiment, footage: Footage, attributes: Footage, work: Path) -> None:
        self.experiment = experiment
        self._footage = footage
        self._attributes = attributes
        self._work = work
        self._digests: Mapping[str, str] = {name: _digest(file) for name, file in experiment.weights.items()}
        self.learner = Learner(
            experiment.learned,
            experiment.sampling_of,
            experiment.weights,
            self._weights_digest,
            footage,
            attributes,
            work,
        )
        self._data: dict[Run, str] = {}
        for name, file in experiment.trained.items():
            # Refused at once where it is no learned obfuscator.
            told = load_learned(file).as_record()
            for preparation in (footage.preparation, attributes.preparation):
                preparation.learned[name] = LearnedObfuscation({"trained": told}, Path(file))

    def _weights_digest(self, network: str) -> str | None:
        """Of the pretrained weights of a network; None where it starts from random ones."""
        return self._digests.get(network) or hub_digest(network)

    def split(self, run: Run) -> Split:
        """The split of a training: what it is judged on, and, unless it learns from another dataset, what it learns."""
        return self._footage.split(run.task, run.fold)

    def instance(self, run: Run, judged: str) -> Instance | None:
        """The learned obfuscator behind what a trained network is judged on; None for those that are not learned."""
        if judged not in self.experiment.learned:
            return None
        return Instance(judged, run.seed, run.fold if self.experiment.folds_of(run.task) else run.seed)

    def shown(self, run: Run, judged: str) -> str:
        """The name under which copies of an obfuscator are kept; a learned one has them for each training."""
        instance = self.instance(run, judged)
        if instance is None:
            return judged
        for footage in (self._footage, self._attributes):
            footage.preparation.learned[str(instance)] = self.learner.obfuscation(instance)
        return str(instance)

    def evaluate(self, run: Run, judged: str, protocol: str, tell: Callable[[str], None]) -> list[Row]:
        """Train a network if that was not done yet, and measure what it says of the test clips."""
        task, split = self._footage.dataset.tasks[run.task], self.split(run)
        training = self.experiment.training_of(run.network)
        if self.experiment.is_with_obfuscator(run, protocol):
            module, network, sampling, known_from = *self._trained_with(run), split.train
        else:
            network, sampling = self._seen_by(run.network)
            (module, _), known_from = self.train(run, tell), self.taught(run).train
        tell(f"{_title(run)}: judged on {judged}")
        test = TestClips(split.test, self.shown(run, judged), task, network, sampling, self._footage.store)
        logits = predict(
            module,
            test,
            batch_size=training.batch_size,
            workers=training.workers,
            fabric=make_fabric(training.precision),
        )
        targets, known = (
            np.stack([test.target(record).numpy() for record in records]) for records in (split.test, known_from)
        )
        configuration, commit = self.configuration(run, judged, protocol), current_commit()
        return [
            Row(
                dataset=run.dataset, task=run.task, network=row_name(run.network), level=network.level,
                obfuscator=judged, protocol=protocol, metric=measure.metric, value=measure.value, prior=measure.prior,
                seed=run.seed, fold=run.fold, num_clips=len(split.test), configuration=configuration,
                interval=measure.interval, detail=measure.detail, commit=commit,
            )
            for measure in evaluate(logits, targets, task, known)
        ]  # fmt: skip

    def train(self, run: Run, tell: Callable[[str], None]) -> tuple[nn.Module, Fitted]:
        """Train a network if that was not done yet: the network with the weights that were kept, and how it went."""
        training, (network, sampling) = self.experiment.training_of(run.network), self._seen_by(run.network)
        task, split, store = self._footage.dataset.tasks[run.task], self.taught(run), self._footage.store
        if run.learn_from:
            store = self._attributes.store
        common = (task, network, sampling, store)
        shown = self.shown(run, run.obfuscator)

        def told(progress: Progress) -> None:
            tell(f"{_title(run)}: epoch {progress.epoch + 1} of at most {progress.epochs}")

        module = self.build(run.network, run.task, run.seed)
        if training.train == "head":
            freeze_trunk(module, get_network(run.network), run.network)
        fitted = fit(
            module,
            TrainingClips(split.train, shown, *common, seed=run.seed),
            TestClips(split.validation, shown, *common),
            training,
            self.folder(run),
            seed=run.seed,
            multilabel=task.multilabel,
            fabric=make_fabric(training.precision),
            on_progress=told,
        )
        return module, fitted

    def _seen_by(self, name: str) -> tuple[Network, Sampling]:
        """How a network sees clips, and how they are sampled."""
        sampling, network = self.experiment.sampling_of(name), get_network(name)
        if network.level == "frame" and self._footage.dataset.views:
            network = replace(network, views=self._footage.dataset.views)
        return sampling.applied_to(network), sampling

    def _trained_with(self, run: Run) -> tuple[nn.Module, Network, Sampling]:
        """The utility network that was trained together with a learned obfuscator."""
        instance = self.instance(run, run.obfuscator)
        assert instance is not None
        name, network, sampling = self.learner.utility(instance)
        module = self.build(name, run.task, run.seed)
        load_weights(module, self.learner.folder(instance) / UTILITY)
        return module, network, sampling

    def taught(self, run: Run) -> Split:
        """What a network learns from. Raises OptionError where another dataset's task has other classes."""
        if not run.learn_from:
            return self.split(run)
        other = self._attributes.dataset
        if (
            run.task not in other.tasks
            or other.tasks[run.task].classes != self._footage.dataset.tasks[run.task].classes
        ):
            raise OptionError(
                f"{run.learn_from} cannot teach {run.task} of {self._footage.dataset.name}: its classes are others"
            )
        return self._attributes.split(run.task, run.fold % other.num_folds(run.task))

    def check_taught(self, run: Run) -> None:
        """Raises what keeps a network from learning from another dataset: OptionError, InputError for missing files."""
        taught = self.taught(run)
        if run.obfuscator in self.experiment.learned:
            self.learner.check_moving(run.obfuscator, taught)
        self.configuration(run, run.obfuscator)  # looks at every file

    def build(self, network: str, task: str, seed: int) -> nn.Module:
        """A network to begin with, from pretrained or from random weights, which depend on the seed alone."""
        with random_numbers(seed):
            return build_network(
                network, len(self._footage.dataset.tasks[task].classes), checkpoint=self.experiment.weights.get(network)
            )

    def configuration(self, run: Run, judged: str, protocol: str = "") -> dict[str, Any]:
        """All that decides a figure beside what a row names."""
        if self.experiment.is_with_obfuscator(run, protocol):
            instance = self.instance(run, judged)
            assert instance is not None
            _, network, sampling = self.learner.utility(instance)
            training: Any = {"utility": "trained with the obfuscator"}
        else:
            network, sampling = self._seen_by(run.network)
            training = {"training": self.experiment.training_of(run.network).as_record()}
        preparation = self._footage.preparation
        shown = preparation.obfuscation(self.shown(run, judged))
        return {
            "frames": [network.num_frames, network.frame_stride, network.size],
            **training,
            "sampling": plain(sampling),
            **({"views": network.views} if self._footage.dataset.views else {}),
            "obfuscation": hash_of(shown.as_record()) if shown else None,
            "substitutes": preparation.substitutes_of(self.shown(run, judged)),
            **(preparation.made_of(shown) if shown else {}),
            "weights": self._weights_digest(run.network),
            "data": self._data_of(run),
            "partition": next(list(group) for group in self._footage.dataset.partitions(run.task) if run.fold in group),
            **({"learn_from": run.learn_from} if run.learn_from else {}),
        }

    def _data_of(self, run: Run) -> str:
        """A hash of the clips of a split, of their labels, and of what their files hold."""
        key = replace(run, network="", obfuscator="", seed=0)
        if key not in self._data:
            found = self._footage.digest(self.split(run), run.task)
            if run.learn_from:
                found = hash_of([found, self._attributes.digest(self.taught(run), run.task)])
            self._data[key] = found
        return self._data[key]

    def is_trained(self, run: Run) -> bool:
        """Whether the network of a run was trained to the end."""
        return is_finished(self.folder(run))

    def folder(self, run: Run) -> Path:
        """Where a trained network lies: of all that it depends on."""
        shown = self._footage.preparation.obfuscation(self.shown(run, run.obfuscator))
        made_from = shown.made_from if shown else ()
        key = hash_of([asdict(run), self.configuration(run, run.obfuscator), *made_from])
        name = re.sub(r"[^A-Za-z0-9_]+", "-", f"{run.task}-{row_name(run.network)}-{run.obfuscator}-{run.seed}")
        return self._work / "trained" / f"{name}-{key}"


def _title(run: Run) -> str:
    return f"{row_name(run.network)} for {run.task} on {run.obfuscator}, seed {run.seed}"


def _digest(weights: str) -> str:
    digest = file_digest(Path(weights))
    if digest is None:
        raise WeightsError(f"there are no weights {weights}; correct [weights] of the experiment")
    return digest

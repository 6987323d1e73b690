"""Estimates the duration of an experiment, from measurements on a small part of it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

import torch
from torch import Tensor, nn

from motionveil._core.errors import WeightsError
from motionveil._core.types import Clip
from motionveil.video import open_source

from ..copies.obfuscations import ORIGINAL
from ..models import Network, build_network, get_network
from ..training import Training, make_fabric
from .running import Benchmark, Plan

_FRAMES = 32


@dataclass(frozen=True)
class Estimate:
    """Remaining work, and about how many seconds of one process it takes.

    Attributes:
        plan: The work.
        copies: Seconds by obfuscator.
        trainings: Seconds by network. All epochs and their validation are counted, although patience may end them
            earlier; reading frames and evaluating test clips is not.
        learned: Seconds by learned obfuscator, whose copies are not counted before it is trained.
        untimed: Why copies of an obfuscator could not be timed, such as missing weights.
    """

    plan: Plan
    copies: dict[str, float]
    trainings: dict[str, float]
    learned: dict[str, float] = field(default_factory=dict)
    untimed: dict[str, str] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Format for display."""
        plan = self.plan
        yield f"copies to make: {len(plan.copies)}, {_time(sum(self.copies.values()))}"
        yield from (f"  {name:<20} {_time(seconds)}" for name, seconds in self.copies.items())
        yield from (f"  {name:<20} not timed: {reason}" for name, reason in self.untimed.items())
        yield f"trainings: {len(plan.trainings)}, {_time(sum(self.trainings.values()))}"
        counts = Counter(run.network for run in plan.trainings)
        yield from (f"  {name:<20} {counts[name]:>4} x {_time(s / counts[name])}" for name, s in self.trainings.items())
        if plan.learned:
            yield f"learned obfuscators to train: {len(plan.learned)}, {_time(sum(self.learned.values()))}"
            yield from (f"  {name:<20} {_time(seconds)}" for name, seconds in self.learned.items())
        yield f"trained networks to judge: {plan.evaluations}"


def estimate(benchmark: Benchmark) -> Estimate:
    """Time some frames of each obfuscator and one step of each network."""
    plan = benchmark.plan()
    copies, untimed = dict[str, float](), dict[str, str]()
    for name in benchmark.experiment.every_obfuscator():
        if name == ORIGINAL or name in benchmark.experiment.learned:
            continue  # not trained yet, so it cannot be timed
        missing = [source for where, source, shown in plan.copies if (where, shown) == (benchmark.preparation, name)]
        if missing:
            try:
                copies[name] = _seconds_of_copies(benchmark, name, missing)
            except WeightsError as error:
                untimed[name] = str(error)
    trainings: dict[str, float] = {}
    inputs: dict[str, tuple[float, float]] = {}
    for run in plan.trainings:
        training, sampling = (
            benchmark.experiment.training_of(run.network), benchmark.experiment.sampling_of(run.network),
        )  # fmt: skip
        network = sampling.applied_to(get_network(run.network))
        if run.network not in inputs:
            module = build_network(run.network, len(benchmark.dataset.tasks[run.task].classes))
            inputs[run.network] = _seconds_of_inputs(module, network, training)
        once, judged = inputs[run.network]
        split, views = benchmark.evaluator.split(run), sampling.views or network.views
        seconds = once * len(split.train) * sampling.samples + judged * len(split.validation) * views
        trainings[run.network] = trainings.get(run.network, 0.0) + seconds * training.epochs
    learned: dict[str, float] = {}
    for name, count in Counter(instance.name for instance in plan.learned).items():
        one = next(instance for instance in plan.learned if instance.name == name)
        learned[name] = count * benchmark.evaluator.learner.seconds(one)
    return Estimate(plan, copies, trainings, learned, untimed)


def _seconds_of_copies(benchmark: Benchmark, obfuscator: str, sources: list[str]) -> float:
    """The time for all these sources, extrapolated from the first frames of one of them."""
    method = benchmark.preparation.method(obfuscator, sources[0])

    def first(source: str) -> Iterator[Clip]:
        with open_source(benchmark.places.root / source) as reader:
            yield from islice(reader, max(1, _FRAMES // 4))

    list(method.stream(islice(first(sources[0]), 1)))  # networks are initialised on the first frames
    begin = time.monotonic()
    frames = sum(len(clip) for clip in method.stream(first(sources[0])))
    per_frame = (time.monotonic() - begin) / max(1, frames)
    lengths = []
    for source in sources[:: max(1, len(sources) // 10)]:
        with open_source(benchmark.places.root / source) as reader:
            lengths.append(reader.info.num_frames or frames)
    return per_frame * len(sources) * sum(lengths) / len(lengths)


def _seconds_of_inputs(module: nn.Module, network: Network, training: Training) -> tuple[float, float]:
    """The time to train on one clip or frame, and to evaluate one, on the training device.

    Measured on at most two, which takes little time and memory; GPUs are faster on whole batches, so this is an upper
    bound.
    """
    fabric = make_fabric(training.precision)
    count = min(2, training.batch_size)
    optimizer = torch.optim.AdamW(module.parameters())
    module, optimizer = fabric.setup(module, optimizer)
    time_axis = (network.num_frames,) if network.level == "clip" else ()
    shape = (count, 6 if network.flow else 3, *time_axis, network.size, network.size)
    inputs = torch.randn(shape, device=fabric.device)

    def learn() -> Tensor:
        loss: Tensor = module(inputs).float().logsumexp(1).mean()
        fabric.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    def infer() -> Tensor:
        with torch.inference_mode(), fabric.autocast():
            return cast(Tensor, module(inputs))

    def seconds(work: Callable[[], Tensor]) -> float:
        """The duration of the second of two calls, since the first one initialises. Converting a number from the device
        waits for it.
        """
        float(work().sum())
        begin = time.monotonic()
        float(work().sum())
        return (time.monotonic() - begin) / count

    learned = seconds(learn)
    module.eval()
    return learned, seconds(infer)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"about {math.ceil(seconds)} s"
    return f"about {math.ceil(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"

"""How long an experiment will take, measured on a little of it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch.nn import functional

from ..types import Clip
from ..video import open_source
from .networks import build_network, get_network
from .obfuscations import ORIGINAL
from .running import Benchmark, Plan
from .sampling import Sampling

_FRAMES = 32


@dataclass(frozen=True)
class Estimate:
    """What is left, and about how many seconds of one process it takes: copies by obfuscator, trainings by network.

    Trainings are counted with all their epochs; patience may end them earlier. Reading frames is not counted.
    """

    plan: Plan
    copies: dict[str, float]
    trainings: dict[str, float]

    def lines(self) -> Iterator[str]:
        """For a person to read."""
        plan = self.plan
        yield f"copies to make: {plan.copies}, {_time(sum(self.copies.values()))}"
        yield from (f"  {name:<20} {_time(seconds)}" for name, seconds in self.copies.items())
        yield f"trainings: {len(plan.trainings)}, {_time(sum(self.trainings.values()))}"
        counts = Counter(run.network for run in plan.trainings)
        yield from (f"  {name:<20} {counts[name]:>4} x {_time(s / counts[name])}" for name, s in self.trainings.items())
        yield f"trained networks to judge: {plan.judgements}"


def estimate(benchmark: Benchmark) -> Estimate:
    """Time some frames of every obfuscator and one step of every network."""
    plan = benchmark.plan()
    copies = {}
    for name in benchmark.experiment.every_obfuscator():
        missing = [source for source in benchmark.sources if not benchmark.preparation.is_ready(source, name)]
        if name != ORIGINAL and missing:
            copies[name] = _seconds_of_copies(benchmark, name, missing)
    trainings: dict[str, float] = {}
    steps: dict[str, float] = {}
    for run in plan.trainings:
        training, sampling = (
            benchmark.experiment.training_of(run.network), benchmark.experiment.sampling_of(run.network),
        )  # fmt: skip
        if run.network not in steps:
            classes = len(benchmark.dataset.tasks[run.task].classes)
            steps[run.network] = _seconds_of_step(run.network, sampling, classes, training.batch_size)
        per_epoch = math.ceil(len(benchmark.split(run).train) * sampling.samples / training.batch_size)
        seconds = steps[run.network] * per_epoch * training.epochs
        trainings[run.network] = trainings.get(run.network, 0.0) + seconds
    return Estimate(plan, copies, trainings)


def _seconds_of_copies(benchmark: Benchmark, obfuscator: str, sources: list[str]) -> float:
    """Of all these sources, from the first frames of one of them."""
    method = benchmark.preparation.method(obfuscator, sources[0])

    def first(source: str) -> Iterator[Clip]:
        with open_source(benchmark.places.root / source) as reader:
            yield from islice(reader, max(1, _FRAMES // 4))

    list(method.stream(islice(first(sources[0]), 1)))  # networks are set up on their first frames
    begin = time.monotonic()
    frames = sum(len(clip) for clip in method.stream(first(sources[0])))
    per_frame = (time.monotonic() - begin) / max(1, frames)
    lengths = []
    for source in sources[:: max(1, len(sources) // 10)]:
        with open_source(benchmark.places.root / source) as reader:
            lengths.append(reader.info.num_frames or frames)
    return per_frame * len(sources) * sum(lengths) / len(lengths)


def _seconds_of_step(name: str, sampling: Sampling, num_classes: int, batch_size: int) -> float:
    network = sampling.applied_to(get_network(name))
    module = build_network(name, num_classes)
    channels = 6 if network.flow else 3
    time_axis = (network.num_frames,) if network.level == "clip" else ()
    inputs = torch.randn(batch_size, channels, *time_axis, network.size, network.size)
    targets = torch.arange(batch_size) % num_classes

    def step() -> float:
        begin = time.monotonic()
        functional.cross_entropy(module(inputs), targets).backward()
        return time.monotonic() - begin

    step()
    return step()


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"about {math.ceil(seconds)} s"
    return f"about {math.ceil(seconds / 60)} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"

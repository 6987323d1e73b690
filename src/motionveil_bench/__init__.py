"""The benchmark: all methods are evaluated by the same networks, splits and attackers, frozen and retrained.

    import motionveil_bench as bench

    experiment = bench.read_experiment("experiments/procedural.toml")
    places = bench.Places(root, None, work, results)
    bench.Benchmark(experiment, places).run()
    bench.write_report(bench.read_rows(results), folder)

Requires ``pip install 'motionveil[bench]'``. Names are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adversarial.settings import Learning
    from .clips.sampling import Sampling
    from .copies.obfuscations import OBFUSCATIONS, Obfuscation, get_obfuscation
    from .datasets import DATASETS, AnnotatedDataset, get_dataset
    from .evaluation import evaluate, f_lambda
    from .models import ATTACKERS, NETWORKS, Network, build_network, get_network
    from .protocols.estimating import estimate
    from .protocols.experiment import Experiment, TwoFold
    from .protocols.experiment_file import read_experiment
    from .protocols.running import Benchmark, Places, Plan, Step
    from .records import Record, Split, Task
    from .report import write_report
    from .results import Row, append_rows, merged, read_rows
    from .training import Training, fit, predict

_LAZY = {
    "adversarial.settings": ("Learning",),
    "clips.sampling": ("Sampling",),
    "copies.obfuscations": ("OBFUSCATIONS", "Obfuscation", "get_obfuscation"),
    "datasets": ("DATASETS", "AnnotatedDataset", "get_dataset"),
    "evaluation": ("evaluate", "f_lambda"),
    "models": ("ATTACKERS", "NETWORKS", "Network", "build_network", "get_network"),
    "protocols.estimating": ("estimate",),
    "protocols.experiment": ("Experiment", "TwoFold"),
    "protocols.experiment_file": ("read_experiment",),
    "protocols.running": ("Benchmark", "Places", "Plan", "Step"),
    "records": ("Record", "Split", "Task"),
    "report": ("write_report",),
    "results": ("Row", "append_rows", "merged", "read_rows"),
    "training": ("Training", "fit", "predict"),
}
_HOME = {name: module for module, names in _LAZY.items() for name in names}

__all__ = [
    "ATTACKERS", "DATASETS", "NETWORKS", "OBFUSCATIONS", "AnnotatedDataset", "Benchmark", "Experiment", "Learning",
    "Network", "Obfuscation", "Places", "Plan", "Record", "Row", "Sampling", "Split", "Step", "Task", "Training",
    "TwoFold", "append_rows", "build_network", "estimate", "evaluate", "f_lambda", "fit", "get_dataset",
    "get_network", "get_obfuscation", "merged", "predict", "read_experiment", "read_rows", "write_report",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value

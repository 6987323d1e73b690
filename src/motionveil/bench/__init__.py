"""The benchmark: every method meets the same networks, splits and attackers, frozen and retrained.

    from motionveil import bench
    experiment = bench.read_experiment("experiments/procedural.toml")
    places = bench.Places(root, None, work, results)
    bench.Benchmark(experiment, places).run()
    bench.write_report(bench.read_rows(results), folder)

It needs ``pip install 'motionveil[bench]'``; what is named here is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adversarial.settings import Learning
    from .datasets import DATASETS, AnnotatedDataset, get_dataset
    from .estimating import estimate
    from .evaluation import evaluate, f_lambda
    from .experiment import Experiment, TwoFold
    from .experiment_file import read_experiment
    from .networks import ATTACKERS, NETWORKS, Network, build_network, get_network
    from .obfuscations import OBFUSCATIONS, Obfuscation, get_obfuscation
    from .records import Record, Split, Task
    from .reports import write_report
    from .results import Row, append_rows, merged, read_rows
    from .running import Benchmark, Places, Plan, Step
    from .sampling import Sampling
    from .training import Training, fit, predict

_LAZY = {
    "adversarial.settings": ("Learning",),
    "datasets": ("DATASETS", "AnnotatedDataset", "get_dataset"),
    "estimating": ("estimate",),
    "evaluation": ("evaluate", "f_lambda"),
    "experiment": ("Experiment", "TwoFold"),
    "experiment_file": ("read_experiment",),
    "networks": ("ATTACKERS", "NETWORKS", "Network", "build_network", "get_network"),
    "obfuscations": ("OBFUSCATIONS", "Obfuscation", "get_obfuscation"),
    "records": ("Record", "Split", "Task"),
    "reports": ("write_report",),
    "results": ("Row", "append_rows", "merged", "read_rows"),
    "running": ("Benchmark", "Places", "Plan", "Step"),
    "sampling": ("Sampling",),
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

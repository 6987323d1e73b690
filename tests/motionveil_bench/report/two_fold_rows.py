"""Rows of a two-fold evaluation whose figures are known: three methods met ten attackers once, all met one thrice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from motionveil_bench.models import ATTACKERS
from motionveil_bench.results import Row

CLIPS = (40, 60, 100)
"""Of the folds, which share none."""
PRIORS = (0.05, 0.05, 0.1)
COMMON = "small_resnet"
RATES: Mapping[str, tuple[float, float, float]] = {
    # action, identity by the attacker that all met, and by the strongest of ten (0: met none of them)
    "original": (0.75, 0.85, 0.0),
    "grl": (0.7, 0.8, 0.9),
    "kbeam_8": (0.65, 0.7, 0.6),
    "entropy": (0.6, 0.5, 0.75),
    "bdq": (0.7, 0.9, 0.0),
    "elr": (0.5, 0.55, 0.0),
    "secure": (0.65, 0.7, 0.0),
}
LEARNED = ("grl", "kbeam_8", "entropy", "bdq", "elr")
ATTRIBUTES = ("gender", "face")


def row(
    task: str, network: str, obfuscator: str, value: float, fold: int = 0, *, protocol: str = "two_fold",
    dataset: str = "ut_interaction", configuration: Mapping[str, Any] | None = None, **changes: Any,
) -> Row:  # fmt: skip
    """One figure of the clips of a fold, whose seed is the fold's number."""
    told = {"data": f"{task} {fold}", "partition": [0, 1, 2], **(configuration or {})}
    level = "clip" if network == "small_r3d" else "frame"
    given: dict[str, Any] = {
        "dataset": dataset, "task": task, "network": network, "level": level, "obfuscator": obfuscator,
        "protocol": protocol, "metric": "top1", "value": value, "prior": PRIORS[fold] if task != "action" else 1 / 6,
        "seed": fold, "fold": fold, "num_clips": CLIPS[fold], "configuration": told, "commit": "87d5e9b",
    }  # fmt: skip
    return Row(**{**given, **changes})


def rows() -> list[Row]:
    """Strongest of the ten is `resnet_v2_50`; the others are 5, 10 … points weaker. Folds differ by 10 points."""
    found = []
    for name, (action, common, ten) in RATES.items():
        with_it = {"utility": "trained with the obfuscator"} if name in LEARNED else {}
        hidden = {"obfuscation": name}
        for fold in range(3):
            own = {"obfuscation": f"{name} {fold}" if name in LEARNED else name}
            found.append(row("action", "small_r3d", name, action, fold, configuration={**with_it, **own}))
            found.append(row("identity", COMMON, name, round(common + 0.1 * (fold - 1), 6), fold, configuration=own))
        for number, network in enumerate(_ranked() if ten else ()):
            found.append(row("identity", network, name, round(max(0.02, ten - 0.05 * number), 6), configuration=hidden))
    return found


def _ranked() -> Sequence[str]:
    return ["resnet_v2_50", *(network for network in ATTACKERS if network != "resnet_v2_50")]


def multilabel() -> list[Row]:
    """Two attackers, each of which finds one attribute better than the other."""
    values = {"resnet_v1_50": (0.9, 0.5), "mobilenet_v1_100": (0.7, 0.8)}
    found = [row("action", "small_r3d", name, 0.6, dataset="pa_hmdb51") for name in ("original", "entropy")]
    for network, pair in values.items():
        for name, less in (("original", 0.0), ("entropy", 0.1)):
            classes = {
                attribute: {"value": value - less, "prior": prior, "interval": [0.0, 1.0]}
                for attribute, value, prior in zip(ATTRIBUTES, pair, (0.6, 0.3), strict=True)
            }
            found.append(
                row("attributes", network, name, sum(pair) / 2 - less, dataset="pa_hmdb51", metric="cmap", prior=0.45,
                    detail={"classes": classes})
            )  # fmt: skip
    return found

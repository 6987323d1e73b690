"""Rows as a study would leave them, made up with a fixed seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from motionveil_bench.results import Row

OBFUSCATORS = {
    # name: (action frozen, action retrained, identity frozen, identity retrained)
    "original": (0.9, 0.9, 0.93, 0.93),
    "blur_weak": (0.5, 0.8, 0.4, 0.75),
    "blur_strong": (0.35, 0.75, 0.32, 0.7),
    "pixelate_4": (0.8, 0.85, 0.6, 0.85),
    "pixelate_16": (0.4, 0.7, 0.4, 0.6),
    "mean_fill": (0.4, 0.7, 0.35, 0.55),
    "solid": (0.42, 0.68, 0.33, 0.52),
    "inpaint": (0.3, 0.45, 0.3, 0.4),
    "iid_noise": (0.15, 0.3, 0.05, 0.08),
    "static_noise": (0.17, 0.2, 0.05, 0.06),
    "motion_noise": (0.4, 0.8, 0.06, 0.3),
    "paper": (0.85, 0.88, 0.1, 0.5),
    "paper_iid": (0.6, 0.8, 0.09, 0.48),
    "secure": (0.8, 0.86, 0.06, 0.35),
    "secure_iid": (0.55, 0.75, 0.06, 0.33),
    "person_removed": (0.2, 0.3, 0.15, 0.25),
    "silhouette": (0.5, 0.82, 0.1, 0.4),
    "scene_alone": (0.17, 0.2, 0.12, 0.15),
    "template_hair": (0.88, 0.89, 0.7, 0.8),
    "template_torso": (0.85, 0.86, 0.4, 0.7),
    "template_hand": (0.5, 0.8, 0.8, 0.85),
    "template_leg": (0.84, 0.86, 0.5, 0.8),
}
KTH = ("boxing", "handclapping", "handwaving", "jogging", "running", "walking")
TASKS: dict[tuple[str, str], tuple[tuple[str, ...], int, int]] = {
    # (data set, task): classes, folds (which partition the clips), clips of a fold
    ("kth", "action"): (KTH, 1, 216),
    ("kth", "identity"): (tuple(f"person{n:02}" for n in range(1, 26)), 1, 150),
    ("ut_interaction", "action"): (("shake", "hug", "kick", "point", "punch", "push"), 10, 12),
    ("ut_interaction", "pair"): (tuple(f"pair {n}" for n in range(1, 11)), 5, 12),
}
NETWORKS = {
    "action": (("x3d_s", "clip"), ("r2plus1d_r50", "clip")),
    "other": (("resnet18", "frame"), ("vit_b_16", "frame"), ("x3d_s", "clip")),
}


def rows(obfuscators: Sequence[str] = tuple(OBFUSCATORS), seeds: Sequence[int] = (0,)) -> list[Row]:
    """Everything that an experiment over two data sets would write."""
    return list(_rows(obfuscators, seeds))


def _rows(obfuscators: Sequence[str], seeds: Sequence[int]) -> Iterator[Row]:
    generator = np.random.default_rng(3)
    for (dataset, task), (classes, folds, clips) in TASKS.items():
        for name in obfuscators:
            for protocol in ("frozen",) if name == "original" else ("frozen", "retrained"):
                at = 2 * (task != "action") + (protocol == "retrained")
                for number, (network, level) in enumerate(NETWORKS.get(task, NETWORKS["other"])):
                    rate = float(np.clip(OBFUSCATORS[name][at] - 0.03 * number, 1 / len(classes), 1))
                    for seed in seeds:
                        for fold in range(folds):
                            yield _row(
                                generator,
                                folds,
                                dataset,
                                task,
                                network,
                                level,
                                name,
                                protocol,
                                rate,
                                classes,
                                clips,
                                seed,
                                fold,
                            )


def _row(
    generator: np.random.Generator, folds: int, dataset: str, task: str, network: str, level: str, obfuscator: str,
    protocol: str, rate: float, classes: tuple[str, ...], clips: int, seed: int, fold: int,
) -> Row:  # fmt: skip
    of_clips = np.random.default_rng([fold, clips])  # the same for all networks and obfuscators
    truth, hardness = of_clips.integers(0, len(classes), clips), of_clips.random(clips)
    luck = np.where(generator.random(clips) < 0.6, hardness, generator.random(clips))
    said = np.where(luck < rate, truth, generator.integers(0, len(classes), clips))
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (truth, said), 1)
    return Row(
        dataset, task, network, level, obfuscator, protocol, "top1", float((truth == said).mean()), 1 / len(classes),
        seed, fold, clips,
        {"epochs": 60, "size": 112, "data": f"{dataset} {task} {fold}", "partition": list(range(folds))}, None,
        {"confusion": confusion.tolist(), "classes": list(classes),
         "correct": "".join("01"[int(right)] for right in truth == said)}, "87d5e9b",
    )  # fmt: skip

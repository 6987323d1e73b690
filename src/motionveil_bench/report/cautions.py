"""Cautions for readers of a report: rows that do not belong together, and missing rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..copies.obfuscations import ORIGINAL, PERSON_REMOVED, SCENE_ALONE, SILHOUETTE
from ..results import Row, hash_of
from .names import dataset_name, learned_method, listed, network_name, obfuscator_name
from .pooling import num_clips, partitions
from .study import METRICS, TWO_FOLD, Study
from .two_fold_cautions import two_fold_cautions

_FEW = 100
"""Number of test clips below which a 95 % interval extends by more than about 10 points to either side."""
_OBFUSCATION = "obfuscation"
"""The key of the obfuscator's hash in a configuration."""
_OF_FOLDS = ("data", "partition")
"""Keys of a configuration that describe the clips of a fold, and so differ between folds."""


def cautions(study: Study) -> list[str]:
    """One sentence for each caution, the most severe first."""
    rows = [row for row in study.rows if row.metric in METRICS]
    return [
        *two_fold_cautions(study),
        *_mixed_configurations(rows),
        *_stand_ins(rows),
        *_from_scratch(rows),
        *_different_settings(rows),
        *_commits(rows),
        *_missing_folds(rows),
        *_overlapping_folds(rows),
        *_missing_networks(study, rows),
        *_missing_protocols(study),
        *_missing_references(study),
        *_few_clips(rows),
        *_single_seeds(rows),
    ]


def _mixed_configurations(rows: Sequence[Row]) -> Iterator[str]:
    hashes: dict[tuple[str, ...], set[str]] = {}
    made: dict[tuple[tuple[str, ...], int, int], set[str]] = {}
    for row in rows:
        key = (row.dataset, row.task, row.network, row.level, row.obfuscator, row.protocol, row.metric)
        aside: tuple[str, ...] = _OF_FOLDS
        if learned_method(row.obfuscator):  # trained separately for each seed and fold
            aside = (*aside, _OBFUSCATION)
            made.setdefault((key, row.seed, row.fold), set()).add(str(row.configuration.get(_OBFUSCATION)))
        settings = {name: value for name, value in row.configuration.items() if name not in aside}
        hashes.setdefault(key, set()).add(hash_of(settings))
    mixed = [key for key, found in hashes.items() if len(found) > 1]
    mixed += [key for (key, *_), found in made.items() if len(found) > 1]
    if mixed:
        yield (
            "rows of different configurations are mixed in "
            f"{listed([', '.join(key[:-1]) for key in dict.fromkeys(mixed)], '; ')}. Where seed and fold "
            "are the same too, the last row counts"
        )


def _different_settings(rows: Sequence[Row]) -> Iterator[str]:
    """Settings that differ between the obfuscators of a comparison, other than those of the obfuscators themselves."""
    values: dict[tuple[str, ...], dict[str, set[str]]] = {}
    for row in rows:
        where = (row.dataset, row.task, row.network, row.protocol)
        for key, value in _flat(row.configuration):
            if not key.startswith(("obfusc", "substitutes")):
                place = (*where, f"fold {row.fold}") if key in _OF_FOLDS else where
                values.setdefault(place, {}).setdefault(key, set()).add(value)
    differing: dict[str, list[str]] = {}
    for found, settings in values.items():
        for key, known in settings.items():
            if len(known) > 1:
                text = f"{key} ({' / '.join(sorted(known)[:4])})"
                differing.setdefault(text, []).append(", ".join(found))
    for text, places in differing.items():
        yield f"the setting {text} is not the same for all obfuscators of {listed(places, '; ')}"


def _stand_ins(rows: Sequence[Row]) -> Iterator[str]:
    """Obfuscators that were made with substitute networks."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for wanted, used in dict(row.configuration.get("substitutes") or {}).items():
            found.setdefault(f"{used} for {wanted}", set()).add(row.dataset)
    if found:
        yield (
            f"networks stood in for others where obfuscators ask for them ({listed(found)}): the presets paper and "
            "what is made of them are not what was published"
        )


def _from_scratch(rows: Sequence[Row]) -> Iterator[str]:
    """Networks that were not pretrained, according to the rows."""
    random = {row.network for row in rows if "weights" in row.configuration and row.configuration["weights"] is None}
    if random:
        yield (
            f"{listed(sorted(map(network_name, random)))} began with random weights: attackers that were pretrained "
            "on millions of pictures may find more, and published figures, which rest on pretraining, are out of reach"
        )


def _flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{before}{key}.")
        else:
            yield f"{before}{key}", str(item)


def _commits(rows: Sequence[Row]) -> Iterator[str]:
    commits = sorted({row.commit for row in rows if row.commit})
    if len(commits) > 1:
        yield f"rows come from {len(commits)} commits of the code ({listed(commits)})"
    if any(commit.endswith("+") for commit in commits):
        yield "some rows come from code with changes that no commit holds (their commit ends with +)"
    if any(not row.commit for row in rows):
        yield "some rows do not say which commit of the code made them"


def _missing_folds(rows: Sequence[Row]) -> Iterator[str]:
    expected: dict[tuple[str, str], set[tuple[int, int]]] = {}
    found: dict[tuple[str, ...], set[tuple[int, int]]] = {}
    for row in (row for row in rows if row.protocol != TWO_FOLD):
        place = (row.seed, row.fold)
        expected.setdefault((row.dataset, row.task), set()).add(place)
        key = (row.dataset, row.task, row.obfuscator, row.protocol, row.network, row.level)
        found.setdefault(key, set()).add(place)
    missing = []
    for names, places in found.items():
        lacking = sorted(expected[names[0], names[1]] - places)
        if lacking:
            named = listed([f"seed {seed} fold {fold}" for seed, fold in lacking])
            missing.append(f"{', '.join(names)} lacks {named}")
    if missing:
        yield f"fewer seeds or folds are there than for others of their task: {listed(missing, '; ')}"


def _overlapping_folds(rows: Sequence[Row]) -> Iterator[str]:
    """Figures without intervals, with the reason."""
    for (dataset, task), found in _by_task(rows).items():
        groups = partitions(found)
        if len(groups) > 1:
            yield (
                f"{dataset_name(dataset)}, {task}: the {sum(map(len, groups))} folds may share test clips (rows do not "
                "tell otherwise), so that they are averaged, and averages have no interval"
            )


def _by_task(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.dataset, row.task), []).append(row)
    return found


def _missing_networks(study: Study, rows: Sequence[Row]) -> Iterator[str]:
    """Averages over different networks, which cannot be compared."""
    for dataset, task in dict.fromkeys((row.dataset, row.task) for row in rows):
        for protocol in study.compared:
            recognisers = {name: set(study.cell(dataset, task, name, protocol)) for name in study.obfuscators}
            everyone = set().union(*recognisers.values())
            lacking = [
                f"{obfuscator_name(name)} lacks {listed(sorted({j.network for j in everyone - found}))}"
                for name, found in recognisers.items()
                if found and found != everyone
            ]
            if lacking:
                yield (
                    f"{dataset_name(dataset)}, {task}, {protocol}: averages and strongest attackers are over different "
                    f"networks: {listed(lacking, '; ')}"
                )


def _missing_protocols(study: Study) -> Iterator[str]:
    known: dict[str, set[str]] = {}
    for row in study.rows:
        known.setdefault(row.obfuscator, set()).add(row.protocol)
    frozen = [obfuscator_name(n) for n, found in known.items() if n != ORIGINAL and found == {"frozen"}]
    if frozen:
        yield (
            f"no attacker was retrained on {listed(frozen)}: a frozen attacker has never seen such video, so that "
            "its failure proves little"
        )


def _missing_references(study: Study) -> Iterator[str]:
    said = {
        ORIGINAL: "nothing can be compared with unmodified video",
        PERSON_REMOVED: "how much attackers find where people are cut out of each frame is not known",
        SCENE_ALONE: "how much of the attackers' success comes from the place alone is not known",
        SILHOUETTE: "how much an outline and its motion give away is not known",
    }
    for dataset in study.datasets:
        names = {row.obfuscator for row in study.rows if row.dataset == dataset}
        for name, consequence in said.items():
            if name not in names:
                yield f"{dataset_name(dataset)} has no rows of {name}: {consequence}"


def _few_clips(rows: Sequence[Row]) -> Iterator[str]:
    for (dataset, task), found in _by_task(rows).items():
        total = num_clips(found)
        if total < _FEW:
            yield f"{dataset_name(dataset)}, {task}: only {total:g} test clips; look at intervals before comparing"


def _single_seeds(rows: Sequence[Row]) -> Iterator[str]:
    seeds: dict[tuple[str, int], set[int]] = {}
    for row in rows:
        seeds.setdefault((row.dataset, row.fold), set()).add(row.seed)
    single = sorted({dataset for (dataset, _), found in seeds.items() if len(found) == 1})
    if single:
        yield (
            f"one training for each fold of {listed(map(dataset_name, single))}: intervals hold the chance of the "
            "test clips, not that of another training"
        )

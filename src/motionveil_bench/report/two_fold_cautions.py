"""Cautions for the two-fold evaluation: attackers that differ, or that did not learn."""

from __future__ import annotations

from collections.abc import Iterator

from ..copies.obfuscations import ORIGINAL
from .names import PROTOCOLS_SHORT, listed, network_name, obfuscator_name
from .pooling import Estimate
from .study import Recogniser, Study
from .two_fold import RecogniserGroup, TwoFold, two_folds

_NEAR = 0.03
"""Margin above its prior within which a figure without an interval counts as the prior."""


def two_fold_cautions(study: Study) -> list[str]:
    """One sentence for each caution, the most severe first; empty if there was no such evaluation."""
    every = [found for found in two_folds(study) if found.attackers]
    return [
        *(text for found in every for text in _failed_attackers(study, found)),
        *(text for found in every for text in _weaker_than_known(study, found)),
        *(text for found in every for text in _failed_on_original(found)),
        *(text for found in every for text in _numbers_of_attackers(found)),
        *(text for found in every for text in _some_trainings(found)),
        *(text for found in every for text in _other_folds(found)),
        *(text for found in every for text in _action_networks(found)),
    ]


def _is_near_prior(estimate: Estimate) -> bool:
    prior = estimate.prior or 0.0
    if estimate.interval is None:
        return estimate.value <= prior + _NEAR
    return estimate.interval[0] <= prior


def _is_above(one: Estimate, other: Estimate) -> bool:
    """Whether one is significantly higher than another."""
    lowest = one.value if one.interval is None else one.interval[0]
    highest = other.value if other.interval is None else other.interval[1]
    return lowest > max(highest, other.value + _NEAR)


def _other_protocols(study: Study, found: TwoFold, name: str) -> Iterator[tuple[str, Recogniser, Estimate]]:
    """The strongest attackers of the same obfuscator under other protocols."""
    for protocol in study.compared:
        known = study.strongest(found.attribute, name, protocol)
        if known is not None:
            yield protocol, *known


def _failed_attackers(study: Study, found: TwoFold) -> Iterator[str]:
    """Attackers that learned nothing although there is something to learn."""
    for name, group in _all_groups(found):
        best = group.strongest[1]
        if name == ORIGINAL or not _is_near_prior(best):
            continue
        for protocol, recogniser, known in _other_protocols(study, found, name):
            if _is_above(known, best):
                yield (
                    f"{_where(found)}: the unseen attackers of {obfuscator_name(name)} reach {_percent(best.value)}, "
                    f"hardly more than the prior of {_percent(best.prior)}, though {network_name(recogniser.network)} "
                    f"({PROTOCOLS_SHORT[protocol]}) reaches {_percent(known.value)} on the same obfuscation: attackers "
                    "that failed to learn prove nothing"
                )
                break


def _weaker_than_known(study: Study, found: TwoFold) -> Iterator[str]:
    """Obfuscators for which another protocol has a stronger attacker."""
    stronger = []
    for name, group in _all_groups(found):
        best = group.strongest[1]
        known = [(e.value, p, j) for p, j, e in _other_protocols(study, found, name) if _is_above(e, best)]
        if known and name != ORIGINAL and not _is_near_prior(best):
            value, protocol, recogniser = max(known)
            by = f"{network_name(recogniser.network)}, {PROTOCOLS_SHORT[protocol]}"
            stronger.append(f"{obfuscator_name(name)} ({_percent(value)} by {by}, not {_percent(best.value)})")
    if stronger:
        yield f"{_where(found)}: attackers of another protocol are stronger than the unseen ones of {listed(stronger)}"


def _failed_on_original(found: TwoFold) -> Iterator[str]:
    failed = [
        network_name(recogniser.network)
        for recogniser in found.attackers.get(ORIGINAL, {})
        if (group := found.by(ORIGINAL, [recogniser])) is not None and _is_near_prior(group.mean)
    ]
    if failed:
        yield (
            f"{_where(found)}: {listed(failed)} {'reaches' if len(failed) == 1 else 'reach'} hardly more than the "
            "prior on the original: such attackers have not learned to attack, and count for nothing elsewhere"
        )


def _numbers_of_attackers(found: TwoFold) -> Iterator[str]:
    counts: dict[tuple[Recogniser, ...], list[str]] = {}
    for name, group in _all_groups(found):
        if name != ORIGINAL:
            counts.setdefault(group.recognisers, []).append(name)
    if len(counts) < 2:
        return
    told = [
        f"{listed([obfuscator_name(name) for name in names])} met {len(recognisers)} "
        f"({listed([network_name(recogniser.network) for recogniser in recognisers])})"
        for recognisers, names in sorted(counts.items(), key=lambda item: -len(item[0]))
    ]
    by = listed([network_name(recogniser.network) for recogniser in found.common])
    consequence = f"compare by those that judged most of them ({by})" if by else "no attacker judged two of them"
    yield (
        f"{_where(found)}: obfuscators met different attackers, and the strongest of many is stronger than that of "
        f"few; {consequence}: {listed(told, '; ')}"
    )


def _some_trainings(found: TwoFold) -> Iterator[str]:
    """The strongest of all attackers is based on fewer trainings than others of the same obfuscator."""
    fewer = []
    for name, group in _all_groups(found):
        everywhere = {place for rows in found.attackers[name].values() for place in rows}
        if len(group.places) < len(everywhere) and name != ORIGINAL:
            fewer.append(f"{obfuscator_name(name)} ({len(group.places)} of {len(everywhere)})")
    if fewer:
        yield (
            f"{_where(found)}: the figures of all attackers rest on some trainings alone, those on which all of them "
            f"ran, of {listed(fewer)}"
        )


def _other_folds(found: TwoFold) -> Iterator[str]:
    """Obfuscators that were evaluated by the same attackers, but with other seeds or folds."""
    places: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for name in found.names:
        group = found.by(name, found.common)
        if group is not None:
            places.setdefault(group.places, []).append(obfuscator_name(name))
    if len(places) > 1:
        told = [
            f"{listed(names)} on {listed([f'seed {seed} fold {fold}' for seed, fold in where])}"
            for where, names in places.items()
        ]
        yield f"{_where(found)}: the same attackers judged other seeds or folds: {listed(told, '; ')}"
    lacking = [obfuscator_name(n) for n in found.attackers if found.common and not found.by(n, found.common)]
    if lacking:
        yield f"{_where(found)}: {listed(lacking)} cannot be compared with the others, having met other attackers"


def _action_networks(found: TwoFold) -> Iterator[str]:
    recognisers = {obfuscator_name(n): group.recognisers for n in found.names if (group := found.action(n)) is not None}
    if len(set(recognisers.values())) > 1:
        told = [
            f"{name} by {listed([network_name(recogniser.network) for recogniser in networks])}"
            for name, networks in recognisers.items()
        ]
        yield f"{_where(found)}: actions were not recognised by the same networks: {listed(told, '; ')}"


def _all_groups(found: TwoFold) -> Iterator[tuple[str, RecogniserGroup]]:
    return ((name, group) for name in found.names if (group := found.all_attackers(name)) is not None)


def _where(found: TwoFold) -> str:
    return f"{found.attribute.title}, two-fold"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"

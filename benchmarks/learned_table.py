"""What learned obfuscators keep and leak beside others, as one table in Markdown.

    python benchmarks/learned_table.py results/ut_interaction_learned.jsonl [--base untrained] [--unseen inception_v2]

Figures are in per cent, over the clips that every training (a seed of a fold) was judged on; empty where one is
missing. f is f_lambda with lambda = 0.5 (Ilic et al., CVPR 2024, Eq. 6) of the retrained networks, the mean over the
trainings; the last column is how far it is above that of `--base` in each of them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from motionveil_bench import Row, f_lambda, merged, read_rows

ACTION = "action"


def table(rows: Sequence[Row], base: str, unseen: str) -> list[str]:
    """The lines."""
    found: dict[tuple[str, bool, str, bool], dict[tuple[int, int], Row]] = {}
    for row in merged(rows):
        if row.metric == "top1":
            key = (row.obfuscator, row.task == ACTION, row.protocol, row.network == unseen)
            found.setdefault(key, {})[row.seed, row.fold] = row
    trainings = max(map(len, found.values()))

    def rate(name: str, action: bool, protocol: str, by_unseen: bool = False) -> str:
        judged = found.get((name, action, protocol, by_unseen), {}).values()
        if len(judged) < trainings:
            return ""
        clips = sum(row.num_clips for row in judged)
        return f"{100 * sum(row.value * row.num_clips for row in judged) / clips:.1f}"

    def scores(name: str) -> dict[tuple[int, int], float]:
        actions, others = (found.get((name, action, "retrained", False), {}) for action in (True, False))
        both = actions.keys() & others.keys()
        return {each: 100 * f_lambda(actions[each].value, others[each].value) for each in sorted(both)}

    floor = scores(base)
    lines = [
        f"| | action, frozen | retrained | two-fold | attribute, frozen | retrained | {unseen} | f, retrained "
        f"| above {base}, by training |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name in dict.fromkeys(row.obfuscator for row in rows):
        cells = [
            rate(name, True, "frozen"), rate(name, True, "retrained"), rate(name, True, "two_fold"),
            rate(name, False, "frozen"), rate(name, False, "retrained"), rate(name, False, "two_fold", True),
        ]  # fmt: skip
        own = scores(name)
        mean = f"{sum(own.values()) / len(own):.1f}" if own else ""
        above = ", ".join(f"{own[each] - floor[each]:+.1f}" for each in own if each in floor)
        lines.append(f"| {name} | {' | '.join(cells)} | {mean} | {above} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--base", default="untrained")
    parser.add_argument("--unseen", default="inception_v2")
    told = parser.parse_args()
    print("\n".join(table(read_rows(told.results), told.base, told.unseen)))


if __name__ == "__main__":
    main()

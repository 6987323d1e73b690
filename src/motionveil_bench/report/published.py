"""What papers have published, to be shown beside our figures and never mixed with them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..datasets.published import base_name
from .names import dataset_name
from .tables import Cell, Group, Section, Table, plain

_ASSETS = Path(__file__).resolve().parents[1] / "assets"


@dataclass(frozen=True)
class Tradeoff:
    """One published pair: shares in [0, 1]; f: f_0.5 as printed, None where the source has none.

    obfuscator: ours that does the same, empty where there is none. protocol, metric (of privacy): as in `Row`.
    """

    source: str
    dataset: str
    name: str
    action: float
    privacy: float
    f: float | None = None
    obfuscator: str = ""
    protocol: str = "frozen"
    metric: str = "top1"

    @property
    def label(self) -> str:
        """For figures."""
        return f"published: {self.name}"


@dataclass(frozen=True)
class Published:
    """Everything that is known. top1: by task kind ('action', 'privacy'), network (or 'average') and data set."""

    titles: Mapping[str, str] = field(default_factory=dict)
    top1: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    tradeoffs: tuple[Tradeoff, ...] = ()

    def accuracy(self, kind: str, network: str, dataset: str) -> float | None:
        """Top-1 on unmodified video (Table 1 of the CVPR 2024 paper)."""
        return self.top1.get(kind, {}).get(network, {}).get(base_name(dataset))

    def of(self, dataset: str, protocol: str | None = None) -> list[Tradeoff]:
        """Published pairs of the CVPR 2024 paper on a data set, of one protocol or of all."""
        return [
            item for item in self.tradeoffs
            if item.source == "cvpr2024" and item.dataset == base_name(dataset) and protocol in (None, item.protocol)
        ]  # fmt: skip

    def two_fold(self, dataset: str, metric: str) -> list[Tradeoff]:
        """Published pairs of the two-fold evaluation (Wu et al., TPAMI 2020) on a data set, judged by this metric."""
        return [
            item for item in self.tradeoffs
            if (item.source, item.dataset, item.metric) == ("tpami2020", base_name(dataset), metric)
        ]  # fmt: skip


def published_figures() -> Published:
    """Read them from the package. Data sets are named as in our table of data sets."""
    with (_ASSETS / "published.toml").open("rb") as file:
        told = tomllib.load(file)
    cvpr, tpami = told["cvpr2024"], told["tpami2020"]
    top1 = {
        kind: {network: {dataset: value / 100 for dataset, value in row.items()} for network, row in cvpr[kind].items()}
        for kind in ("action", "privacy")
    }
    tradeoffs = [
        Tradeoff("cvpr2024", dataset, row["name"], row[dataset][0] / 100, row[dataset][1] / 100, row[dataset][2],
                 row["obfuscator"], row["protocol"])
        for dataset in ("ipn", "kth", "sbu")
        for row in cvpr["methods"]
    ]  # fmt: skip
    tradeoffs += [
        Tradeoff("tpami2020", row["dataset"], row["name"], row["action"] / 100, row["privacy"] / 100,
                 obfuscator=row["obfuscator"], protocol="two_fold", metric=row["metric"])
        for row in tpami["methods"]
    ]  # fmt: skip
    return Published({key: told[key]["title"] for key in told}, top1, tuple(tradeoffs))


_SOURCES = {
    "cvpr2024": "Table 2 of the CVPR 2024 paper. Methods that train (BDQ, ALF, ELR) were judged by the networks "
    "trained with them, all others by networks trained on original video.",
    "tpami2020": "Trade-offs of Wu et al., TPAMI 2020: action accuracy, and accuracy (SBU) or class-wise mean average "
    "precision (the others) of the attributes, by new attackers.",
}


def published_tables(published: Published) -> list[Table]:
    """One table for every source; none where nothing is to be shown."""
    return [_published_table(source, published) for source in published.titles]


def _published_table(source: str, published: Published) -> Table:
    items = [item for item in published.tradeoffs if item.source == source]
    datasets = list(dict.fromkeys(item.dataset for item in items))
    columns = ("action ↑", "privacy ↓") + (("f₀.₅ ↑",) if any(item.f is not None for item in items) else ())
    rows = []
    for name in dict.fromkeys(item.name for item in items):
        row = [Cell(name)]
        for dataset in datasets:
            found = next((item for item in items if (item.name, item.dataset) == (name, dataset)), None)
            if found is None:
                row += [Cell()] * len(columns)
                continue
            row += [plain(found.action, "{:.2f}"), plain(found.privacy, "{:.2f}")]
            if len(columns) == 3:
                row.append(plain(found.f, "{:.2f}", 1))
        rows.append(tuple(row))
    return Table(
        f"published_{source}",
        "Published, not measured by us.",
        f"{_SOURCES.get(source, '')} {published.titles[source]}.".strip(),
        ("Method",),
        tuple(Group(dataset_name(dataset), columns) for dataset in datasets),
        (Section(tuple(rows)),),
    )

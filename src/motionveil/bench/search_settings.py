"""What a search is told: the table [search] of an experiment file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .._core.errors import OptionError
from .networks import get_network


@dataclass(frozen=True)
class SearchSettings:
    """action: the network for actions. attackers: networks for the attribute, of whom the strongest counts. attribute:
    a task, empty for the only one that the dataset has beside actions. seed: of trainings and proposals; it chooses the
    fold, too. weight: of privacy in `f_lambda`, in [0, 1]. trials: how many are made in all. start: a preset, the first
    trial, whose networks and filler all others have. Raises OptionError for what makes no sense.
    """

    action: str
    attackers: tuple[str, ...]
    attribute: str = ""
    seed: int = 0
    weight: float = 0.5
    trials: int = 12
    start: str = "secure"

    def __post_init__(self) -> None:
        for name, smallest in (("seed", 0), ("trials", 1)):
            value = getattr(self, name)
            if type(value) is not int or not smallest <= value <= 1_000_000:
                raise OptionError(
                    f"{name} of [search] is {value!r}; give a whole number, at least {smallest}, at most 1000000"
                )
        if type(self.weight) not in (int, float) or not 0 <= self.weight <= 1:
            raise OptionError(f"weight of [search] is {self.weight!r}; give a number from 0 to 1")
        if not self.attackers:
            raise OptionError("attackers of [search] is empty; name at least one network")
        for name in (self.action, *self.attackers):
            get_network(name)


def read_search(told: Any, where: str) -> SearchSettings:
    """Settings from a table of a file. Raises OptionError."""
    if not isinstance(told, Mapping):
        raise OptionError(f"{where} must be a table, not {told!r}; write [search] above its settings")
    known = [item.name for item in fields(SearchSettings)]
    if unknown := set(told) - set(known):
        raise OptionError(f"{where} has a setting {min(unknown)!r} that does not exist; there are {', '.join(known)}")
    if missing := {"action", "attackers"} - set(told):
        raise OptionError(f"{where} lacks {min(missing)}; write for instance: attackers = ['small_resnet']")
    for name in ("action", "attribute", "start"):
        if name in told and not isinstance(told[name], str):
            raise OptionError(f"{name} of {where} must be a name, not {told[name]!r}")
    attackers = told["attackers"]
    if not isinstance(attackers, list | tuple) or not all(isinstance(name, str) for name in attackers):
        raise OptionError(f"attackers of {where} must be a list of names, not {attackers!r}")
    return SearchSettings(**{**told, "attackers": tuple(attackers)})

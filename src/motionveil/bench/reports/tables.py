"""A table before it is written down: cells, columns in groups, sections of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .pooling import Estimate

Mark = Literal["", "best", "second"]
EMPTY = "–"


@dataclass(frozen=True)
class Cell:
    """text, and in `detail` what is set smaller behind it, for instance an interval; it may have several lines."""

    text: str = EMPTY
    detail: str = ""
    mark: Mark = ""


@dataclass(frozen=True)
class Group:
    """Neighbouring columns under one heading."""

    title: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """Rows under a heading (which may be empty). Each row begins with its name."""

    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""


@dataclass(frozen=True)
class Table:
    """name: of its files. groups: of all columns but the first `num_names`, which name the row under `names`."""

    name: str
    title: str
    caption: str
    names: tuple[str, ...]
    groups: tuple[Group, ...]
    sections: tuple[Section, ...]

    def __post_init__(self) -> None:
        width = len(self.names) + sum(len(group.columns) for group in self.groups)
        wrong = [row for section in self.sections for row in section.rows if len(row) != width]
        if wrong:
            raise ValueError(f"a row of the table {self.name} has {len(wrong[0])} cells, not {width}: {wrong[0]}")


def percent(estimate: Estimate | None, *, interval: bool = True) -> Cell:
    """A share in per cent with its interval."""
    return _cell(estimate, 100, "{:.1f}", interval)


def points(estimate: Estimate | None, *, interval: bool = True) -> Cell:
    """A difference of two shares in percentage points, with its sign and interval."""
    return _cell(estimate, 100, "{:+.1f}", interval)


def ratio(estimate: Estimate | None, *, interval: bool = True, sign: bool = False) -> Cell:
    """A figure in [0, 1] with two decimals."""
    return _cell(estimate, 1, "{:+.2f}" if sign else "{:.2f}", interval)


def limits(estimate: Estimate | None) -> Cell:
    """The lowest and the highest of several trainings, in per cent; a dash of a single one."""
    found = None if estimate is None else estimate.extremes
    return Cell() if found is None else Cell(" – ".join(_number(100 * bound, "{:.1f}") for bound in found))


def plain(value: float | None, pattern: str = "{:.1f}", scale: float = 100) -> Cell:
    """A bare number; a dash where there is none."""
    return Cell() if value is None else Cell(_number(value * scale, pattern))


def _cell(estimate: Estimate | None, scale: float, pattern: str, interval: bool) -> Cell:
    if estimate is None:
        return Cell()
    detail = ""
    if interval and estimate.interval is not None:
        detail = "[" + ", ".join(_number(scale * bound, pattern) for bound in estimate.interval) + "]"
    return Cell(_number(scale * estimate.value, pattern), detail)


def _number(value: float, pattern: str) -> str:
    """With a true minus, and no minus before a zero."""
    text = pattern.format(value)
    if not text.strip("+-0."):
        text = text.replace("-", "+" if "+" in pattern else "")
    return text.replace("-", "−")


def ranked(
    cells: Sequence[Cell],
    values: Iterable[Estimate | None],
    *,
    lowest: bool = False,
    among: Iterable[bool] | None = None,
) -> list[Cell]:
    """The cells of a column with the best and the second best marked; those that read the same are marked alike.

    among: which of the cells take part.
    """
    takes = [True] * len(cells) if among is None else list(among)
    known = [
        (-value.value if lowest else value.value, cell.text)
        for cell, value, taken in zip(cells, values, takes, strict=True)
        if taken and value is not None
    ]
    order = list(dict.fromkeys(text for _, text in sorted(known, key=lambda item: -item[0])))
    if len(order) < 2:
        return list(cells)
    marks: dict[str, Mark] = {order[0]: "best", order[1]: "second"}
    return [
        replace(cell, mark=marks.get(cell.text, "")) if taken else cell
        for cell, taken in zip(cells, takes, strict=True)
    ]

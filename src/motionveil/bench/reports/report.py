"""A report before it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ..._core.types import UInt8Array
from .charts import Chart
from .tables import Table


class Sheet(NamedTuple):
    """A picture (H, W, 3) uint8 RGB with a title and a line of text; see `sheets`."""

    name: str
    title: str
    caption: str
    image: UInt8Array


@dataclass(frozen=True)
class Part:
    """A section of a report."""

    title: str
    text: str
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    sheets: tuple[Sheet, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that is in a report, before it is written."""

    parts: tuple[Part, ...]
    cautions: tuple[str, ...]
    provenance: Table
    titles: tuple[str, ...]
    csv: Mapping[str, str]

    @property
    def tables(self) -> list[Table]:
        """Of all parts."""
        return [table for part in self.parts for table in part.tables] + [self.provenance]

    @property
    def charts(self) -> list[Chart]:
        """Of all parts."""
        return [chart for part in self.parts for chart in part.charts]

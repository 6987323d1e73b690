"""Tables and figures: pure functions of rows of results."""

from .report import Sheet
from .writing import make_report, write_report

__all__ = ["Sheet", "make_report", "write_report"]

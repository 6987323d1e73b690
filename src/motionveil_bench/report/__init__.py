"""Tables and figures: pure functions of result rows."""

from .writing import Sheet, make_report, write_report

__all__ = ["Sheet", "make_report", "write_report"]

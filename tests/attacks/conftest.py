"""Fixtures of the command line, for attacks on it."""

from ..cli.test_commands import run

__all__ = ["run"]

"""Fixtures of the command line, for attacks on it."""

from ..test_cli import run

__all__ = ["run"]

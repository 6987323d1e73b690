"""motionveil bench"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from ..errors import DependencyError

_COMMANDS = {
    "data": ("bench_data", "Check a dataset, or leaf through it."),
    "run": ("bench_run", "Run an experiment: obfuscate, train, judge; goes on where it stopped."),
    "learn": ("bench_learn", "Train learned obfuscators, and write them as files for: motionveil obfuscate."),
    "search": ("bench_search", "Search for settings of the selective method that keep actions and hide an attribute."),
    "report": ("bench_report", "Make tables, figures and a page of results."),
    "networks": ("bench_networks", "List the networks."),
}
"""Subcommand → (module in this package that has `command`, one line of help)."""


@contextmanager
def _missing_packages() -> Iterator[None]:
    """Raise DependencyError where a package is missing."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").startswith("motionveil"):
            raise
        raise DependencyError(
            f"the benchmark needs {error.name}; install it with: pip install 'motionveil[bench]'"
        ) from error


class _Commands(click.Group):
    """Subcommands need packages that not everybody has; they are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        with _missing_packages():
            command: click.Command = import_module(f"{__package__}.{_COMMANDS[cmd_name][0]}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        with _missing_packages():
            return super().invoke(ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.group(name="bench", cls=_Commands)
def command() -> None:
    """Compare obfuscations on datasets: the same networks, splits and attackers for all."""

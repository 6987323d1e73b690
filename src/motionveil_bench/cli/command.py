"""motionveil bench"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from motionveil._core.errors import DependencyError
from motionveil.cli.groups import LazyGroup

_COMMANDS = {
    "data": (f"{__package__}.data:command", "Check or browse a dataset."),
    "saliency": (f"{__package__}.exports:saliency_command", "Write saliency maps of a whole dataset."),
    "export": (f"{__package__}.exports:export_command", "Write flow, saliency, noise and masks of a whole dataset."),
    "overlap": (f"{__package__}.exports:overlap_command", "Tell how far saliency maps overlap."),
    "run": (f"{__package__}.run:run_command", "Run or resume an experiment: obfuscate, train, evaluate."),
    "learn": (
        "motionveil_bench.cli.run:learn_command",
        "Train learned obfuscators, for use with: motionveil obfuscate.",
    ),
    "search": (
        "motionveil_bench.cli.run:search_command",
        "Search for selective settings that keep actions and hide an attribute.",
    ),
    "report": (f"{__package__}.run:report_command", "Create tables, figures and an HTML page from results."),
    "networks": (f"{__package__}.run:networks_command", "List the networks."),
}
"""Subcommand → (its command, one line of help)."""


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


class _BenchGroup(LazyGroup):
    """Subcommands need optional packages."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        with _missing_packages():
            return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        with _missing_packages():
            return super().invoke(ctx)


@click.group(
    name="bench", cls=_BenchGroup, subcommands=_COMMANDS, short_help="Benchmark obfuscation methods on datasets."
)
def command() -> None:
    """Benchmark obfuscation methods on datasets, with the same networks, splits and attackers for all."""

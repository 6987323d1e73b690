"""Command classes: lazily imported subcommands, and help with options in panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click
from click.shell_completion import CompletionItem

__all__ = ["GENERAL", "LazyGroup", "PanelCommand"]

GENERAL = {"General": ("--quiet", "--help")}
"""The last panel of every command."""


class LazyGroup(click.Group):
    """A group whose subcommands are imported when called, so that help and errors appear at once.

    Args:
        subcommands: name → ("module:function" of the command, one line of help).
        plugins: Group of entry points that add further subcommands. Their modules should import little, because they
            are loaded for the help text.
    """

    def __init__(
        self, *args: Any, subcommands: Mapping[str, tuple[str, str]], plugins: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.subcommands = subcommands
        self.plugins = plugins

    @cached_property
    def installed(self) -> Mapping[str, EntryPoint]:
        """Name → entry point of the subcommands added by other packages."""
        return {point.name: point for point in entry_points(group=self.plugins)} if self.plugins else {}

    def descriptions(self) -> dict[str, str]:
        """Name → one line of help, for all subcommands."""
        others = {name: point.load().get_short_help_str(100) for name, point in self.installed.items()}
        return {**{name: text for name, (_, text) in self.subcommands.items()}, **others}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.subcommands, *self.installed]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.subcommands:
            module, _, name = self.subcommands[cmd_name][0].partition(":")
            command: click.Command = getattr(import_module(module), name)
            return command
        return self.installed[cmd_name].load() if cmd_name in self.installed else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            # click suggests only commands that are loaded, which is none of them here.
            possibilities = self.list_commands(ctx)
            raise click.NoSuchCommand(error.command_name, possibilities=possibilities, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.descriptions().items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        named = [
            CompletionItem(name, help=text) for name, text in self.descriptions().items() if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]


class PanelCommand(click.Command):
    """A command whose help groups its options into panels.

    Args:
        panels: Title → long names of options, in display order. Options in no panel are added to "Options", the first
            one.
    """

    def __init__(self, *args: Any, panels: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.panels = panels

    def panelled(self, ctx: click.Context) -> dict[str, list[click.Option]]:
        """Title → options, in display order, without empty panels."""
        options = {max(p.opts, key=len): p for p in self.get_params(ctx) if isinstance(p, click.Option)}
        placed = {name for names in self.panels.values() for name in names}
        found: dict[str, list[click.Option]] = {"Options": []}
        for title, names in self.panels.items():
            found[title] = [options[name] for name in names if name in options]
        found["Options"] += [option for name, option in options.items() if name not in placed]
        return {title: members for title, members in found.items() if members}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, options in self.panelled(ctx).items():
            records = [option.get_help_record(ctx) for option in options]
            with formatter.section(title):
                formatter.write_dl([record for record in records if record is not None], col_max=26)

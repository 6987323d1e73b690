"""Command classes: subcommands that are imported when they are called, and help with options in panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

__all__ = ["GENERAL", "LazyGroup", "PanelCommand"]

GENERAL = {"General": ("--quiet", "--help")}
"""The last panel of every command."""


class LazyGroup(click.Group):
    """A group whose subcommands are imported when they are called, so that help and errors come at once.

    Args:
        subcommands: name → (module in this package that has `command`, or another function named after a colon;
            one line of help).
    """

    def __init__(self, *args: Any, subcommands: Mapping[str, tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subcommands = subcommands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.subcommands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.subcommands:
            return None
        module, _, name = self.subcommands[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"{__package__}.{module}"), name or "command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            # click looks for similar names among commands that are loaded, and here none is.
            raise click.NoSuchCommand(error.command_name, possibilities=self.subcommands, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.subcommands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        named = [
            CompletionItem(name, help=text)
            for name, (_, text) in self.subcommands.items()
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]


class PanelCommand(click.Command):
    """A command whose help groups its options.

    Args:
        panels: title → options by their long names, in the order in which help shows them. Options that no panel
            names are listed with those of "Options", which comes first.
    """

    def __init__(self, *args: Any, panels: Mapping[str, Sequence[str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.panels = panels

    def panelled(self, ctx: click.Context) -> dict[str, list[click.Option]]:
        """Title → options, in the order in which help shows them; panels without options are left out."""
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

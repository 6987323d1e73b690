"""Shell completion of file names."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

__all__ = ["complete_files"]


def complete_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete names of files and folders, for values that click takes for plain text."""
    return [CompletionItem(incomplete, type="file")]

"""Shell completion of file names."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

__all__ = ["complete_files"]


def complete_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete names of files and folders for parameters that are plain text to click."""
    return [CompletionItem(incomplete, type="file")]

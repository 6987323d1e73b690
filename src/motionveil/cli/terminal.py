"""The only module that writes to the terminal."""

from __future__ import annotations

import click

from .._core.printable import printable
from .remedies import with_options

_MOST = 2000


def say(text: object, *, error: bool = False) -> None:
    """Print one line, to standard error if `error` is set. The text cannot move the cursor or start another line."""
    line = printable(with_options(str(text)) if error else text)
    if len(line) > _MOST:
        line = f"{line[: _MOST // 2]} … {line[-_MOST // 2 :]}"
    click.echo(line, err=error)

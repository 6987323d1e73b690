"""The option that takes what was chosen in `motionveil studio`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from .._core.errors import OptionError
from ..pipeline.settings_file import Settings, read_settings
from .completion import complete_files

Command = TypeVar("Command", bound=Callable[..., Any])

_BESIDE = {
    "sources", "output", "settings", "preview", "audit", "start", "end", "size", "image_rate", "frame_rate", "strict",
    "codec", "quality", "speed", "metadata", "colours", "overwrite", "record", "seed", "quiet",
}  # fmt: skip
"""Options that may be given beside the file: they do not say what is hidden, or how."""


def settings_option(command: Command) -> Command:
    """--settings: what `take_settings` takes."""
    return click.option(
        "--settings",
        metavar="FILE",
        shell_complete=complete_files,
        help="Hide what was chosen in motionveil studio, in the way that was chosen there: a project file.",
    )(command)


def take_settings(context: click.Context, options: dict[str, Any]) -> Settings | None:
    """Take the option out of a dictionary: what was chosen, None where there is no file.

    Raises OptionError where other options say what to hide too, and what `read_settings` raises.
    """
    path = options.pop("settings")
    if path is None:
        return None
    given = [
        max(parameter.opts, key=len)
        for parameter in context.command.params
        if parameter.name not in _BESIDE
        and context.get_parameter_source(str(parameter.name)) is not ParameterSource.DEFAULT
    ]
    if given:
        raise OptionError(f"the file of --settings says already what to hide and how; leave {', '.join(given)} out")
    return read_settings(path)

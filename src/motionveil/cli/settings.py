"""The option that reads a project file of `motionveil studio`."""

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
"""Options that may be combined with --settings: they do not change what is hidden, or how."""


def settings_option(command: Command) -> Command:
    """Add --settings, which `take_settings` reads."""
    return click.option(
        "--settings",
        metavar="FILE",
        shell_complete=complete_files,
        help="Use the settings of a project file that was saved in motionveil studio.",
    )(command)


def take_settings(context: click.Context, options: dict[str, Any]) -> Settings | None:
    """Remove the option from a dictionary. Returns the settings; None if no file was given.

    Raises:
        OptionError: If other options say what to hide or how.
        MotionveilError: As `read_settings`.
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
        raise OptionError(f"--settings already defines what to hide and how; omit {', '.join(given)}")
    return read_settings(path)

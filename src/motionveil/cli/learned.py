"""Options that select a learned method instead of the selective one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from .._core.errors import OptionError
from ..learned.methods import HOW_TO_MAKE, LEARNED_METHODS
from .completion import complete_files

if TYPE_CHECKING:
    from ..learned import LearnedObfuscator

Command = TypeVar("Command", bound=Callable[..., Any])

SELECTIVE = "selective"
_SHARED = {
    "sources", "output", "method", "checkpoint", "preview", "audit", "start", "end", "size", "image_rate", "strict",
    "codec", "quality", "speed", "audio", "metadata", "overwrite", "record", "quiet", "resume", "jobs", "cluster",
    "retries",
}  # fmt: skip
"""Options that apply to all methods; any other option applies to the selective method only."""


def method_options(command: Command) -> Command:
    """Add --method and --checkpoint, which `take_learned` reads."""
    command = click.option(
        "--checkpoint",
        metavar="FILE",
        shell_complete=complete_files,
        help=f"Network of a learned method, trained with: {HOW_TO_MAKE}",
    )(command)
    return click.option(
        "--method",
        type=click.Choice([SELECTIVE, *LEARNED_METHODS]),
        help="selective: replace regions. The others are learned networks that change whole frames, for research, and "
        "need --checkpoint. Default: selective, or the checkpoint's method.",
    )(command)


def take_learned(context: click.Context, options: dict[str, Any]) -> LearnedObfuscator | None:
    """Remove the options of `method_options` from a dictionary. Returns the learned obfuscator; None for the selective
    method.

    Raises:
        OptionError: If they conflict with each other or with other options.
        MotionveilError: As `learned.load_learned`.
    """
    method, checkpoint = options.pop("method"), options.pop("checkpoint")
    if method == SELECTIVE and checkpoint is not None:
        raise OptionError("the selective method takes no checkpoint; omit --checkpoint or --method selective")
    if method == SELECTIVE or (method is None and checkpoint is None):
        return None
    given = [
        max(parameter.opts, key=len)
        for parameter in context.command.params
        if parameter.name not in _SHARED
        and context.get_parameter_source(str(parameter.name)) is not ParameterSource.DEFAULT
    ]
    if given:
        alone = len(given) == 1
        raise OptionError(
            f"{', '.join(given)} {'applies' if alone else 'apply'} to the selective method only, since learned methods "
            f"change whole frames; leave {'it' if alone else 'them'} out, or --method and --checkpoint"
        )
    if checkpoint is None:
        raise OptionError(f"--method {method} needs --checkpoint FILE; train one with: {HOW_TO_MAKE}")
    # torch is optional, and slow to import
    from ..learned import load_learned

    return load_learned(checkpoint, method=method)

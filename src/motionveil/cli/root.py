"""The command `motionveil`, and everything shared by its subcommands."""

from __future__ import annotations

import logging
import traceback
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import click

from .._core.errors import MotionveilError
from .._core.interrupts import interrupts
from .._core.printable import printable
from .groups import LazyGroup
from .signals import INTERRUPTED, SENTENCE
from .terminal import say

COMMANDS = {
    "obfuscate": ("motionveil.cli.obfuscate:command", "Hide who is in a video, and keep what they do."),
    "studio": ("motionveil.cli.studio:command", "Choose, check, run and review on a page in the browser."),
    "audit": ("motionveil.cli.audit:command", "Attack an output, and report how much could be recovered."),
    "saliency": ("motionveil.cli.saliency:command", "Write saliency maps for each attribute."),
    "export": ("motionveil.cli.export:command", "Write intermediate results as files: flow, saliency, noise, mask."),
    "template": ("motionveil.cli.template:command", "Create and manage templates of what to hide."),
    "weights": ("motionveil.cli.weights:command", "Download and verify weights of optional networks."),
    "doctor": ("motionveil.cli.doctor:command", "Check the installation."),
}
"""Subcommand → (its command, one line of help). Other packages add theirs as entry points of the group `PLUGINS`."""

PLUGINS = "motionveil.commands"

FORMER_NAMES = {"fill": "filler", "detail": "short-side", "opacity": "thresholds", "judge": "flow-weights"}
"""Former name of an option → current name. Former names still work in 0.1, but help does not show them."""


@click.group(
    cls=LazyGroup,
    subcommands=COMMANDS,
    plugins=PLUGINS,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "token_normalize_func": lambda name: FORMER_NAMES.get(name, name),
    },
)
@click.version_option(version("motionveil"), prog_name="motionveil")
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks of errors.")
def root(verbose: bool) -> None:
    """Hide who is in a video, and keep what they do."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code."""
    # -v is accepted before and after the subcommand.
    verbose = any(argument in ("-v", "--verbose") for argument in arguments)
    arguments = [argument for argument in arguments if argument not in ("-v", "--verbose")]
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", UserWarning)
    quiet = any(argument in ("-q", "--quiet") for argument in arguments)
    _tell(logging.WARNING if quiet else logging.INFO)
    try:
        code = root.main(args=arguments, prog_name="motionveil", standalone_mode=False)
    except SystemExit as done:
        code = done.code
    except BaseException as error:
        code = _failed(error, verbose)
    return code if isinstance(code, int) else 0


def _failed(error: BaseException, verbose: bool) -> int:
    """Report the error in one sentence; returns the exit code."""
    # Libraries may turn an interrupt into other errors.
    if interrupts.told or isinstance(error, KeyboardInterrupt | click.Abort):
        say(SENTENCE, error=True)
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return 1
    if verbose and not isinstance(error, click.ClickException):
        traceback.print_exception(error)
    say(f"motionveil: error: {_told(error)}", error=True)
    return 2


def _told(error: BaseException) -> str:
    """The error and its fix in one sentence."""
    if isinstance(error, MotionveilError):
        return str(error)
    if isinstance(error, click.ClickException):
        where = getattr(getattr(error, "ctx", None), "command_path", "motionveil")
        text = " ".join(printable(error.format_message().strip()).split()).rstrip(".")
        return f"{text}; see: {where} --help"
    if isinstance(error, OSError):
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{place}; check the name and the folder"
    if isinstance(error, MemoryError):
        return "not enough memory; try a smaller --size"
    text = " ".join(str(error).split()) or "no details"
    return f"internal error ({type(error).__name__}: {text}); run it again with -v, and report it"


class _Told(logging.Handler):
    """Shows log messages of the library on the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"motionveil: {record.getMessage()}", error=True)


def _tell(level: int) -> None:
    log = logging.getLogger("motionveil")
    log.setLevel(level)
    log.handlers[:] = [_Told()]
    log.propagate = False


def _show_warning(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
    say(f"motionveil: warning: {message}", error=True)

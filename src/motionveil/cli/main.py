"""The command `motionveil` and what all its subcommands share."""

from __future__ import annotations

import logging
import signal
import sys
import traceback
import types
import warnings
from importlib import import_module
from importlib.metadata import version
from typing import Any

import click

from ..errors import MotionveilError
from ..printable import printable
from .terminal import say

COMMANDS = {
    "obfuscate": ("obfuscate", "Hide who is in a video, keep what they do."),
    "audit": ("audit", "Attack an output as others may, and say how much came back."),
    "saliency": ("saliency", "Write maps of where each attribute was found."),
    "export": ("export", "Write the steps of the method as files: flow, saliency, noise, mask."),
    "template": ("template", "Make and manage templates of what to hide."),
    "weights": ("weights", "Bring weights of further networks here, and check them."),
    "bench": ("bench", "Compare obfuscations on datasets: train, judge, make tables and figures."),
    "doctor": ("doctor", "Say what runs where, and what is missing."),
}
"""Subcommand → (module in this package that has `command`, one line of help)."""


class _Commands(click.Group):
    """Subcommands are imported when they are called, so that help and errors come at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"{__package__}.{COMMANDS[cmd_name][0]}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("motionveil"), prog_name="motionveil")
@click.option("-v", "--verbose", is_flag=True, help="Show details of errors.")
def root(verbose: bool) -> None:
    """Hide who is in a video and keep what they do."""


def main() -> None:
    """Run the command line and exit: 0 done, 2 something that the user can mend, 130 interrupted."""
    arguments = sys.argv[1:]
    # -v is understood before and after the subcommand.
    verbose = any(argument in ("-v", "--verbose") for argument in arguments)
    arguments = [argument for argument in arguments if argument not in ("-v", "--verbose")]
    # Being told to end, also by a terminal that closes, cleans up as an interrupt does.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _interrupt)
    warnings.showwarning = _show_warning
    warnings.simplefilter("always", UserWarning)
    quiet = any(argument in ("-q", "--quiet") for argument in arguments)
    _tell(logging.WARNING if quiet else logging.INFO)
    try:
        code = root.main(args=arguments, prog_name="motionveil", standalone_mode=False)
    except MotionveilError as error:
        _fail(str(error), verbose)
    except click.ClickException as error:
        where = getattr(getattr(error, "ctx", None), "command_path", "motionveil")
        text = " ".join(printable(error.format_message().strip()).split()).rstrip(".")
        _fail(f"{text}; see: {where} --help", False)
    except (KeyboardInterrupt, click.Abort):
        say("motionveil: interrupted; nothing unfinished was kept", error=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        _fail(f"{error.strerror or error}{place}; check the names and the place", verbose)
    except MemoryError:
        _fail("there is not enough memory; try --size with a smaller number", verbose)
    except Exception as error:
        if verbose:
            raise
        text = " ".join(str(error).split()) or "no details"
        _fail(
            f"this should not have happened ({type(error).__name__}: {text}); run it again with -v and report it", False
        )
    sys.exit(code if isinstance(code, int) else 0)


class _Told(logging.Handler):
    """What a library tells of work that takes a while, on the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"motionveil: {record.getMessage()}", error=True)


def _tell(level: int) -> None:
    log = logging.getLogger("motionveil")
    log.setLevel(level)
    log.handlers[:] = [_Told()]
    log.propagate = False


def _fail(message: str, verbose: bool) -> None:
    if verbose:
        traceback.print_exc()
    say(f"motionveil: error: {message}", error=True)
    sys.exit(2)


def _interrupt(number: int, frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


def _show_warning(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
    say(f"motionveil: warning: {message}", error=True)

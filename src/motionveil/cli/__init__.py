"""The command line: a thin layer over the public functions."""

from __future__ import annotations

import sys

from .signals import clean_up_from_now_on, leave, listening, told_to_end

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit: 0 success, 2 an error that the user can fix, 130 interrupted."""
    with listening():
        # Imported late, so that an interrupt in the meantime ends the process quietly.
        from .root import run

        try:
            clean_up_from_now_on()
            code = run(sys.argv[1:])
        except KeyboardInterrupt:  # just before or after the part that `run` guards
            code = told_to_end()
        leave(code)
    sys.exit(code)

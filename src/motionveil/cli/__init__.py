"""The command line: a thin shell over what the package exports."""

from __future__ import annotations

import sys

from .signals import clean_up_from_now_on, leave, listening, told_to_end

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit: 0 done, 2 something that the user can mend, 130 interrupted."""
    with listening():
        # Imported here, so that an interrupt meanwhile ends the process quietly.
        from .root import run

        try:
            clean_up_from_now_on()
            code = run(sys.argv[1:])
        except KeyboardInterrupt:  # just before or after what `run` guards
            code = told_to_end()
        leave(code)
    sys.exit(code)

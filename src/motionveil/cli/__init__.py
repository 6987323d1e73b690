"""The command line: a thin shell over what the package exports."""

from .main import main

__all__ = ["main"]

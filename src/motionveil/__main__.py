"""``python -m motionveil``: the same as the command ``motionveil``."""

from .cli import main

main()

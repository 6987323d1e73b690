"""motionveil studio"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from .._core.errors import DependencyError
from .completion import complete_files
from .numbers import Number, Whole
from .terminal import say

_NEEDED = ("starlette", "uvicorn")


@click.command(name="studio")
@click.argument("places", nargs=-1, metavar="[FOLDER|FILE]…", shell_complete=complete_files)
@click.option("--port", type=Whole(0, 65535), default=0, show_default=True, help="Port; 0 takes a free one.")
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--workspace",
    metavar="DIR",
    shell_complete=complete_files,
    help="Folder for uploads, projects and results. Default: in your data folder.",
)
@click.option(
    "--keep-days",
    type=Number(0, 36500),
    default=30.0,
    show_default=True,
    metavar="DAYS",
    help="Delete projects, with their uploads and results, this long after their last change; 0 keeps them.",
)
def command(places: tuple[str, ...], port: int, no_browser: bool, workspace: str | None, keep_days: float) -> int:
    """Open a page in the browser to choose what to hide, check it, run it, and review the result.

    FILE is opened; the videos in FOLDER are offered. Everything stays on this computer: the page is served to it alone,
    and loads nothing from elsewhere.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise DependencyError(f"the studio needs {' and '.join(missing)}: pip install 'motionveil[studio]'")
    # slow to import, and optional
    from ..studio.server import serve

    serve(
        places,
        port=port,
        browser=not no_browser,
        workspace=None if workspace is None else Path(workspace),
        keep_days=keep_days,
        say=say,
    )
    return 0

"""What all requests work on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request

from .preview import Previewer
from .project import Project, Run
from .queue import Queue
from .workspace import MissingError, Workspace


class State:
    """The state of the application.

    Args:
        workspace: Where projects are kept.
        queue: What runs.
        others: Films that were named on the command line, to be opened from the list.
        most_bytes: Limit of an upload.
    """

    def __init__(
        self, workspace: Workspace, queue: Queue, *, others: Sequence[Path] = (), most_bytes: int = 20_000_000_000
    ) -> None:
        self.workspace, self.queue = workspace, queue
        self.others, self.most_bytes = tuple(others), most_bytes
        self.previewer = Previewer()
        self.looking = asyncio.Lock()
        self.ending = False

    def _project(self, request: Request) -> Project:
        return self.workspace.find(request.path_params["project"])

    def _run(self, request: Request, project: Project) -> Run:
        run = project.run(request.path_params["run"])
        if run is None:
            raise MissingError("this run is not there any more")
        return run

    def _output(self, project: Project, run: Run) -> Path:
        if run.output is None:
            raise MissingError("this run has no result")
        return self.workspace.run_folder(project, run.id) / Path(run.output).name

"""What the page asks for, and the answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .._core.errors import MotionveilError
from .._core.printable import printable
from ..pipeline.settings_file import Settings
from .answers import ASSETS, asset, attachment, error_answer, json_body, plain_error, sentence
from .frame_requests import FrameRequests
from .project import Project
from .run_requests import RunRequests
from .shown import choices, shown, stamp
from .workspace import MissingError


class Studio(FrameRequests, RunRequests):
    """The application."""

    def application(self) -> Starlette:
        """The application, without the guard."""
        one, run = "/api/projects/{project}", "/api/projects/{project}/runs/{run}"
        routes = [
            *(Route(path, asset(name, kind)) for path, (name, kind) in ASSETS.items()),
            Route("/api/options", self.options),
            Route("/api/events", self.events),
            Route("/api/projects", self.list_projects),
            Route("/api/projects", self.upload, methods=["POST"]),
            Route("/api/others/{index:int}", self.open_other, methods=["POST"]),
            Route(one, self.show),
            Route(one, self.delete, methods=["DELETE"]),
            Route(f"{one}/settings", self.set_settings, methods=["PUT"]),
            Route(f"{one}/frame", self.frame),
            Route(f"{one}/areas", self.follow, methods=["POST"]),
            Route(f"{one}/false", self.leave_out, methods=["POST"]),
            Route(f"{one}/templates", self.make_template, methods=["POST"]),
            Route(f"{one}/film", self.film),
            Route(f"{one}/file", self.project_file),
            Route(f"{one}/runs", self.start_run, methods=["POST"]),
            Route(run, self.end_run, methods=["DELETE"]),
            Route(f"{run}/result", self.result),
            Route(f"{run}/files/{{kind}}", self.run_file),
            Route(f"{run}/audit", self.report),
            Route(f"{run}/audit", self.start_audit, methods=["POST"]),
            Route(f"{run}/audit", self.end_audit, methods=["DELETE"]),
            Route(f"{run}/moments/{{moment:int}}", self.moment),
            Route(f"{run}/moments/{{moment:int}}", self.mark, methods=["PUT"]),
        ]
        return Starlette(
            routes=routes, exception_handlers={MotionveilError: sentence, OSError: sentence, HTTPException: plain_error}
        )

    # What can be chosen

    async def options(self, request: Request) -> Response:
        """Everything that can be chosen, and about this studio."""
        return JSONResponse(choices(self.workspace))

    async def events(self, request: Request) -> Response:
        """A stream of what is new: how far runs are, and which projects have changed."""

        async def lines() -> AsyncIterator[str]:
            told, quiet = None, 0.0
            while not self.ending:
                progress = self.queue.progress
                news = json.dumps(
                    {
                        "progress": None if progress is None else asdict(progress),
                        "stamps": {project.id: stamp(project) for project in self.workspace.projects()},
                    }
                )
                if news != told:
                    told, quiet = news, 0.0
                    yield f"data: {news}\n\n"
                elif quiet > 10:
                    quiet = 0.0
                    yield ": still here\n\n"
                await asyncio.sleep(0.2)
                quiet += 0.2

        return StreamingResponse(lines(), media_type="text/event-stream")

    # Projects

    async def list_projects(self, request: Request) -> Response:
        """All projects, and films that may be opened."""
        projects = await run_in_threadpool(
            lambda: [shown(self.workspace, project) for project in self.workspace.projects()]
        )
        opened = {project.film.path for project in self.workspace.projects()}
        others = [
            {"index": index, "name": printable(path.name)}
            for index, path in enumerate(self.others)
            if str(path.resolve()) not in opened
        ]
        return JSONResponse({"projects": projects, "others": others})

    async def upload(self, request: Request) -> Response:
        """A film arrives as the body of the request."""
        try:
            size = int(request.headers.get("content-length", ""))
        except ValueError:
            return error_answer("the browser did not say how large the video is; try another browser", 411)
        if size <= 0:
            return error_answer("the file is empty; check that it was copied completely", 422)
        if size > self.most_bytes:
            return error_answer(
                f"the video has more than {self.most_bytes / 1e9:g} GB; start motionveil studio FILE", 413
            )
        self.workspace.check_room(size)
        name = request.query_params.get("name", "")
        with self.workspace.arriving(name) as place:
            try:
                with place.open("wb") as file:
                    async for part in request.stream():
                        await run_in_threadpool(file.write, part)
            except ClientDisconnect:
                return error_answer("the video did not arrive completely; send it again", 400)
            project = await run_in_threadpool(self.workspace.add, place, name)
        self.queue.tell()
        return JSONResponse(shown(self.workspace, project), 201)

    async def open_other(self, request: Request) -> Response:
        """Open a film that was named on the command line."""
        index = request.path_params["index"]
        if index >= len(self.others):
            raise MissingError("there is no such video")
        project = await run_in_threadpool(self.workspace.add_path, self.others[index])
        self.queue.tell()
        return JSONResponse(shown(self.workspace, project), 201)

    async def show(self, request: Request) -> Response:
        """One project."""
        return JSONResponse(shown(self.workspace, self._project(request)))

    async def delete(self, request: Request) -> Response:
        """Delete a project with all its files, but never a film that stays elsewhere."""
        project = self._project(request)
        await run_in_threadpool(self.queue.drop, project.id)
        await run_in_threadpool(self.workspace.delete, project.id)
        self.queue.tell()
        return Response(status_code=204)

    async def set_settings(self, request: Request) -> Response:
        """Other settings; refused where another tab was quicker."""
        body = await json_body(request)
        settings = Settings.from_record(body.get("settings"))
        settings.library().names(settings.hide or "person")
        identifier = self._project(request).id

        def changed(old: Project) -> Project:
            if body.get("revision") != old.revision:
                raise _StaleError
            return old.with_settings(settings)

        try:
            project = await run_in_threadpool(self.workspace.change, identifier, changed)
        except _StaleError:
            return error_answer("this project was changed in another window; its latest state is shown now", 409)
        self.queue.tell()
        return JSONResponse(shown(self.workspace, project))

    async def project_file(self, request: Request) -> Response:
        """The project file, for the command line and as a record of the review."""
        project = self._project(request)
        headers = {"Content-Disposition": attachment(project, "_project.json")}
        return Response(project.as_bytes(), media_type="application/json", headers=headers)


class _StaleError(Exception):
    """Somebody else has changed it meanwhile."""

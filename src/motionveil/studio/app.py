"""What the page asks for, and the answers."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from .._core.atomic_files import remove
from .._core.errors import InputError, MotionveilError
from .._core.printable import printable
from ..pipeline.settings_file import Settings, area_from, area_record
from ..pipeline.shape_following import follow_shape
from ..regions import MovingShape
from ..video import read_picture
from .answers import ASSETS, asset, attachment, error_answer, json_body, numbers_in, plain_error, sentence
from .correction import nobody_at
from .preview import VIEWS, Previewer, as_jpeg, moment_picture
from .project import Project, Run
from .queue import AUDIT, Queue
from .shown import choices, shown, stamp
from .workspace import MissingError, Workspace

_TYPES = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm"}
_FILES = {
    "preview": (".preview.mp4", "_preview.mp4"),
    "sheet": (".sheet.png", "_sheet.png"),
}
"""What else a run has made → the end of its name, and of the name under which it is downloaded."""


_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""For the report of an audit, which holds its pictures and its style."""


class Studio:
    """The application's state. others: films that were named on the command line, to be opened from the list."""

    def __init__(
        self, workspace: Workspace, queue: Queue, *, others: Sequence[Path] = (), most_bytes: int = 20_000_000_000
    ) -> None:
        self.workspace, self.queue = workspace, queue
        self.others, self.most_bytes = tuple(others), most_bytes
        self.previewer = Previewer()
        self.looking = asyncio.Lock()
        self.ending = False

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

    # Pictures and films

    async def frame(self, request: Request) -> Response:
        """One frame as a JPEG: ?time=SECONDS&view=original|hidden|result, or view=matches&name=TEMPLATE."""
        project = self._project(request)
        view = request.query_params.get("view", "original")
        try:
            time = float(request.query_params.get("time", "0"))
        except ValueError:
            time = -1.0
        name = request.query_params.get("name", "")
        if view not in (*VIEWS, "matches") or not 0 <= time < 1e6:
            return error_answer("there is no such view of a frame", 422)
        path = self.workspace.source(project)
        async with self.looking:
            # Whoever moves a slider does not wait for the frames in between.
            if await request.is_disconnected():
                return Response(status_code=204)
            if view == "original":
                picture = await run_in_threadpool(self.previewer.frame, path, project.film, time)
            elif view == "matches":
                picture = await run_in_threadpool(
                    self.previewer.matches, path, project.film, time, project.settings, name
                )
            else:
                look = await run_in_threadpool(self.previewer.look, path, project.film, time, project.settings)
                picture = look.hidden if view == "hidden" else look.result
        return Response(await run_in_threadpool(as_jpeg, picture), media_type="image/jpeg")

    async def make_template(self, request: Request) -> Response:
        """A template from a place in a frame: {name, x, y, time}. The page puts it into the settings."""
        project, body = self._project(request), await json_body(request)
        name, numbers = body.get("name"), numbers_in(body, "x", "y", "time")
        if not isinstance(name, str):
            return error_answer("a template needs a name", 422)
        async with self.looking:
            made, share, closest = await run_in_threadpool(
                self.previewer.template, self.workspace.source(project), project.film, project.settings, name, *numbers
            )
        return JSONResponse({"template": vars(made), "share": share, "closest": closest}, 201)

    async def follow(self, request: Request) -> Response:
        """An area that follows what is under it: {time, area}, or somebody who was missed: {time, x, y}.

        The page puts it into the settings.
        """
        project, body = self._project(request), await json_body(request)
        path, film, settings = self.workspace.source(project), project.film, project.settings
        mask: Any = None
        if "area" in body:
            (time,), shape = numbers_in(body, "time"), area_from(body["area"])
            shape = shape.shape if isinstance(shape, MovingShape) else shape
        else:
            x, y, time = numbers_in(body, "x", "y", "time")
            async with self.looking:
                found = await run_in_threadpool(self.previewer.somebody, path, film, settings, x, y, time)
            shape, mask = found.box, found.mask
        if film.is_image:
            return JSONResponse(area_record(shape), 201)
        gone = threading.Event()
        work = asyncio.ensure_future(
            run_in_threadpool(follow_shape, path, shape, time, mask=mask, stop=lambda: gone.is_set() or self.ending)
        )
        while not work.done():
            await asyncio.wait([work], timeout=0.3)
            if await request.is_disconnected():
                gone.set()
        return JSONResponse(area_record(await work), 201)

    async def leave_out(self, request: Request) -> Response:
        """What is found at {x, y, time} and is nobody; the page puts it into the settings."""
        project, body = self._project(request), await json_body(request)
        path, film, settings = self.workspace.source(project), project.film, project.settings
        x, y, time = numbers_in(body, "x", "y", "time")

        def found_at(x: float, y: float, time: float) -> Any:
            return self.previewer.found_at(path, film, settings, x, y, time)

        async with self.looking:
            pick = await run_in_threadpool(nobody_at, path, x, y, time, found_at)
        return JSONResponse(pick._asdict(), 201)

    async def film(self, request: Request) -> Response:
        """The original."""
        project = self._project(request)
        path = self.workspace.source(project)
        if not path.is_file():
            raise MissingError("this video is a folder of pictures, which browsers do not play")
        return FileResponse(path, media_type=_TYPES.get(path.suffix.lower()))

    # Runs

    async def start_run(self, request: Request) -> Response:
        """Have the film made."""
        project, body = self._project(request), await json_body(request)
        wanted = body.get("preview", False) is True
        await run_in_threadpool(lambda: self.queue.add(project.id, with_preview=wanted))
        return JSONResponse(shown(self.workspace, self._project(request)), 201)

    async def end_run(self, request: Request) -> Response:
        """Cancel a run, or delete what it has made."""
        project = self._project(request)
        run = self._run(request, project)
        if run.is_over:
            await run_in_threadpool(self.queue.cancel_audit, project.id, run.id)
            folder = self.workspace.run_folder(project, run.id)
            await run_in_threadpool(self.workspace.change, project.id, lambda old: old.without_run(run.id))
            await run_in_threadpool(remove, folder)
        else:
            await run_in_threadpool(self.queue.cancel, project.id, run.id)
        self.queue.tell()
        return JSONResponse(shown(self.workspace, self._project(request)))

    async def result(self, request: Request) -> Response:
        """The result, to be played, or with ?download to be kept."""
        project = self._project(request)
        path = self._output(project, self._run(request, project))
        headers = {}
        if "download" in request.query_params:
            headers["Content-Disposition"] = attachment(project, f"_veiled{path.suffix}")
        return FileResponse(path, media_type=_TYPES.get(path.suffix), headers=headers)

    async def run_file(self, request: Request) -> Response:
        """What else a run has made: preview, sheet, record."""
        project, kind = self._project(request), request.path_params["kind"]
        output = self._output(project, self._run(request, project))
        if kind == "record":
            path, ending = output.with_name(f"{output.name}.json"), f"_veiled{output.suffix}.json"
        elif kind in _FILES:
            suffix, ending = _FILES[kind]
            path = output.with_name(output.stem + suffix)
        else:
            raise MissingError("there is no such file")
        if not path.is_file():
            raise MissingError("this run has made no such file; run it again with a preview")
        return FileResponse(path, headers={"Content-Disposition": attachment(project, ending)})

    async def report(self, request: Request) -> Response:
        """The report of the audit: a page without scripts, which may load nothing at all."""
        project = self._project(request)
        output = self._output(project, self._run(request, project))
        path = output.parent / AUDIT / "report.html"
        if not path.is_file():
            raise MissingError("this result was not audited yet")
        return FileResponse(
            path, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": _REPORT_POLICY}
        )

    async def start_audit(self, request: Request) -> Response:
        """Have a result audited."""
        project = self._project(request)
        run = self._run(request, project)
        await run_in_threadpool(self.queue.audit, project.id, run.id)
        return JSONResponse(shown(self.workspace, self._project(request)), 201)

    async def end_audit(self, request: Request) -> Response:
        """Cancel an audit."""
        project = self._project(request)
        run = self._run(request, project)
        await run_in_threadpool(self.queue.cancel_audit, project.id, run.id)
        return JSONResponse(shown(self.workspace, self._project(request)))

    async def moment(self, request: Request) -> Response:
        """A moment of doubt, before and after, as a JPEG."""
        project = self._project(request)
        run = self._run(request, project)
        index = request.path_params["moment"]
        output, source = self._output(project, run), self.workspace.source(project)
        if index >= len(run.moments):
            raise MissingError("there is no such moment")

        def draw() -> bytes:
            moment = run.moments[index]
            # A little later, when it is under way.
            time = moment.time + 1 / project.film.frame_rate
            original, result = (_frame_at(path, time, moment.time) for path in (source, output))
            return as_jpeg(moment_picture(original, result, moment))

        async with self.looking:
            return Response(await run_in_threadpool(draw), media_type="image/jpeg")

    async def mark(self, request: Request) -> Response:
        """Say what somebody thinks of a moment."""
        project, body = self._project(request), await json_body(request)
        run, mark, who = self._run(request, project), body.get("mark"), body.get("who", "")
        if not (mark is None or isinstance(mark, str)) or not isinstance(who, str):
            return error_answer("a mark and a name are text", 422)
        index = request.path_params["moment"]
        changed = await run_in_threadpool(
            self.workspace.change, project.id, lambda old: old.with_mark(run.id, index, mark, printable(who))
        )
        self.queue.tell()
        return JSONResponse(shown(self.workspace, changed))

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


class _StaleError(Exception):
    """Somebody else has changed it meanwhile."""


def _frame_at(path: Path, time: float, otherwise: float) -> Any:
    try:
        return read_picture(path, time=time)
    except InputError:
        return read_picture(path, time=otherwise)

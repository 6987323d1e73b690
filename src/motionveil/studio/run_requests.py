"""Requests about runs: start, cancel, watch, audit and review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from .._core.atomic_files import remove
from .._core.errors import InputError
from .._core.printable import printable
from ..video import read_picture
from .answers import attachment, error_answer, json_body
from .preview import as_jpeg, moment_picture
from .queue import AUDIT
from .shown import shown
from .state import State
from .workspace import MissingError

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


class RunRequests(State):
    """Runs, their results and their moments of doubt."""

    async def film(self, request: Request) -> Response:
        """The original, to be played."""
        project = self._project(request)
        path = self.workspace.source(project)
        if not path.is_file():
            raise MissingError("this video is a folder of pictures, which browsers do not play")
        return FileResponse(path, media_type=_TYPES.get(path.suffix.lower()))

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


def _frame_at(path: Path, time: float, otherwise: float) -> Any:
    try:
        return read_picture(path, time=time)
    except InputError:
        return read_picture(path, time=otherwise)

"""Requests about one frame: what it shows, and what is corrected on it."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..pipeline.settings_file import area_from, area_record
from ..pipeline.shape_following import follow_shape
from ..regions import MovingShape
from .answers import error_answer, json_body, numbers_in
from .correction import nobody_at
from .preview import VIEWS, as_jpeg
from .state import State


class FrameRequests(State):
    """Pictures of frames, templates, areas and corrections."""

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

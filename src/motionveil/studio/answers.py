"""Parts of answers: JSON in and out, files of the page, errors as one sentence."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from .._core.errors import MotionveilError, OutputError
from .project import Project
from .workspace import MissingError

WEB = Path(__file__).resolve().parent / "static"
ASSETS = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/app.js": ("app.js", "text/javascript; charset=utf-8"),
    "/app.css": ("app.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
"""Address → file of the page and its type. No other file is ever given out under its name."""
_MOST_JSON = 1_000_000


def asset(name: str, kind: str) -> Callable[[Request], Awaitable[Response]]:
    """What gives out one file of the page."""

    async def give(request: Request) -> Response:
        return FileResponse(WEB / name, media_type=kind)

    return give


def attachment(project: Project, ending: str) -> str:
    """The header that names a download after the film."""
    name = f"{Path(project.film.name).stem}{ending}"
    return f"attachment; filename*=utf-8''{quote(name)}"


async def json_body(request: Request) -> dict[str, Any]:
    """The body of a request. Raises HTTPException where it is no JSON."""
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > _MOST_JSON:
            raise HTTPException(413, "this is too long")
    try:
        body = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise HTTPException(422, "this is no JSON")
    return body


def numbers_in(body: Mapping[str, Any], *names: str) -> list[float]:
    """Numbers of a body by their names. Raises HTTPException where one is missing."""
    given: list[Any] = [body.get(name) for name in names]
    found = [float(each) for each in given if type(each) in (int, float) and -1e9 < each < 1e9]
    if len(found) < len(names):
        raise HTTPException(422, f"{', '.join(names)} must be numbers")
    return found


def error_answer(text: str, status: int) -> Response:
    """One sentence, with a status."""
    return JSONResponse({"error": text}, status)


async def sentence(request: Request, error: Exception) -> Response:
    """An error that a person can mend."""
    if isinstance(error, MotionveilError):
        status = 404 if isinstance(error, MissingError) else 507 if isinstance(error, OutputError) else 422
        return error_answer(str(error), status)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
    return error_answer(f"a file could not be read or written ({reason}); check the disk", 507)


async def plain_error(request: Request, error: Exception) -> Response:
    """Any other refusal."""
    assert isinstance(error, HTTPException)
    return error_answer(str(error.detail), error.status_code)

"""A studio that runs, and a browser of a few lines that talks to it."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motionveil._core.types import UInt8Array

from ..conftest import textured
from ..pipeline.test_obfuscation import write

pytest.importorskip("starlette", reason="this needs starlette: pip install 'motionveil[studio]'")
pytest.importorskip("uvicorn", reason="this needs uvicorn: pip install 'motionveil[studio]'")

AREA = {"x": 8, "y": 8, "width": 40, "height": 30, "start": None, "end": None}
ONLY_AN_AREA = {"hide": [], "areas": [AREA], "seed": 7}
"""Settings that need no network."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Visitor:
    """Asks the studio; with the cookie that a browser would have, once it has entered."""

    port: int
    token: str
    folder: Path
    said: list[str]
    cookie: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
        given = {"Cookie": self.cookie} if self.cookie else {}
        if method != "GET":
            given["Origin"] = self.origin
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, data, {name: value for name, value in given.items() if value})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def enter(self) -> Visitor:
        answer = self.ask(f"/?token={self.token}")
        assert answer.status == 303
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        return self

    def upload(self, path: Path, name: str = "film.mp4") -> Any:
        from urllib.parse import quote

        answer = self.ask(f"/api/projects?name={quote(name)}", "POST", path.read_bytes())
        assert answer.status == 201, answer.body
        return answer.json

    def choose(self, project: Any, **settings: Any) -> Any:
        answer = self.ask(
            f"/api/projects/{project['id']}/settings", "PUT", {"revision": project["revision"], "settings": settings}
        )
        assert answer.status == 200, answer.body
        return answer.json

    def wait(self, identifier: str, *states: str, seconds: float = 120) -> Any:
        """The project, once its last run is in one of these states."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            project = self.ask(f"/api/projects/{identifier}").json
            if project["runs"] and project["runs"][-1]["state"] in states:
                return project
            time.sleep(0.05)
        raise AssertionError(f"still {project['runs']}")


Start = Callable[..., Visitor]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a studio; all of them end with the test, or before by `visitor.end()`."""
    from motionveil.studio.server import serve

    running: list[tuple[Callable[[], None], threading.Thread]] = []

    def begin(*places: Path, workspace: Path | None = None, **options: Any) -> Visitor:
        folder = workspace or tmp_path / "workspace"
        ready = threading.Event()
        found: dict[str, Any] = {}
        said: list[str] = []

        def on_ready(address: str, end: Callable[[], None]) -> None:
            found.update(address=address, end=end)
            ready.set()

        def run() -> None:
            try:
                serve(places, browser=False, workspace=folder, say=said.append, on_ready=on_ready, **options)
            except Exception as error:
                found["error"] = error
            finally:
                ready.set()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert ready.wait(60)
        if "error" in found:
            raise found["error"]
        running.append((found["end"], thread))
        port, token = found["address"].removeprefix("http://127.0.0.1:").split("/?token=")
        return Visitor(int(port), token, folder, said)

    yield begin
    for end, thread in running:
        end()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def studio(start: Start) -> Visitor:
    """A visitor who has entered."""
    return start().enter()


@pytest.fixture
def film(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Twelve frames of 128x96."""
    return write(tmp_path / "film.mp4", moving(rng, 12))


def moving(rng: np.random.Generator, count: int) -> UInt8Array:
    picture = textured(96, 128, rng)
    return np.stack([np.roll(picture, t, axis=1) for t in range(count)])


def files_in(folder: Path) -> set[str]:
    """Everything in a workspace but its lock."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.name.endswith(".lock")}

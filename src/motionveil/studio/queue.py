"""Runs wait here and are made one after the other, each by a `worker`."""

from __future__ import annotations

import json
import logging
import secrets
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._core.atomic_files import remove
from .._core.errors import MotionveilError, OptionError
from .project import Project, Run, moments_of, now
from .workspace import MissingError, Workspace

_PATIENCE = 10.0
"""Seconds that a worker has to clean up after itself."""
_log = logging.getLogger(__name__)

Worker = Callable[[], list[str]]


def worker_command() -> list[str]:
    """The command that starts a worker."""
    return [sys.executable, "-m", "motionveil.studio.worker"]


@dataclass(frozen=True)
class Progress:
    """How far the run is that is being made. done, total: frames. left: seconds."""

    project: str
    run: str
    done: int = 0
    total: int | None = None
    left: float | None = None
    fps: float = 0.0


def order_for(workspace: Workspace, project: Project, run: Run) -> dict[str, Any]:
    """What a worker is told. Raises InputError where the film has gone."""
    source = workspace.source(project)
    suffix = source.suffix.lower() if project.film.is_image and source.suffix.lower() in (".png", ".jpg") else ".mp4"
    suffix = ".png" if project.film.is_image and suffix == ".mp4" else suffix
    return {
        "source": str(source),
        "target": str(workspace.run_folder(project, run.id) / f"result{suffix}"),
        "settings": run.settings.as_record(),
        "preview": run.with_preview,
    }


class Queue:
    """A thread that has runs made. What waited or was being made when a studio ended is made when it starts again.

    Attributes:
        progress: Of the run that is being made.
        version: Rises whenever something is new.
    """

    def __init__(self, workspace: Workspace, *, command: Worker = worker_command) -> None:
        self._workspace, self._command = workspace, command
        self._waiting: deque[tuple[str, str]] = deque()
        self._news = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled: set[str] = set()
        self._closed = False
        self.progress: Progress | None = None
        self.version = 0
        for project in reversed(workspace.projects()):
            for run in project.runs:
                if not run.is_over:
                    remove(workspace.run_folder(project, run.id))
                    workspace.change(project.id, lambda old, run=run: old.with_run(replace(run, state="waiting")))  # type: ignore[misc]
                    self._waiting.append((project.id, run.id))
        self._thread = threading.Thread(target=self._work, name="motionveil-studio-queue", daemon=True)
        self._thread.start()

    def add(self, project_id: str, *, with_preview: bool = False) -> Run:
        """Have a film made as it is set now. Raises OptionError where nothing would be hidden."""
        project = self._workspace.find(project_id)
        project.settings.where()
        project.settings.make_preset()
        if any(not run.is_over for run in project.runs):
            raise OptionError("this video is being made already; wait for it, or cancel it")
        self._workspace.source(project)
        run = Run(secrets.token_hex(8), "waiting", now(), project.settings, with_preview)
        self._workspace.change(project_id, lambda old: old.with_run(run))
        with self._news:
            self._waiting.append((project_id, run.id))
            self._tell()
        return run

    def cancel(self, project_id: str, run_id: str) -> None:
        """End a run that waits or is being made; nothing of it stays. Raises MissingError."""
        project = self._workspace.find(project_id)
        run = project.run(run_id)
        if run is None:
            raise MissingError("this run is not there any more")
        if run.is_over:
            return
        with self._news:
            self._cancelled.add(run_id)
            if (project_id, run_id) in self._waiting:
                self._waiting.remove((project_id, run_id))
                self._finish(project_id, run_id, state="cancelled")
            elif self.progress is not None and self.progress.run == run_id and self._process is not None:
                self._process.terminate()
            self._tell()

    def drop(self, project_id: str) -> None:
        """Cancel whatever is to be made of a project, and wait until nobody works in its folder."""
        for run in self._workspace.find(project_id).runs:
            self.cancel(project_id, run.id)
        with self._news:
            self._news.wait_for(lambda: self.progress is None or self.progress.project != project_id, _PATIENCE + 5)

    def close(self) -> None:
        """Stop. What is being made is begun anew next time."""
        with self._news:
            self._closed = True
            if self._process is not None:
                self._process.terminate()
            self._news.notify_all()
        self._thread.join(_PATIENCE + 5)

    def wait_for_news(self, version: int, seconds: float) -> int:
        """Wait until something is newer than `version`; returns what is now."""
        with self._news:
            self._news.wait_for(lambda: self.version != version or self._closed, seconds)
            return self.version

    def tell(self) -> None:
        """Say that something is new."""
        with self._news:
            self._tell()

    def _tell(self) -> None:
        self.version += 1
        self._news.notify_all()

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                project_id, run_id = self._waiting.popleft()
                self.progress = Progress(project_id, run_id)
                self._tell()
            try:
                self._make(project_id, run_id)
            except MissingError:
                pass  # somebody has deleted the project meanwhile
            except Exception as error:
                _log.exception("a run failed")
                self._finish(project_id, run_id, state="failed", error=f"the video could not be made ({error})")
            with self._news:
                self.progress = None
                self._cancelled.discard(run_id)
                self._tell()

    def _make(self, project_id: str, run_id: str) -> None:
        project = self._workspace.find(project_id)
        run = project.run(run_id)
        if run is None:
            return
        folder = self._workspace.run_folder(project, run_id)
        try:
            order = order_for(self._workspace, project, run)
            folder.mkdir(parents=True, exist_ok=True)
        except (MotionveilError, OSError) as error:
            self._finish(project_id, run_id, state="failed", error=str(error))
            return
        self._workspace.change(project_id, lambda old: old.with_run(replace(run, state="running")))
        self.tell()
        last = self._run_worker(order)
        if run_id in self._cancelled:
            self._finish(project_id, run_id, state="cancelled")
        elif self._closed and "result" not in last:
            remove(folder)  # it is still to be made
        elif "result" in last:
            result = last["result"]
            self._finish(
                project_id, run_id, state="done", output=result["output"], frames=result["frames"],
                seconds=result["seconds"], notices=tuple(result["notices"]), moments=moments_of(result["moments"]),
            )  # fmt: skip
        else:
            why = last.get("error") or "the video could not be made: the process that worked on it has ended; try again"
            name = Path(order["source"]).name
            self._finish(project_id, run_id, state="failed", error=str(why).replace(name, project.film.name))

    def _run_worker(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Returns its last message."""
        process = subprocess.Popen(self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        last: dict[str, Any] = {}
        with self._news:
            self._process = process
            if self._closed or (self.progress is not None and self.progress.run in self._cancelled):
                process.terminate()
        try:
            with suppress(OSError):
                process.stdin.write((json.dumps(order) + "\n").encode())
                process.stdin.flush()
            for line in process.stdout:
                last = json.loads(line)
                if "done" in last and self.progress is not None:
                    with self._news:
                        self.progress = replace(self.progress, **last)
                        self._tell()
            process.stdin.close()
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            with self._news:
                self._process = None
            process.stdout.close()
        return last

    def _finish(self, project_id: str, run_id: str, **found: Any) -> None:
        """Write down how a run ended; what is not done leaves no files."""

        def changed(old: Project) -> Project:
            run = old.run(run_id)
            return old if run is None else old.with_run(replace(run, finished=now(), **found))

        with suppress(MissingError):
            project = self._workspace.change(project_id, changed)
            if found["state"] != "done":
                remove(self._workspace.run_folder(project, run_id))
        self.tell()

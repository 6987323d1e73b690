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
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .._core.atomic_files import remove
from .._core.errors import MotionveilError, OptionError
from .project import Audit, Project, Run, moments_of, now, rows_of
from .workspace import MissingError, Workspace

_PATIENCE = 10.0
"""Seconds that a worker has to clean up after itself."""
_log = logging.getLogger(__name__)

AUDIT = "audit"
"""The folder of a report, in that of its run."""

Worker = Callable[[], list[str]]


def worker_command() -> list[str]:
    """The command that starts a worker."""
    return [sys.executable, "-m", "motionveil.studio.worker"]


@dataclass(frozen=True)
class Progress:
    """How far the run is that is being made. done, total: frames. left: seconds. step: of an audit, in words."""

    project: str
    run: str
    done: int = 0
    total: int | None = None
    left: float | None = None
    fps: float = 0.0
    step: str = ""


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


def audit_order_for(workspace: Workspace, project: Project, run: Run) -> dict[str, Any]:
    """What a worker is told that audits the result of a run. Raises InputError where the film has gone."""
    folder = workspace.run_folder(project, run.id)
    return {
        "source": str(workspace.source(project)),
        "target": str(folder / Path(str(run.output)).name),
        "report": str(folder / AUDIT),
        "settings": run.settings.as_record(),
        "moments": [asdict(moment) for moment in run.moments],
    }


class Queue:
    """A thread that has runs made. What waited or was being made when a studio ended is made when it starts again.

    Attributes:
        progress: Of the run that is being made.
        version: Rises whenever something is new.
    """

    def __init__(self, workspace: Workspace, *, command: Worker = worker_command) -> None:
        self._workspace, self._command = workspace, command
        self._waiting: deque[tuple[str, str, bool]] = deque()
        """Projects, runs, and whether their result is to be audited."""
        self._news = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled: set[str] = set()
        self._closed = self._is_audit = False
        self.progress: Progress | None = None
        self.version = 0
        for project in reversed(workspace.projects()):
            for run in project.runs:
                if not run.is_over:
                    remove(workspace.run_folder(project, run.id))
                    workspace.change(project.id, lambda old, run=run: old.with_run(replace(run, state="waiting")))  # type: ignore[misc]
                    self._waiting.append((project.id, run.id, False))
                elif run.audit is not None and not run.audit.is_over:
                    self._waiting.append((project.id, run.id, True))
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
            self._waiting.append((project_id, run.id, False))
            self._tell()
        return run

    def audit(self, project_id: str, run_id: str) -> None:
        """Have a result audited. Raises MissingError, and OptionError where there is none."""
        project = self._workspace.find(project_id)
        run = project.run(run_id)
        if run is None:
            raise MissingError("this run is not there any more")
        if run.output is None:
            raise OptionError("there is no result to audit; make the video first")
        if run.audit is not None and not run.audit.is_over:
            return
        self._workspace.source(project)
        self._note(project_id, run_id, Audit("waiting"))
        with self._news:
            self._waiting.append((project_id, run_id, True))
            self._tell()

    def _note(self, project_id: str, run_id: str, audit: Audit | None) -> None:
        """Write down how an audit stands."""

        def changed(old: Project) -> Project:
            run = old.run(run_id)
            return old if run is None else old.with_run(replace(run, audit=audit))

        with suppress(MissingError):
            self._workspace.change(project_id, changed)
        self.tell()

    def cancel_audit(self, project_id: str, run_id: str) -> None:
        """End an audit that waits or is being made, and wait until nobody works in its folder."""
        with self._news:
            entry = (project_id, run_id, True)
            if entry in self._waiting:
                self._waiting.remove(entry)
                self._note(project_id, run_id, None)
            elif self._is_audit and self.progress is not None and self.progress.run == run_id:
                self._cancelled.add(run_id)
                if self._process is not None:
                    self._process.terminate()
                self._news.wait_for(lambda: self.progress is None or self.progress.run != run_id, _PATIENCE + 5)

    def cancel(self, project_id: str, run_id: str) -> None:
        """End a run that waits or is being made; nothing of it stays. Raises MissingError."""
        project = self._workspace.find(project_id)
        run = project.run(run_id)
        if run is None:
            raise MissingError("this run is not there any more")
        if run.is_over:
            self.cancel_audit(project_id, run_id)
            return
        with self._news:
            self._cancelled.add(run_id)
            if (project_id, run_id, False) in self._waiting:
                self._waiting.remove((project_id, run_id, False))
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
                project_id, run_id, self._is_audit = self._waiting.popleft()
                self.progress = Progress(project_id, run_id)
                self._tell()
            try:
                (self._audit if self._is_audit else self._make)(project_id, run_id)
            except MissingError:
                _log.info("a project was deleted before its run began")
            except Exception as error:
                _log.exception("a run failed")
                if self._is_audit:
                    self._note(project_id, run_id, Audit("failed", error=f"the audit could not be made ({error})"))
                else:
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
                rows=rows_of(result["rows"]),
            )  # fmt: skip
        else:
            why = last.get("error") or "the video could not be made: the process that worked on it has ended; try again"
            name = Path(order["source"]).name
            self._finish(project_id, run_id, state="failed", error=str(why).replace(name, project.film.name))

    def _audit(self, project_id: str, run_id: str) -> None:
        project = self._workspace.find(project_id)
        run = project.run(run_id)
        if run is None:
            return
        try:
            order = audit_order_for(self._workspace, project, run)
        except MotionveilError as error:
            self._note(project_id, run_id, Audit("failed", error=str(error)))
            return
        self._note(project_id, run_id, Audit("running"))
        last = self._run_worker(order)
        if run_id in self._cancelled:
            remove(Path(order["report"]))
            self._note(project_id, run_id, None)
        elif "result" in last:
            self._note(project_id, run_id, Audit("done", last["result"]["level"], last["result"]["headline"]))
        elif not self._closed:
            why = last.get("error") or "the audit could not be made: the process that worked on it has ended; try again"
            name = Path(order["source"]).name
            self._note(project_id, run_id, Audit("failed", error=str(why).replace(name, project.film.name)))

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
            with suppress(OSError):  # of a worker that ended before it read the order
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
            # Whoever hears that it failed must not find anything of it any more.
            if found["state"] != "done":
                remove(self._workspace.run_folder(self._workspace.find(project_id), run_id))
            self._workspace.change(project_id, changed)
        self.tell()

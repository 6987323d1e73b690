"""Progress of many files on the terminal: a line for each that is being made, and one for all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tqdm import tqdm

from ..pipeline.batch import BatchProgress, BatchReport
from ..pipeline.making import Job
from ..pipeline.runner import Progress
from ..video import source_name
from .options import ProgressBar
from .terminal import say

FAILED = 1
"""Exit code where some of several files failed."""


class Bars(BatchReport):
    """Shows a batch, and lists the failures at its end; a context manager."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._all: Any = tqdm(
            total=1.0, delay=2, disable=quiet or None, dynamic_ncols=True, leave=False,
            bar_format="{desc}: {percentage:3.0f}%|{bar}|{postfix}",
        )  # fmt: skip
        self._files: dict[Path, ProgressBar] = {}
        self._errors: list[str] = []
        self._last: BatchProgress | None = None

    def began(self, job: Job, batch: BatchProgress) -> None:
        self._files[job.target] = ProgressBar(source_name(job.source), quiet=self._quiet)
        self._show(batch)

    def moved(self, job: Job, progress: Progress, batch: BatchProgress) -> None:
        self._files[job.target](progress)
        self._show(batch)

    def skipped(self, job: Job, batch: BatchProgress) -> None:
        self._show(batch)
        if not self._quiet:
            with self.paused():
                say(f"{job.target}  (already complete)")

    def made(self, job: Job, result: object, batch: BatchProgress) -> None:
        self._end(job, batch)

    def failed(self, job: Job, error: str, batch: BatchProgress, *, again: bool) -> None:
        self._end(job, batch)
        if not again:
            self._errors.append(error)
            return
        with self.paused():
            say(f"motionveil: warning: {error}; trying again", error=True)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Without bars, so that lines can be printed."""
        with tqdm.external_write_mode(file=sys.stderr):
            yield

    def _show(self, batch: BatchProgress) -> None:
        self._last = batch
        failed = f", {batch.failed} failed" if batch.failed else ""
        self._all.set_description_str(f"{batch.done}/{batch.total} files{failed}", refresh=False)
        if batch.seconds_left is not None:
            self._all.set_postfix_str(f"{tqdm.format_interval(batch.seconds_left)} left", refresh=False)
        self._all.update(batch.share - self._all.n)

    def _end(self, job: Job, batch: BatchProgress) -> None:
        bar = self._files.pop(job.target, None)
        if bar is not None:
            bar.__exit__()
        self._show(batch)

    @property
    def exit_code(self) -> int:
        """0, or FAILED if a file failed."""
        return FAILED if self._errors else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for bar in (*self._files.values(), self._all):
            bar.__exit__(None, None, None)
        for text in self._errors:
            say(f"motionveil: error: {text}", error=True)
        if self._errors and self._last is not None:
            batch = self._last
            others = "; the others are complete" if batch.done and batch.done + batch.failed == batch.total else ""
            say(f"motionveil: {batch.failed} of {batch.total} failed{others}", error=True)

"""Many files: skip what is done, try again what may pass, write everything down, and go on after any failure."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

from .._core.atomic_files import read_small_text, sweep
from .._core.errors import InputError, MotionveilError, OptionError
from ..outputs.ledger import Ledger, mark
from ..outputs.output_paths import side_paths
from ..outputs.run_manifest import file_digest, source_digest
from .making import Job, Maker, Order, Outcome
from .obfuscation import Result
from .runner import OnProgress, Progress
from .workers import InProcess, Processes, Workers


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch is.

    Attributes:
        done: Files that are complete, including those that were skipped.
        failed: Files that failed for good.
        total: All files.
        share: Share of the work that is done, by the sizes of the files, in [0, 1].
        seconds_left: Estimated seconds until the end; None if unknown.
    """

    done: int
    failed: int
    total: int
    share: float
    seconds_left: float | None


class BatchReport:
    """Is told what happens in a batch. Override what is of interest."""

    def began(self, job: Job, batch: BatchProgress) -> None:
        """Work on a file begins."""

    def moved(self, job: Job, progress: Progress, batch: BatchProgress) -> None:
        """Frames of a file were written."""

    def skipped(self, job: Job, batch: BatchProgress) -> None:
        """A file was complete already."""

    def made(self, job: Job, result: Result, batch: BatchProgress) -> None:
        """A file is complete."""

    def failed(self, job: Job, error: str, batch: BatchProgress, *, again: bool) -> None:
        """An attempt failed. again: whether there will be another one."""


@dataclass(frozen=True)
class BatchResult:
    """The targets of a batch: those made now, those that were complete already, and those that failed, with reasons."""

    made: tuple[Path, ...]
    skipped: tuple[Path, ...]
    failed: dict[Path, str] = field(default_factory=dict)


def run_batch(
    pairs: Sequence[tuple[str | Path | int, Path]],
    order: Order | None = None,
    *,
    folder: str | Path | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    workers: Workers | None = None,
    resume: bool = False,
    retries: int = 2,
    report: BatchReport | None = None,
    then: Callable[[Result], object] | None = None,
) -> BatchResult:
    """Obfuscate many files. A file that fails does not stop the others.

    Args:
        pairs: Sources and targets, see `plan`.
        order: How all of them are made. Default: persons are hidden, with the preset 'secure'.
        folder: The output folder, in which a ledger is kept. None: none is kept, and only records tell what is done.
        jobs: Number of files that are made at once, each by a process with its share of the cores; 1: by this one.
            Default: 1; on a cluster one per core.
        cluster: Make them with Ray: 'local', or the address of a cluster, see `cluster.RayWorkers`.
        workers: Who works on them instead.
        resume: Skip what is done: the ledger, or the record beside a target, says that it was made from the same input
            with the same settings and version, and neither file has changed since.
        retries: Further attempts at a file for faults that may pass, such as a process that was killed.
        report: Is told what happens.
        then: Called here with each result. A `MotionveilError` that it raises fails the file.

    Raises:
        OptionError: For invalid arguments, or if there is no such cluster.
        DependencyError: If Ray is needed and not installed.
        OutputError: If the ledger cannot be written, or another run uses it. What is done stays.
    """
    if (jobs is not None and jobs < 1) or retries < 0:
        raise OptionError(f"jobs must be at least 1, and retries at least 0, not {jobs} and {retries}")
    order = order or Order()
    workers = workers or _workers(order, jobs, cluster)
    with Ledger(None if folder is None else Path(folder)) as ledger:
        batch = _Batch(pairs, order, None if folder is None else Path(folder), ledger, resume, retries, report)
        with closing(workers.run(batch.take, batch.moved)) as outcomes:
            for outcome in outcomes:
                batch.settle(outcome, then)
        return batch.result()


def _workers(order: Order, jobs: int | None, cluster: str | None) -> Workers:
    if cluster is not None:
        from .cluster import RayWorkers

        return RayWorkers(order.complete(), cluster, count=jobs)
    return InProcess(order) if jobs in (None, 1) else Processes(order.complete(), jobs)


def make_one(
    source: str | Path | int,
    target: Path,
    order: Order,
    *,
    resume: bool = False,
    on_progress: OnProgress | None = None,
) -> Result | None:
    """Obfuscate one file as a batch would, without a ledger; None if its record says that it is complete.

    Raises:
        MotionveilError: See `obfuscate_video`.
    """
    job, recipe = Job(source, target, order.encoding.overwrite), order.recipe() if resume else None
    if recipe is not None and order.is_made(job, recipe):
        return None
    # A record without its result is what somebody left who removed the result, or was killed.
    return Maker(order)(replace(job, overwrite=True) if resume and not target.exists() else job, on_progress)


class _Batch:
    """The state of a batch."""

    def __init__(
        self,
        pairs: Sequence[tuple[str | Path | int, Path]],
        order: Order,
        folder: Path | None,
        ledger: Ledger,
        resume: bool,
        retries: int,
        report: BatchReport | None,
    ) -> None:
        self._order, self._folder, self._ledger = order, folder, ledger
        self._resume, self._retries = resume, retries
        self._report = report or BatchReport()
        self._recipe, self._settings = order.recipe(), order.digest()
        self._waiting = deque(Job(source, target, order.encoding.overwrite) for source, target in pairs)
        self._attempts: dict[Path, int] = {}
        self._input_marks: dict[Path, str | None] = {}
        self._made: list[Path] = []
        self._skipped: list[Path] = []
        self._failed: dict[Path, str] = {}
        self._work = _Work({job.target: _size(job.source) for job in self._waiting})
        ledger.expect(self._name(job) for job in self._waiting)
        for place in {job.target.parent for job in self._waiting}:
            sweep(place)

    def _name(self, job: Job) -> str:
        """The name of an output in the ledger."""
        path = job.target if self._folder is None else Path(os.path.relpath(job.target, self._folder))
        return os.fsencode(path).decode("utf-8", "backslashreplace")

    @property
    def _progress(self) -> BatchProgress:
        done = len(self._made) + len(self._skipped)
        return BatchProgress(done, len(self._failed), len(self._work), self._work.share, self._work.seconds_left)

    def take(self) -> Job | None:
        """The next job that is not done yet."""
        while self._waiting:
            job = self._waiting.popleft()
            attempts = self._attempts.setdefault(job.target, 0)
            # Who was killed may have completed it.
            if (self._resume or attempts) and self._is_done(job):
                self._work.skip(job.target)
                self._skipped.append(job.target)
                self._report.skipped(job, self._progress)
                continue
            # A record without its result is what somebody left who removed the result, or was killed.
            if (self._resume or attempts) and not job.target.exists():
                job = replace(job, overwrite=True)
            self._attempts[job.target] += 1
            self._input_marks[job.target] = mark(job.source)
            self._ledger.begin(self._name(job), settings=self._settings, input_mark=self._input_marks[job.target])
            self._work.begin()
            self._report.began(job, self._progress)
            return job
        return None

    def moved(self, job: Job, progress: Progress) -> None:
        """Frames of a job were written."""
        self._work.move(job.target, progress)
        self._report.moved(job, progress, self._progress)

    def settle(self, outcome: Outcome, then: Callable[[Result], object] | None) -> None:
        """Write down how an attempt ended."""
        job, result, error = outcome.job, outcome.result, outcome.error
        if result is not None and then is not None:
            try:
                then(result)
            except MotionveilError as refusal:
                result, error = None, str(refusal)
        if result is not None:
            digests = _digests(job.target)
            self._ledger.complete(
                self._name(job), settings=self._settings, digests=digests,
                marks=(self._input_marks[job.target], mark(job.target)),
            )  # fmt: skip
            self._work.finish(job.target)
            self._made.append(job.target)
            self._report.made(job, result, self._progress)
            return
        again = outcome.may_pass and self._attempts[job.target] <= self._retries
        self._ledger.fail(self._name(job), error.replace(str(job.source), Path(str(job.source)).name))
        if again:
            self._waiting.append(job)
        else:
            self._work.finish(job.target)
            self._failed[job.target] = error
        self._report.failed(job, error, self._progress, again=again)

    def result(self) -> BatchResult:
        """What came of it."""
        return BatchResult(tuple(self._made), tuple(self._skipped), self._failed)

    def _is_done(self, job: Job) -> bool:
        """Whether a result is there, made from the same source with the same settings; writes that down."""
        entry, marks = self._ledger.entry(self._name(job)), (mark(job.source), mark(job.target))
        if None in marks:
            return False
        digests: tuple[str | None, str | None] | None = None
        if entry is not None and entry.state == "done" and self._settings and entry.settings == self._settings:
            if (entry.input_mark, entry.output_mark) == marks:
                return True
            if entry.input and (entry.input, entry.output) == (source_digest(job.source), file_digest(job.target)):
                digests = entry.input, entry.output
        if digests is None and self._recipe is not None and self._order.is_made(job, self._recipe):
            digests = _digests(job.target)
        if digests is None:
            return False
        self._ledger.complete(self._name(job), settings=self._settings, digests=digests, marks=marks)
        return True


class _Work:
    """How much of a batch is done, by the sizes of files, and how long the rest will take."""

    def __init__(self, sizes: dict[Path, int]) -> None:
        self._sizes = sizes
        self._moving: dict[Path, float] = {}
        self._done = self._skipped = 0
        self._total = max(1, sum(sizes.values()))
        self._began: float | None = None

    def __len__(self) -> int:
        return len(self._sizes)

    def begin(self) -> None:
        self._began = self._began or time.monotonic()

    def move(self, target: Path, progress: Progress) -> None:
        if progress.total:
            self._moving[target] = min(1.0, progress.done / progress.total) * self._sizes[target]

    def finish(self, target: Path) -> None:
        self._moving.pop(target, None)
        self._done += self._sizes[target]

    def skip(self, target: Path) -> None:
        self._moving.pop(target, None)
        self._skipped += self._sizes[target]

    @property
    def share(self) -> float:
        return min(1.0, (self._skipped + self._done + sum(self._moving.values())) / self._total)

    @property
    def seconds_left(self) -> float | None:
        made = self._done + sum(self._moving.values())
        if self._began is None or not made:
            return None
        return (self._total - self._skipped - made) / made * (time.monotonic() - self._began)


def _size(source: str | Path | int) -> int:
    """The size of a source in bytes; 1 for what is no file."""
    try:
        return max(1, Path(str(source)).stat().st_size)
    except OSError:
        return 1


def _digests(target: Path) -> tuple[str | None, str | None]:
    """sha256 of source and target as the record beside the target has them; None where there is none."""
    path = side_paths(target, preview=False, record=True).record
    try:
        record = json.loads(read_small_text(path)) if path is not None else {}
        return record["source"]["sha256"], record["output"]["sha256"]
    except (InputError, ValueError, KeyError, TypeError, RecursionError):
        return None, None

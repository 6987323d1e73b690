"""One file of a batch: what all have in common, what each is, and who makes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._core.errors import MotionveilError
from .._core.interrupts import interrupts
from ..detection.templates import TemplateLibrary, default_library
from ..obfuscation.factory import Networks, where_of
from ..obfuscation.obfuscators import Obfuscator, Recorded
from ..obfuscation.presets import Preset, get_preset
from ..outputs.run_manifest import file_digest, is_complete, library_versions, plain, recipe_of
from ..regions import Where
from ..video import Encoding
from .obfuscation import Result, obfuscate_video
from .runner import OnProgress, Window


@dataclass(frozen=True)
class Job:
    """One file. overwrite: whether what lies at the target may be replaced."""

    source: str | Path | int
    target: Path
    overwrite: bool = False


@dataclass(frozen=True)
class Order:
    """How every file of a batch is made; can be pickled. See `obfuscate_video`.

    Attributes:
        where: What to hide. Default: persons.
        preset: The method.
        library: Templates. None: those of `default_library` on this machine.
        obfuscator: Any method of your own instead.
    """

    where: Where = field(default_factory=lambda: where_of(None, None))
    preset: Preset = field(default_factory=lambda: get_preset("secure"))
    library: TemplateLibrary | None = None
    obfuscator: Obfuscator | None = None
    window: Window = field(default_factory=Window)
    encoding: Encoding = field(default_factory=Encoding)
    preview: bool = False
    record: bool = True
    seed: int | None = None

    def complete(self) -> Order:
        """The same with everything that another machine may not have."""
        if self.library is not None or self.obfuscator is not None or not self.where.needs_templates:
            return self
        return replace(self, library=default_library())

    def recipe(self) -> Mapping[str, Any] | None:
        """What the record of a result says if it was made in this way; None where a record does not say enough."""
        # What masks hold, and what a learned network is, is not in it.
        if self.obfuscator is not None or self.where.all_masks:
            return None
        return recipe_of(self.preset, self.where, self.library)

    def digest(self) -> str | None:
        """sha256 of everything that determines results, except for the seed; None where it cannot be known."""
        masks = [file_digest(Path(path)) for path in self.where.all_masks]
        if None in masks or (self.obfuscator is not None and not isinstance(self.obfuscator, Recorded)):
            return None
        method = (
            self.obfuscator.as_record()
            if isinstance(self.obfuscator, Recorded)
            else recipe_of(self.preset, self.where, self.library)
        )
        told = {
            "method": method,
            "masks": masks,
            "window": self.window,
            "encoding": replace(self.encoding, overwrite=False),
            "seed": self.seed is not None,
            "version": library_versions()["motionveil"],
        }
        return hashlib.sha256(json.dumps(plain(told), sort_keys=True).encode()).hexdigest()

    def is_made(self, job: Job, recipe: Mapping[str, Any]) -> bool:
        """Whether the record beside the target says that it was made from this source in this way."""
        return is_complete(
            job.source, job.target, recipe=recipe, window=self.window, encoding=self.encoding, seed=self.seed
        )


@dataclass(frozen=True)
class Outcome:
    """How an attempt at a job ended.

    Attributes:
        result: None if it failed.
        error: Why, in one sentence.
        may_pass: Whether it may succeed the next time: the fault is not known to be in the file or the settings.
    """

    job: Job
    result: Result | None = None
    error: str = ""
    may_pass: bool = False


class Maker:
    """Makes files one after the other, with networks that are loaded once."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._how: dict[str, Any] = (
            {
                "where": order.where,
                "networks": Networks(order.preset),
                "seed": order.seed,
                "library": order.library,
            }
            if order.obfuscator is None
            else {"obfuscator": order.obfuscator}
        )

    def __call__(self, job: Job, on_progress: OnProgress | None = None) -> Result:
        """Make one. Raises what `obfuscate_video` raises."""
        order = self._order
        return obfuscate_video(
            job.source, job.target, **self._how, window=order.window, encoding=order.encoding, overwrite=job.overwrite,
            preview=order.preview, record=order.record, on_progress=on_progress,
        )  # fmt: skip

    def attempt(self, job: Job, on_progress: OnProgress | None = None) -> Outcome:
        """Make one. Errors are part of the outcome; an interrupt is raised."""
        return attempt(lambda: self(job, on_progress), job)


def attempt(make: Callable[[], Result], job: Job) -> Outcome:
    """Call a function, and tell how it ended. Raises KeyboardInterrupt, also where a library hid it."""
    try:
        return Outcome(job, make())
    except Exception as error:
        if interrupts.told:
            raise KeyboardInterrupt from error
        if isinstance(error, MotionveilError):
            return Outcome(job, error=str(error))
        if isinstance(error, MemoryError):
            return Outcome(
                job, error=f"{job.source}: not enough memory; try a smaller --size or fewer --jobs", may_pass=True
            )
        told = " ".join(str(error).split()) or "no details"
        return Outcome(
            job,
            error=f"{job.source}: internal error ({type(error).__name__}: {told}); run it alone with -v, and report it",
            may_pass=True,
        )

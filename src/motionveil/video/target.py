"""Where a result goes: checked before any work, complete or not there at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from motionveil.errors import MotionveilError, OutputError

from .encoding import CONTAINERS
from .images import IMAGE_SUFFIXES


@dataclass(frozen=True)
class Target:
    """A file, or a folder of numbered images, that appears under its name only when it is complete."""

    path: Path
    """The file, or the folder of the images."""
    pattern: str | None = None
    """For a folder: the images' names, such as ``%06d.png``; empty for the usual one."""

    @classmethod
    def parse(cls, target: str | Path) -> Target:
        """Of what a person wrote: a name with ``%06d`` and one without extension mean a folder of images."""
        path = Path(target)
        if "%" in path.name:
            try:
                path.name % 0
            except (TypeError, ValueError) as error:
                raise OutputError(f"{path} is no pattern for numbered images: write it like frames/%06d.png") from error
            return cls(path.parent, path.name)
        return cls(path, "" if not path.suffix or (path.is_dir() and path.suffix.lower() not in CONTAINERS) else None)

    @property
    def is_folder(self) -> bool:
        """Whether this is a folder of images."""
        return self.pattern is not None

    @property
    def is_still(self) -> bool:
        """Whether this is a single image."""
        return not self.is_folder and self.path.suffix.lower() in IMAGE_SUFFIXES

    def check(self, sources: Iterable[str | Path | int], overwrite: bool) -> None:
        """Make sure that writing here is wanted and harms no source; creates missing parent folders.

        Errors: OutputError.
        """
        for source in sources:
            self._check_source(source)
        if self.path.is_dir() != self.is_folder and self.path.exists():
            what = "a folder" if self.path.is_dir() else "a file"
            raise OutputError(f"{self.path} is {what} already: choose another name")
        if self.is_folder and self.path.is_dir():
            strange = [p.name for p in self.path.iterdir() if p.suffix.lower() not in IMAGE_SUFFIXES]
            if strange:
                raise OutputError(f"the folder {self.path} holds other things ({strange[0]}): choose another name")
            exists = any(self.path.iterdir())
        else:
            exists = self.path.exists()
        if exists and not overwrite:
            raise OutputError(f"{self.path} exists already: choose another name or allow it with --overwrite")
        with as_output_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(self.path.parent, os.W_OK | os.X_OK):
            raise OutputError(f"the folder {self.path.parent} may not be written to: choose another one")

    def _check_source(self, source: str | Path | int) -> None:
        if isinstance(source, int) or not self.path.exists():
            return
        path = Path(source)  # a folder of images may also be named by one of them or by a pattern
        places = [path, path.parent] if self.is_folder else [path]
        if any(place.exists() and place.samefile(self.path) for place in places):
            raise OutputError(f"the output {self.path} is the input itself: choose another name")

    def temporary(self) -> Path:
        """A hidden name beside the target that nobody uses."""
        return self.path.with_name(f".{self.path.name}.part-{secrets.token_hex(4)}")

    def replace(self, temporary: Path) -> None:
        """Let the complete temporary file or folder take the target's place."""
        if not self.path.is_dir():
            temporary.replace(self.path)
            return
        old = self.temporary()
        self.path.rename(old)
        temporary.rename(self.path)
        shutil.rmtree(old, ignore_errors=True)


def check_target(target: str | Path, sources: Iterable[str | Path | int], overwrite: bool = False) -> None:
    """Make sure, before any frame is read, that a target can be written; creates missing parent folders.

    Errors: OutputError where the target exists and ``overwrite`` is false, is one of the sources (also behind a link,
    and even with ``overwrite``), is a folder that holds other things than images, or may not be written to.
    """
    Target.parse(target).check(sources, overwrite)


def discard(temporary: Path) -> None:
    """Remove a temporary file or folder, if it is there."""
    if temporary.is_dir():
        shutil.rmtree(temporary, ignore_errors=True)
    else:
        temporary.unlink(missing_ok=True)


@contextmanager
def as_output_errors(path: Path) -> Iterator[None]:
    """Raise what goes wrong while writing to a path as OutputError in one sentence."""
    import av

    try:
        yield
    except MotionveilError:
        raise
    except (OSError, av.error.FFmpegError, ValueError) as error:
        code = getattr(error, "errno", None)
        if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutputError(f"there is no space left to write {path}: free some or choose another disk") from error
        if code in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OutputError(f"{path} may not be written: check the folder's permissions or choose another") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{path} cannot be written ({reason}): choose another name, format or codec") from error

"""Where a result goes: checked before any work, complete or not there at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from motionveil._core.atomic_files import hidden_file, hidden_folder, make_folders, remove_empty, sweep
from motionveil._core.errors import MotionveilError, OutputError

from .encoding import CONTAINERS
from .images import IMAGE_SUFFIXES, NUMBER, is_numbered


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
        if str(path) == "-":
            raise OutputError("the result cannot go to standard output: name a file")
        if is_numbered(path.name) and path.suffix.lower() in IMAGE_SUFFIXES:
            if path.parent.name in ("", ".."):
                raise OutputError(f"numbered images need a folder of their own: write for instance images/{path.name}")
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
        """Make sure that writing here is wanted and harms no source; writes nothing.

        Errors: OutputError.
        """
        for source in sources:
            self._check_source(source)
            self._check_inside(source)
        if self.path.is_dir() != self.is_folder and self.path.exists():
            what = "a folder" if self.path.is_dir() else "a file"
            raise OutputError(f"{self.path} is {what} already: choose another name")
        if self.is_folder and self.path.is_dir():
            strange = sorted(p.name for p in self.path.iterdir() if not self._is_ours(p))
            if strange:
                raise OutputError(f"the folder {self.path} holds other things ({strange[0]}): choose another name")
            exists = any(self.path.iterdir())
        else:
            exists = self.path.exists()
        if exists and not overwrite:
            raise OutputError(f"{self.path} exists already: choose another name or allow it with --overwrite")
        above = next(folder for folder in self.path.absolute().parents if folder.exists())
        if not above.is_dir():
            raise OutputError(f"{above} is a file and cannot hold {self.path.name}: choose another place")
        if not os.access(above, os.W_OK | os.X_OK):
            raise OutputError(f"the folder {above} may not be written to: choose another one")

    def _is_ours(self, path: Path) -> bool:
        """Whether something in the folder is an image that writing here would have made."""
        begin, number, rest = re.split(NUMBER, self.pattern or "%06d.", maxsplit=1)
        end = re.escape(rest) if self.pattern else r"\.[a-z0-9]+"
        return (
            path.is_file()
            and path.suffix.lower() in IMAGE_SUFFIXES
            and bool(number and re.fullmatch(re.escape(begin) + r"\d+" + end, path.name))
        )

    def _check_source(self, source: str | Path | int) -> None:
        if isinstance(source, int) or not self.path.exists():
            return
        path = Path(source)  # a folder of images may also be named by one of them or by a pattern
        places = [path, path.parent] if self.is_folder else [path]
        if any(place.exists() and place.samefile(self.path) for place in places):
            raise OutputError(f"the output {self.path} is the input itself: choose another name")

    def _check_inside(self, source: str | Path | int) -> None:
        """Refuse to write into a folder that is read: the next reading would take the result for a source."""
        folder = Path(str(source))
        if folder.is_dir() and folder.resolve() in self.path.resolve().parents:
            raise OutputError(
                f"the output {self.path} lies inside the input folder {folder}: choose another place with -o"
            )

    def temporary(self) -> tuple[Path, list[Path]]:
        """A hidden file or folder beside the target to write into, and the folders above it that had to be made.

        What a process that was killed has left there goes.
        """
        with as_output_errors(self.path):
            made = make_folders(self.path.parent)
            try:
                sweep(self.path.parent)
                return (hidden_folder if self.is_folder else hidden_file)(self.path), made
            except BaseException:
                remove_empty(made)
                raise


def check_target(target: str | Path, sources: Iterable[str | Path | int], overwrite: bool = False) -> None:
    """Make sure, before any frame is read, that a target can be written; writes nothing.

    Errors: OutputError where the target exists and ``overwrite`` is false, is one of the sources (also behind a link,
    and even with ``overwrite``), is a folder that holds other things than images, or may not be written to.
    """
    Target.parse(target).check(sources, overwrite)


@contextmanager
def as_output_errors(path: Path) -> Iterator[None]:
    """Raise what goes wrong while writing to a path as OutputError in one sentence."""
    import av
    import cv2

    try:
        yield
    except MotionveilError:
        raise
    except (OSError, av.error.FFmpegError, cv2.error, ValueError) as error:
        code = getattr(error, "errno", None)
        if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutputError(f"there is no space left to write {path}: free some or choose another disk") from error
        if code in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OutputError(f"{path} may not be written: check the folder's permissions or choose another") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{path} cannot be written ({reason}): choose another name, format or codec") from error

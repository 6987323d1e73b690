"""Output paths: checked before any work, and written completely or not at all."""

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
    """For a folder: the image names, such as ``%06d.png``; empty for the default."""

    @classmethod
    def parse(cls, target: str | Path) -> Target:
        """Parse a path: names with ``%06d`` or without an extension denote a folder of images."""
        path = Path(target)
        if str(path) == "-":
            raise OutputError("cannot write to standard output: name a file")
        if is_numbered(path.name) and path.suffix.lower() in IMAGE_SUFFIXES:
            if path.parent.name in ("", ".."):
                raise OutputError(f"numbered images need their own folder: write to images/{path.name}, for instance")
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
        """Check that writing here is permitted and overwrites no source; writes nothing.

        Raises:
            OutputError: If it is not.
        """
        for source in sources:
            self._check_source(source)
            self._check_inside(source)
        if self.path.is_dir() != self.is_folder and self.path.exists():
            what = "a folder" if self.path.is_dir() else "a file"
            raise OutputError(f"{self.path} already exists and is {what}: choose another name")
        if self.is_folder and self.path.is_dir():
            strange = sorted(p.name for p in self.path.iterdir() if not self._is_ours(p))
            if strange:
                raise OutputError(f"the folder {self.path} contains other files ({strange[0]}): choose another name")
            exists = any(self.path.iterdir())
        else:
            exists = self.path.exists()
        if exists and not overwrite:
            raise OutputError(f"{self.path} already exists: choose another name or pass `overwrite=True`")
        above = next(folder for folder in self.path.absolute().parents if folder.exists())
        if not above.is_dir():
            raise OutputError(f"{above} is a file and cannot contain {self.path.name}: choose another location")
        if not os.access(above, os.W_OK | os.X_OK):
            raise OutputError(f"the folder {above} is not writable: choose another one")

    def _is_ours(self, path: Path) -> bool:
        """Whether a file in the folder is an image that writing here would have created."""
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
        path = Path(source)  # a folder of images may also be given by one of them or by a pattern
        places = [path, path.parent] if self.is_folder else [path]
        if any(place.exists() and place.samefile(self.path) for place in places):
            raise OutputError(f"the output {self.path} is the input itself: choose another name")

    def _check_inside(self, source: str | Path | int) -> None:
        """Refuse to write into an input folder, where the next run would read the output as input."""
        folder = Path(str(source))
        if folder.is_dir() and folder.resolve() in self.path.resolve().parents:
            raise OutputError(f"the output {self.path} lies inside the input folder {folder}: choose another location")

    def temporary(self) -> tuple[Path, list[Path]]:
        """A hidden file or folder beside the target to write into, and the parent folders that were created.

        Removes what a killed process left there.
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
    """Check, before any frame is read, that a target can be written; writes nothing.

    Raises:
        OutputError: If the target exists and ``overwrite`` is false, is one of the sources (also through a link, and
            even with ``overwrite``), is a folder that contains other files than images, or is not writable.
    """
    Target.parse(target).check(sources, overwrite)


@contextmanager
def as_output_errors(path: Path) -> Iterator[None]:
    """Convert errors while writing to a path to an OutputError of one sentence."""
    import av
    import cv2

    try:
        yield
    except MotionveilError:
        raise
    except (OSError, av.error.FFmpegError, cv2.error, ValueError) as error:
        code = getattr(error, "errno", None)
        if code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OutputError(f"no space left to write {path}: free some or choose another disk") from error
        if code in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise OutputError(f"{path} is not writable: check the folder's permissions or choose another") from error
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{path} cannot be written ({reason}): choose another name, format or codec") from error

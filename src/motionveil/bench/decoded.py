"""Decoded clips as files, of which only those frames are read that are looked at."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from .._core.atomic_files import hidden_file, remove, take_place
from .._core.types import UInt8Array


def open_decoded(path: Path) -> UInt8Array:
    """A clip of a `DecodedWriter`, (T, H, W, C) uint8, read only. Frames come from the disk, or from the system's cache
    of it, when they are looked at: many processes may read a clip, and it is in memory once.
    """
    return np.asarray(np.load(path, mmap_mode="r"))


class DecodedWriter:
    """Writes a clip as ``.npy`` part by part, so that memory never holds a whole one; a context manager.

    The file appears with `commit`, whole or not at all. Raises OSError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_frames = 0
        self._shape: tuple[int, ...] = ()
        self._temporary = hidden_file(path)
        self._file = self._temporary.open("wb")

    def add(self, frames: UInt8Array) -> None:
        """The next frames, (n, H, W, C) uint8."""
        if not self._shape:
            self._shape = frames.shape[1:]
            self._write_heading()
        self._file.write(np.ascontiguousarray(frames).data)
        self.num_frames += len(frames)

    def commit(self) -> None:
        """Let the file appear."""
        self._file.seek(0)
        self._write_heading()
        self._file.close()
        take_place(self._temporary, self.path, overwrite=True)

    def _write_heading(self) -> None:
        # NumPy leaves room in it for the number of frames to grow, so it is as long in the end as in the beginning.
        heading = {"descr": "|u1", "fortran_order": False, "shape": (self.num_frames, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, heading)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        remove(self._temporary)

"""Standard input and other pipes as streams for FFmpeg whose reads can be cancelled."""

from __future__ import annotations

import logging
import os
import select
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

from motionveil._core.errors import InputError

_log = logging.getLogger(__name__)
_EVERY = 0.1
_SILENCE = 1.5
"""Seconds without data after which the user is told what is being waited for."""


class Readable(Protocol):
    """The interface that FFmpeg reads from."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...


class Pipe:
    """Reads a file descriptor in a way that never prevents the process from ending.

    Args:
        descriptor: The file descriptor.
        name: The name used in messages.
        close: Whether to close the descriptor with this object.
    """

    def __init__(self, descriptor: int, name: str, *, close: bool = False) -> None:
        self.name = name
        self._descriptor = descriptor
        self._close = close
        self._cancelled = False
        self._told = False

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end and after `cancel`."""
        since = time.monotonic()
        while not self._is_ready():
            if self._cancelled:
                return b""
            if not self._told and time.monotonic() - since > _SILENCE:
                self._told = True
                _log.info("waiting for data from %s; press Ctrl-C to stop", self.name)
        return os.read(self._descriptor, size)

    def _is_ready(self) -> bool:
        if os.name != "posix":  # pipes cannot be polled there
            return True
        return bool(select.select([self._descriptor], [], [], _EVERY)[0])

    def cancel(self) -> None:
        """Wake a blocked reader in any thread."""
        self._cancelled = True

    def __del__(self) -> None:
        if self._close:
            os.close(self._descriptor)


class Prefixed:
    """A stream whose first bytes were already read and are served again."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        if self._head:
            part, self._head = self._head[:size], self._head[size:]
            return part
        return self._rest.read(size)


def standard_input() -> Readable:
    """Standard input; its replacement if it has no descriptor (in notebooks, for instance)."""
    try:
        return Pipe(sys.stdin.fileno(), "standard input")
    except (OSError, ValueError, AttributeError):
        return sys.stdin.buffer


def is_pipe(path: Path) -> bool:
    """Whether a path can be read only once and may block: a named pipe, a terminal or the like."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def open_pipe(path: Path) -> Pipe:
    """Open a named pipe without waiting for a writer.

    Raises:
        InputError: If it cannot be opened.
    """
    try:
        return Pipe(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), str(path), close=True)
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({error.strerror}): check its permissions") from error


def readable(stream: Readable) -> tuple[Readable | IO[bytes], Callable[[], None]]:
    """The stream, or a copy of its content, and a function that wakes a blocked reader.

    Most MP4 and MOV files have their index at the end and must be available as a whole. The copy of such a file has no
    name, so nobody else can open it, and it disappears when closed.
    """
    cancel = stream.cancel if isinstance(stream, Pipe) else _nothing
    head = b""
    while len(head) < 12 and (more := stream.read(12 - len(head))):
        head += more
    if head[4:8] != b"ftyp":
        return Prefixed(head, stream), cancel
    whole = tempfile.TemporaryFile()  # noqa: SIM115 - the reader closes it
    whole.write(head)
    while part := stream.read(1 << 20):
        whole.write(part)
    whole.seek(0)
    return whole, cancel


def _nothing() -> None:
    """Do nothing; there is no reader to wake."""

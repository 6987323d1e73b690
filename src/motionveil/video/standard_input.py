"""Standard input as something that FFmpeg can read."""

from __future__ import annotations

import shutil
import tempfile
from typing import IO


class Prefixed:
    """A stream some bytes of which have been read already, and are given again."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, none at the end."""
        if self._head:
            part, self._head = self._head[:size], self._head[size:]
            return part
        return self._rest.read(size)


def readable(stream: IO[bytes]) -> Prefixed | IO[bytes]:
    """The stream, or its content: most MP4 and MOV files have their index at the end, and must be there as a whole.

    The copy of such a file has no name, so nobody else can open it, and is gone when it is closed.
    """
    head = stream.read(12)
    if head[4:8] != b"ftyp":
        return Prefixed(head, stream)
    whole = tempfile.TemporaryFile()  # noqa: SIM115 - the reader closes it
    whole.write(head)
    shutil.copyfileobj(stream, whole)
    whole.seek(0)
    return whole

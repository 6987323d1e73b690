"""Escapes untrusted text for display, such as file names and metadata."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Characters that affect a terminal beyond being displayed: control characters, bidirectional marks, undecodable bytes
of a file name, line breaks."""
_JOINERS = frozenset("\u200c\u200d")
"""Required by Persian, Indic scripts and emoji."""


def printable(text: object) -> str:
    r"""The text on one line, with invisible characters escaped: an escape character becomes ``\x1b``."""
    return "".join(
        letter if letter in _JOINERS or unicodedata.category(letter) not in _HIDDEN else _escaped(letter)
        for letter in str(text)
    )


def _escaped(letter: str) -> str:
    # Bytes of a file name that are not UTF-8 arrive as lone surrogates.
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape", "backslashreplace").decode("ascii")

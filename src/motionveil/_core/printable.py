"""Text from elsewhere as it may be shown: names of files and words in other people's files can hold anything."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""What does more to a terminal than to appear: control characters, marks that turn the direction of writing, bytes of
a name that are no text, line breaks."""
_JOINERS = frozenset("\u200c\u200d")
"""Needed to write Persian, the languages of India, and emoji."""


def printable(text: object) -> str:
    r"""The text in one line, with everything escaped that would not be seen: an escape character becomes ``\x1b``."""
    return "".join(
        letter if letter in _JOINERS or unicodedata.category(letter) not in _HIDDEN else _escaped(letter)
        for letter in str(text)
    )


def _escaped(letter: str) -> str:
    # Bytes of a file's name that are no UTF-8 come as lone surrogates.
    if "\udc80" <= letter <= "\udcff":
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape", "backslashreplace").decode("ascii")

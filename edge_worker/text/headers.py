"""The words put before a chunk's text: what it is called and where it stands, as a reader would say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from posixpath import splitext

from shared.words import name_words

# Folders and names that say nothing of what is in them.
_IDLE = re.compile(r"src|lib|sources?|main|java|python|com|org|init|index|packages")
_MOST_WORDS = 16


def header_of(path: str, symbol: str, enclosing: Sequence[str] = ()) -> str:
    """Return ``get auth from url in requests utils``, then what encloses it as it is written, on a line of its own."""
    own, module = name_words(symbol)[:_MOST_WORDS], _module_words(path)
    words = " ".join((*own, *(("in",) if own and module else ()), *module))
    return "\n".join(part for part in (words, " > ".join(enclosing)) if part)


def _module_words(path: str) -> list[str]:
    parts = splitext(path)[0].split("/")
    words = [word for part in parts for word in name_words(part) if not _IDLE.fullmatch(word)]
    return words[-_MOST_WORDS:]

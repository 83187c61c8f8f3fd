"""Paths between Python and Postgres, which keeps them as bytes: git allows names that are not UTF-8."""

from __future__ import annotations

import re

#: A byte that is no part of UTF-8, as ``text_of`` shows it.
_ESCAPE = re.compile(rb"\\x([89a-f][0-9a-f])")


def bytes_of(path: str) -> bytes:
    """Return a path as the ledger keeps it."""
    return path.encode("utf-8", "surrogateescape")


def forms_of(path: str) -> list[bytes]:
    """Return what the ledger may keep a path as that somebody read in an answer: escapes may stand for bytes."""
    plain = bytes_of(path)
    raw = _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), plain)
    return [plain, raw] if raw != plain and text_of(raw) == path else [plain]


def text_of(path: bytes) -> str:
    """Return a path as answers show it: bytes that are not UTF-8 escaped, since JSON can carry no lone surrogates."""
    return path.decode("utf-8", "backslashreplace")

"""Text that everything can hold."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return ``text`` as JSON, Postgres and a log can hold it: what is not UTF-8, and NULs, are shown escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")

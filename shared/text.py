"""Text that everything can hold."""

from __future__ import annotations

import re

#: Halves of surrogate pairs that do not stand for a byte that was not UTF-8 (PEP 383).
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


def plain(text: str) -> str:
    """Return ``text`` as JSON, Postgres and a log can hold it: what is not UTF-8, and NULs, are shown escaped."""
    text = _NO_BYTE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "\\x00")

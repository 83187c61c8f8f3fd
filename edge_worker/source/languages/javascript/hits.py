"""Where the words stand that an import may be written with."""

from __future__ import annotations

import re

# Each begins with a literal, so that its search runs at memory speed, and with a letter that is rare. The number says
# how much of the word stands before it.
_HITS = (
    (
        2,
        re.compile(
            rb"port(?:(?<=import)(?=[\s({*'\"/]|\.(?:defer|source)\s*\(|\.meta\.url\b)(?!\s*[=:,;)}\]])"
            rb"|(?<=export)(?=\s*[*{]|\s+type\s*[*{]|\s+\w+\s+from\s*['\"]))"
        ),
    ),
    (2, re.compile(rb"quire(?<=require)(?=\s*(?:[(<]|\?\.|/[*/])|\.resolve\b)")),
    (0, re.compile(rb"jest(?=\.\w)")),
    (0, re.compile(rb"vi(?=\.\w)")),
    (0, re.compile(rb"<reference(?=\s+path)")),
    (0, re.compile(rb"module(?=\s{1,20}['\"]\.)")),
)


def find_hits(text: bytes, start: int) -> list[int]:
    """Return where the words are from ``start`` on, in order."""
    hits: list[int] = []
    for before, pattern in _HITS:
        first = pattern.search(text, start)
        if first is not None:
            hits += [match.start() - before for match in pattern.finditer(text, first.start())]
    return sorted(hits)

"""Modules that a Python text names in strings, as settings and entry points do (P10)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_worker.source.parse.statement import STRING, ImportStatement

# From one comment or string to the next; a string without its end goes to the end of its line.
_TEXT = re.compile(
    rb"""\#[^\n]*+|(?P<before>[A-Za-z]{0,2})(?:\"""(?:[^"\\]|\\.|"(?!""))*+(?:\"""|\Z)|'''(?:[^'\\]|\\.|'(?!''))*+(?:'''|\Z)"""
    rb"""|"(?P<double>(?:[^"\\\n]|\\.)*+)(?:"|(?P<open>))|'(?P<single>(?:[^'\\\n]|\\.)*+)(?:'|(?P<cut>)))""",
    re.DOTALL,
)
# ``package.module.Name``, and an entry point, whose colon says more than a third name does.
_DOTTED = re.compile(
    rb"(?:[\w.-]+[ \t]*=[ \t]*)?(?:([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+):[A-Za-z_][\w.]*(?:[ \t]*\[[\w, \t]*\])?"
    rb"|([A-Za-z_]\w*(?:\.[A-Za-z_]\w*){2,}))"
)
_LONGEST = 500
#: Groups of a string without its end.
_BROKEN = frozenset(("open", "cut"))
_PLAIN = frozenset((b"", b"r", b"R", b"u", b"U"))


def named_modules(source: bytes) -> Iterator[ImportStatement]:
    """Yield the strings that are a dotted name of three parts or more, or an entry point, in the order of the text.

    The names of one statement are empty for an entry point: all of its module has to be there. For the others they are
    the last two, of which each may be a part of the module's name or a name in it.
    """
    line, counted = 1, 0
    for match in _TEXT.finditer(source):
        text = match["double"] or match["single"]
        if not text or len(text) > _LONGEST or match["before"] not in _PLAIN or match.lastgroup in _BROKEN:
            continue
        found = _DOTTED.fullmatch(text)
        if found is not None:
            line += source.count(b"\n", counted, match.start())
            counted = match.start()
            yield _statement(found, line)


def _statement(found: re.Match[bytes], line: int) -> ImportStatement:
    module = (found[1] or found[2]).decode("ascii", "replace")
    if found[1]:
        return ImportStatement(module=module, kinds=(STRING,), line=line)
    *parts, last, name = module.split(".")
    return ImportStatement(module=".".join(parts), names=(last, name), kinds=(STRING,), line=line)

"""The patterns of files that a text has its bundler import: ``import.meta.glob("./pages/*.ts")`` (J1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from edge_worker.source.languages.javascript.lexemes import Lexemes
from edge_worker.source.parse.doubt import Doubt
from edge_worker.source.parse.statement import MENTIONED, ImportStatement

_WORD = b"import.meta.glob"
_LITERAL = rb"""(?:'[^'\\\r\n]{1,500}'|"[^"\\\r\n]{1,500}"|`[^`\\\r\n$]{1,500}`)"""
_CALL = re.compile(
    rb"(?<![\w$.])import\.meta\.glob(?:Eager)?\s*(?:<[^()]{0,200}>\s*)?\(\s*"
    rb"(%(literal)s|\[(?:\s*%(literal)s\s*,?)*+\s*\])\s*[,)]" % {b"literal": _LITERAL}
)
_EACH = re.compile(_LITERAL)
# Of one file; each may mean many files.
_MOST_CALLS = 1000


def named_globs(source: bytes) -> Iterator[ImportStatement]:
    """Yield each call whose patterns are literals, in the order of the text: the patterns are the statement's names."""
    if _WORD not in source:
        return
    lexemes = Lexemes(source, 0)
    line, counted = 1, 0
    for match in islice(_CALL.finditer(source), _MOST_CALLS):
        at = match.start()
        try:
            is_code = lexemes.is_code(lexemes.line_of(at), at)
        except Doubt:
            # It is asked for by nobody who needs all of them.
            return
        if is_code:
            patterns = tuple(found[1:-1].decode("utf-8", "replace") for found in _EACH.findall(match[1]))
            line += source.count(b"\n", counted, at)
            counted = at
            yield ImportStatement(module=_WORD.decode(), names=patterns, kinds=(MENTIONED,), line=line)

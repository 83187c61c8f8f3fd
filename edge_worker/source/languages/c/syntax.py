"""The includes of a C, C++ or Objective-C++ file, by its directives alone: macros make any grammar of C fail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edge_worker.source.languages.c.conditions import Conditions
from edge_worker.source.languages.c.directives import GAP, directives
from edge_worker.source.parse.statement import CONDITIONAL, RUNTIME, ImportStatement, Parsed
from edge_worker.source.parse.text import is_text, to_utf8

_INCLUDES = {b"include", b"include_next", b"import"}
_HEADER = rb"\"[^\"\r\n]{1,500}\"|<[^>\r\n]{1,500}>"
_ASKED = re.compile(_HEADER + rb"|[A-Za-z_]\w{0,200}")
_DEFINED = re.compile(rb"([A-Za-z_]\w{0,200})" + GAP + rb"(" + _HEADER + rb")")


def scan(source: bytes) -> Parsed:
    """Return the includes of a file: ``"x.h"`` and ``<x.h>`` with their delimiters, or the bare name of a macro.

    A macro that the same file defines as a header is that header. What stands in a comment, in a string or below
    ``#if 0`` is left out; what is imported as a module of C++20 or of Clang is no file, and left out as well.
    """
    text = to_utf8(source)
    if not is_text(text):
        return Parsed(imports=(), status="failed")
    return Parsed(imports=tuple(_includes(text)), status="parsed")


def _includes(text: bytes) -> Iterator[ImportStatement]:
    conditions = Conditions()
    defined: dict[bytes, bytes] = {}
    line, counted = 1, 0
    last = max(text.rfind(b"include"), text.rfind(b"import"))
    # The mark of a directive comes before its word; a header unit is seen with the delimiter behind it.
    for start, word, position in directives(text, min(last + 16, len(text)) if last >= 0 else 0):
        if word not in _INCLUDES:
            conditions.hear(word, text, position)
            if word == b"define" and (found := _DEFINED.match(text, position)):
                defined[found[1]] = found[2]
            continue
        asked = _ASKED.match(text, position)
        if asked is None or conditions.unreachable:
            continue
        line, counted = line + text.count(b"\n", counted, start), start
        kinds = (RUNTIME, CONDITIONAL) if conditions.conditional else (RUNTIME,)
        header = defined.get(asked[0], asked[0]).decode("utf-8", errors="replace")
        yield ImportStatement(module=header, kinds=kinds, line=line)

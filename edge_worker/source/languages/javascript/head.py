"""The imports that a file begins with, written as nearly all are: with nothing before them, nothing is in doubt."""

from __future__ import annotations

import re
from functools import lru_cache

from edge_worker.source.parse.doubt import Doubt
from edge_worker.source.parse.statement import RE_EXPORT, RUNTIME, TYPE_ONLY, ImportStatement

_PARTS = {
    # Three slashes may be a reference.
    b"gap": rb"(?:[\s;]++|//(?!/)[^\n]*+\n|/\*[^*]*+\*++(?:[^/*][^*]*+\*++)*+/)*+",
    b"names": rb"\{[\w\s,$]*+\}",
    b"specifier": rb"""(?:'([^'\\\r\n]+)'|"([^"\\\r\n]+)")""",
    b"end": rb"(?=[ \t]*+(?:;|//|\Z|\r?\n(?!\s*from\b)))",
}
_STATEMENT = re.compile(
    (
        rb"(?:^#![^\n]*+\n)?%(gap)s()(?:"
        rb"import (?:(type )?(?:[\w$]++|(?:[\w$]++, )?(?:%(names)s|\* as [\w$]++)) from )?"
        rb"|export (type )?(?:\*(?: as [\w$]++)?|%(names)s) from )%(specifier)s%(end)s"
    )
    % _PARTS
)
_EXPORT = ord("e")
_KINDS = {
    (False, False): (RUNTIME,),
    (False, True): (TYPE_ONLY,),
    (True, False): (RUNTIME, RE_EXPORT),
    (True, True): (TYPE_ONLY, RE_EXPORT),
}
_SPECIFIERS = 4096
# What the class does, without a call of its own: most statements there are come through here.
_new = tuple.__new__


class Head:
    """What was read, where the last statement ended, and the number of the line in which it began."""

    def __init__(self, text: bytes, *, types: bool) -> None:
        """Read the beginning of a text.

        Raises:
            Doubt: a type is imported where there are none.
        """
        self.found: list[ImportStatement] = []
        self.end = self.begin = 0
        self.line = 1
        while (match := _STATEMENT.match(text, self.end)) is not None:
            _, of_import, of_export, single, double = match.groups()
            begin, is_type = match.start(1), bool(of_import or of_export)
            if is_type and not types:
                raise Doubt
            self.line += text.count(b"\n", self.begin, begin)
            self.begin, self.end = begin, match.end()
            kinds = _KINDS[text[begin] == _EXPORT, is_type]
            fields = decoded(single or double), self.line, (), 0, kinds
            self.found.append(_new(ImportStatement, fields))


@lru_cache(_SPECIFIERS)
def decoded(specifier: bytes) -> str:
    """Return a specifier as text; the same ones are written again and again."""
    return specifier.decode("utf-8", errors="replace")

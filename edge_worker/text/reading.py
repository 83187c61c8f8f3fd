"""A file's bytes as the lines that are shown and the program that a grammar reads: the same lines in both."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_worker.source.languages.registry import known
from edge_worker.source.parse.text import is_text, to_utf8
from edge_worker.source.walk import UNPARSED, content_flags

MAX_BYTES = 1 << 20
_LINE_END = re.compile(rb"\r\n?")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a file holds as text."""

    lines: list[str]
    #: In UTF-8. In a page, all but its scripts is blank. None for a page whose scripts cannot be told from the rest.
    program: bytes | None


def read(language: str, data: bytes, *, is_page: bool) -> Reading | None:
    """Return a file's text; None for what is no text, minified, or above ``MAX_BYTES``.

    ``is_page``: a program is only what the language's own reading leaves of the text.
    """
    if len(data) > MAX_BYTES or content_flags(data) & UNPARSED:
        return None
    asked = known().get(language)
    program = asked.dialect.decode(data) if asked is not None and asked.dialect is not None else to_utf8(data)
    shown = to_utf8(data) if is_page else program
    if shown is None or not is_text(shown):
        return None
    text = _text(shown)
    if is_page and program is not None:
        return Reading(lines=text.split("\n"), program=_text(program).encode())
    return Reading(lines=text.split("\n"), program=None if program is None else text.encode())


def _text(data: bytes) -> str:
    data = _LINE_END.sub(b"\n", data) if b"\r" in data else data
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")

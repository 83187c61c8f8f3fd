"""The directives of a C text: those that no comment and no string hides."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What begins something that hides a directive, and what begins a directive.
_TOKEN = re.compile(rb"/[/*]|R(?<![A-KM-TV-Za-tv-z0-79_]R)\"|[\"'#]|import[ \t]*(?=[\"<])")
_STRING = re.compile(rb"(?:[^\"\\\n]|\\\r\n|\\[\s\S])*+\"?")
_CHARACTER = re.compile(rb"(?:[^'\\\n]|\\\r\n|\\[\s\S])*+'?")
_RAW = re.compile(rb"([^\s()\\\"]{0,16})\(")
_REST_OF_LINE = re.compile(rb"(?:[^\\\n]|\\\r\n|\\[\s\S])*+")
#: What may stand between the words of a directive: blanks, a continued line, a comment.
GAP = rb"(?:[ \t\f\v]|\\\r?\n|/\*(?:[^*]|\*(?!/))*+\*/)*+"
_WORD = re.compile(GAP + rb"(include_next|include|import|ifndef|ifdef|if|elifn?def|elif|else|endif|define)(?!\w)" + GAP)
# A header unit of C++20 is no directive by its form, but one by its effect.
_EXPORT = {b"", b"export"}
_HASH = {b""}
# Nothing is indented further than this.
_LONGEST_INDENT = 1000


def directives(text: bytes, end: int) -> Iterator[tuple[int, bytes, int]]:
    """Yield the directives that begin before ``end``: where each begins, its word, and where its argument begins."""
    position = comment = 0
    while found := _TOKEN.search(text, position, end):
        start, position = found.span()
        token = found[0]
        if token[:1] == b"/":
            position = comment = _after_comment(text, position, token)
        elif token[:1] in b"\"'R":
            position = _after_literal(text, position, token)
        elif _begins_line(text, comment, start, _HASH if token == b"#" else _EXPORT):
            word = _WORD.match(text, position) if token == b"#" else None
            position = word.end() if word else position
            if word or token != b"#":
                yield start, word[1] if word else b"import", position


def _after_comment(text: bytes, position: int, token: bytes) -> int:
    if token == b"//":
        rest = _REST_OF_LINE.match(text, position)
        return rest.end() if rest else position
    return _past(text, b"*/", position)


def _after_literal(text: bytes, position: int, token: bytes) -> int:
    raw = _RAW.match(text, position) if token[:1] == b"R" else None
    if raw:
        return _past(text, b")" + raw[1] + b'"', raw.end())
    rest = (_CHARACTER if token == b"'" else _STRING).match(text, position)
    return rest.end() if rest else position


def _past(text: bytes, mark: bytes, position: int) -> int:
    """A comment or a raw string without an end takes the rest of the text."""
    found = text.find(mark, position)
    return found + len(mark) if found >= 0 else len(text)


def _begins_line(text: bytes, comment: int, start: int, before: set[bytes]) -> bool:
    """Whether only blanks, and comments, stand between the line's beginning and ``start``."""
    if text[start - 1 : start] == b"#":
        return False
    line = text.rfind(b"\n", max(0, start - _LONGEST_INDENT), start) + 1
    if not line and start > _LONGEST_INDENT:
        line = start - _LONGEST_INDENT
    return text[max(line, comment) : start].strip() in before

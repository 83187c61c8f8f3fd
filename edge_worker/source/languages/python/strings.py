"""Where the strings and comments of a Python text are, without reading more of it than is asked for."""

from __future__ import annotations

import re
from bisect import bisect_right

from edge_worker.source.parse.doubt import Doubt
from edge_worker.source.parse.marks import Marks

_DOUBLE, _SINGLE = b'"""', b"'''"
# Everything from a point outside strings up to a comment or a quote without its end.
_CODE = re.compile(rb"""(?:[^"'#]+|"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')*+""", re.DOTALL)
_STRING = re.compile(rb""""(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'""", re.DOTALL)
_WITH_HOLES = re.compile(rb"[fFtT][rR]?\Z")
# Lines that backslashes join to one; beyond, the grammar is quicker.
_MOST_JOINED = 200
# How far ahead is looked for the next triple quote: imports stand together.
_AHEAD = 1024
# What ends a line that goes on in the next, and what may stand between.
_JOINING = b"\\\r"
_END = {
    _DOUBLE: re.compile(rb'(?:[^"\\]|\\.|"(?!""))*+"""', re.DOTALL),
    _SINGLE: re.compile(rb"(?:[^'\\]|\\.|'(?!''))*+'''", re.DOTALL),
}


def line_start(text: bytes, offset: int, first: int = 0) -> int:
    """Return where the line of an offset begins, ``first`` if before that; lines that a backslash joins are one.

    Raises:
        Doubt: too many are joined.
    """
    start = text.rfind(b"\n", first, offset) + 1
    joined = 0
    while start > max(1, first) and text.endswith((b"\\\n", b"\\\r\n"), 0, start):
        start = text.rfind(b"\n", first, start - 1) + 1
        joined += 1
        if joined > _MOST_JOINED:
            raise Doubt
    return max(start, first)


def end_of_text(text: bytes, start: int, offset: int) -> int:
    """Return where the comment or string ends that holds an offset and begins after ``start``, which lies outside both;
    the offset itself if it is code.

    Raises:
        Doubt: a string with holes may hold it.
    """
    end = _CODE.match(text, start, offset).end()  # type: ignore[union-attr]  # it matches the empty text as well
    if end == offset:
        return offset
    if text[end] == ord("#"):
        line_end = text.find(b"\n", end)
        return line_end if line_end >= 0 else len(text)
    string = _STRING.match(text, end)
    if string is None or _WITH_HOLES.search(text, start, end):
        raise Doubt
    return string.end()


class Strings:
    """The triple-quoted strings of a text, found on the way to each offset that is asked for; offsets only grow."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._at = 0
        #: No triple quote that was not passed begins before this.
        self._clear = 0
        #: Where the last string ends that was passed.
        self._end = 0
        self._marks = Marks(text, _DOUBLE, _SINGLE)

    def hold(self, offset: int) -> bool:
        """Return whether an offset lies in a triple-quoted string.

        Raises:
            Doubt: it cannot be told where a string on the way begins or ends.
        """
        while offset > self._clear:
            start = self._marks.next(self._at, offset + _AHEAD)
            if start >= offset:
                self._clear = start
            else:
                self._pass(start)
        return self._end > offset

    def outside(self, start: int) -> int:
        """Return the first offset from ``start`` on that no string holds of those that were passed."""
        return max(start, self._end)

    def begin_of(self, offset: int) -> int | None:
        """Return where the string begins that holds an offset which was passed already, or None if there is none."""
        index = bisect_right(self._starts, offset) - 1
        return self._starts[index] if index >= 0 and offset < self._ends[index] else None

    def _pass(self, start: int) -> None:
        """Go behind one triple quote: a string's beginning, or a part of a comment or of another string."""
        text = self._text
        begin = text.rfind(b"\n", self._at, start) + 1
        if begin and (begin == start or text[begin:start].isspace()) and text[begin - 2] not in _JOINING:
            # As nearly all of them do, it begins its line.
            self._string(start)
            return
        begin = line_start(text, start, self._at)
        code = _CODE.match(text, begin, start).end()  # type: ignore[union-attr]  # it matches the empty text as well
        if code < start:
            self._at = self._behind(code)
        else:
            self._string(start)

    def _string(self, start: int) -> None:
        text = self._text
        end = self._closing(start + len(_DOUBLE), text[start : start + len(_DOUBLE)])
        self._starts.append(start)
        self._ends.append(end)
        self._at = self._end = end

    def _behind(self, offset: int) -> int:
        if self._text[offset] == ord("#"):
            end = self._text.find(b"\n", offset)
            return end if end >= 0 else len(self._text)
        string = _STRING.match(self._text, offset)
        if string is None:
            raise Doubt
        return string.end()

    def _closing(self, start: int, quote: bytes) -> int:
        end = self._text.find(quote, start)
        if end >= 0 and self._text[end - 1] != ord("\\"):
            return end + len(quote)
        match = _END[quote].match(self._text, start)
        if match is None:
            raise Doubt
        return match.end()

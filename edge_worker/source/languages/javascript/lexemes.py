"""Where the comments, strings and templates of a JavaScript text are, without reading more of it than is asked for."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right

from edge_worker.source.parse.doubt import Doubt
from edge_worker.source.parse.marks import Marks

_SIMPLE = re.compile(rb"[^'\"`/]*+")
_STRINGS = rb"""'(?:[^'\\\n]|\\.)*+'|"(?:[^"\\\n]|\\.)*+\""""
_CODE = re.compile(rb"""(?:[^'"`/]++|%s)*+""" % _STRINGS, re.DOTALL)
_STRING = re.compile(_STRINGS, re.DOTALL)
_REGEX = re.compile(rb"/(?![*/])(?:[^/\\\[\n]|\\[^\n]|\[(?:[^\]\\\n]|\\[^\n])*+\])++/\w*+")
# Behind these a slash begins a regular expression; elsewhere it divides, or belongs to a tag.
_BEFORE_REGEX = re.compile(
    rb"(?:[(,=:\[!&|?{;+~%^*-]|(?<![\w$.])(?:return|typeof|case|in|of|do|else|void|delete)|\A)\Z"
)
_IN_TEMPLATE = re.compile(rb"\\.|`|\$\{", re.DOTALL)
# A comment or a string without its end takes the rest, so that it is looked for once.
_IN_HOLE = re.compile(
    rb"""`|[{}]|//[^\n]*+|/\*.*?(?:\*/|(?P<comment>\Z))"""
    rb"""|(?:'(?:[^'\\\n]|\\.)*+(?:'|(?P<single>))|"(?:[^"\\\n]|\\.)*+(?:"|(?P<double>)))""",
    re.DOTALL,
)
_DEEPEST = 50
_LONGEST_WORD = 8
_MOST_BLANKS = 200
# Bytes of lines looked at before and behind the words of one file; beyond, the grammar is quicker.
_MOST_BYTES = 20_000_000


class Lexemes:
    """The comments and templates that may hold several lines, found on the way to each offset; offsets only grow."""

    def __init__(self, text: bytes, start: int) -> None:
        """Take a text, and where neither a comment nor a template can be open yet."""
        self._text = text
        self._starts: list[int] = []
        self._ends: list[int] = []
        #: The outermost holes of the last template.
        self._holes: list[tuple[int, int]] = []
        self._at = start
        self._bytes_left = _MOST_BYTES
        self._marks = Marks(text, b"`", b"/*")

    def line_of(self, at: int) -> int:
        """Return where the line of an offset begins.

        Raises:
            Doubt: lines that are as long and asked for as often are read more quickly by the grammar.
        """
        line = self._text.rfind(b"\n", 0, at) + 1
        self._charge(at - line)
        return line

    def look_behind(self, at: int) -> None:
        """Count the rest of a line as looked at.

        Raises:
            Doubt: as ``line_of``.
        """
        end = self._text.find(b"\n", at)
        self._charge((end if end >= 0 else len(self._text)) - at)

    def _charge(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise Doubt

    def hold(self, offset: int) -> bool:
        """Return whether an offset lies in a comment of several lines or in the text of a template.

        Raises:
            Doubt: it cannot be told where one on the way begins or ends, or code in a template holds the offset.
        """
        while (start := self._marks.next(self._at, offset)) < offset:
            self._pass(start)
        held = bool(self._ends) and self._ends[-1] > offset
        if held:
            index = bisect_left(self._holes, (offset, 0)) - 1
            if index >= 0 and offset < self._holes[index][1]:
                raise Doubt
        return held

    def is_code(self, line: int, offset: int) -> bool:
        """Return False if a comment or a string holds the offset that begins after ``line``, where its line does.

        Raises:
            Doubt: it cannot be told.
        """
        if line > 1 and self._text.startswith(b"\\", line - 2):
            raise Doubt
        return self.hold(offset) is False and self._reach(self._outside(line), offset) == offset

    def begin_of(self, offset: int) -> int | None:
        """Return where the comment or template begins that holds an offset which was passed, None if there is none."""
        index = bisect_right(self._starts, offset) - 1
        return self._starts[index] if index >= 0 and offset < self._ends[index] else None

    def _outside(self, start: int) -> int:
        return max(start, self._ends[-1]) if self._ends else start

    def _pass(self, start: int) -> None:
        """Go behind what looks like an opening: of a comment, of a template, or a part of something else."""
        text = self._text
        begin = max(text.rfind(b"\n", self._at, start) + 1, self._at)
        reached = self._reach(begin, start)
        if reached > start:
            self._at = reached
            return
        end = self._template(start) if text.startswith(b"`", start) else text.find(b"*/", start + 2) + 2
        if end < start + 2:
            raise Doubt
        self._starts.append(start)
        self._ends.append(end)
        self._at = end

    def _reach(self, begin: int, target: int) -> int:
        """Return ``target`` if code reaches up to it, else where the string, expression or comment ends around it."""
        text = self._text
        at = _SIMPLE.match(text, begin, target).end()  # type: ignore[union-attr]  # it matches the empty text as well
        while at < target:
            at = _CODE.match(text, at, target).end()  # type: ignore[union-attr]  # as above
            if at < target:
                at = self._over(begin, at)
        return at

    def _over(self, begin: int, at: int) -> int:
        """Return where that ends which begins with a quote or a slash."""
        text = self._text
        if text.startswith(b"//", at):
            end = text.find(b"\n", at)
            return end if end >= 0 else len(text)
        if text.startswith(b"/", at):
            if text.startswith(b"/*", at) or not self._begins_expression(begin, at):
                return at + 1
            expression = _REGEX.match(text, at)
            if expression is None:
                raise Doubt
            return expression.end()
        string = _STRING.match(text, at)
        if string is None:
            raise Doubt
        return string.end()

    def _begins_expression(self, begin: int, at: int) -> bool:
        nearest = max(begin, at - _MOST_BLANKS)
        before = self._text[nearest:at].rstrip()[-_LONGEST_WORD:]
        if not before and nearest > begin:
            raise Doubt
        return _BEFORE_REGEX.search(before) is not None

    def _template(self, start: int) -> int:
        """Return where a template ends, over those in its holes."""
        text, at = self._text, start + 1
        open_marks = [b"`"]
        self._holes.clear()
        hole = start
        while len(open_marks) < _DEEPEST:
            pattern = _IN_TEMPLATE if open_marks[-1] == b"`" else _IN_HOLE
            found = pattern.search(text, at)
            if found is None or found.lastgroup is not None:
                raise Doubt
            at, mark = found.end(), found[0]
            if mark == b"}" or (mark == b"`" and open_marks[-1] == b"`"):
                open_marks.pop()
                if not open_marks:
                    return at
                if len(open_marks) == 1:
                    self._holes.append((hole, at))
            elif mark in {b"`", b"{", b"${"}:
                hole = found.start() if len(open_marks) == 1 else hole
                open_marks.append(mark)
        raise Doubt

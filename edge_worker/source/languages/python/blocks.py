"""What the blocks around a Python line say about an import in it, told by indentation."""

from __future__ import annotations

import re

from edge_worker.source.languages.python.strings import Strings
from edge_worker.source.parse.doubt import Doubt
from edge_worker.source.parse.statement import CONDITIONAL, NESTED, RUNTIME, TYPE_ONLY

_LINE = re.compile(rb"([ \t]*)([^\s#]?)")
_HEADER = re.compile(
    rb"[ \t]*(?:async[ \t]+)?(def|class|if|elif|else|try|except|finally|with|for|while|match|case)\b([^\r\n]*)"
)
_CHECKING = re.compile(rb"[ \t]+(?:\w+\.)*TYPE_CHECKING[ \t]*:")
# Words that are names as well.
_SOFT = frozenset((b"match", b"case"))
_CLOSING = frozenset((b")", b"]", b"}"))
_MARKS = {
    b"def": NESTED,
    b"try": CONDITIONAL,
    b"except": CONDITIONAL,
    b"finally": CONDITIONAL,
    b"for": CONDITIONAL,
    b"while": CONDITIONAL,
    b"match": CONDITIONAL,
}
# Lines looked at in one file; beyond, the grammar is quicker.
_MOST_LINES = 20_000
# Bytes of them looked at together.
_NEAR = 600
_NO_BLOCK: tuple[str, tuple[str, ...]] = (RUNTIME, ())


class Blocks:
    """The kinds that an import gets from its place: its base, and marks from the outermost block inwards."""

    def __init__(self, text: bytes, strings: Strings) -> None:
        self._text = text
        self._strings = strings
        #: By where a header's line begins: where its own block's header does, and what an import in its block gets.
        self._parents: dict[int, int | None] = {}
        self._known: dict[int, tuple[str, tuple[str, ...]]] = {}
        self._left = _MOST_LINES
        #: Whether it has signs that count as an indentation's beginning, so that every line must be looked at.
        self._is_odd = b"\f" in text or b"\v" in text

    def around(self, line: int) -> tuple[str, ...]:
        """Return the kinds of an import that begins the line at an offset.

        Raises:
            Doubt: the lines above do not tell.
        """
        base, marks = self._inside(self._parent(line))
        return (base, *marks)

    def behind(self, line: int) -> tuple[str, ...]:
        """Return the kinds of an import that stands behind something else on its line: a block's header, or not."""
        if _HEADER.match(self._text, line) is None:
            return self.around(line)
        base, marks = self._inside(line)
        return (base, *marks)

    def _inside(self, header: int | None) -> tuple[str, tuple[str, ...]]:
        """What an import gets in the block of a header, the blocks around it included."""
        unknown = []
        while header is not None and header not in self._known:
            unknown.append(header)
            header = self._parent(header)
        block = _NO_BLOCK if header is None else self._known[header]
        for line in reversed(unknown):
            block = self._known[line] = self._read(line, *block)
        return block

    def _read(self, header: int, base: str, marks: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """What an import gets in the block of a header, by what the block around it gives."""
        word, rest = self._header(header)
        if word in {b"elif", b"else"}:
            head, condition = self._header(self._head(header))
            mark = None if head == b"if" and _CHECKING.match(condition) else CONDITIONAL
            checking = word == b"elif" and _CHECKING.match(rest) is not None
        else:
            checking = word == b"if" and _CHECKING.match(rest) is not None
            mark = CONDITIONAL if word == b"if" and not checking else _MARKS.get(word)
        if mark is not None and mark not in marks:
            marks = (*marks, mark)
        return (TYPE_ONLY if checking else base), marks

    def _header(self, line: int) -> tuple[bytes, bytes]:
        match = _HEADER.match(self._text, line)
        if match is None:
            raise Doubt
        code = match[2].partition(b"#")[0].rstrip()
        if not code.endswith(b":") and (match[1] in _SOFT or (b":" not in code and _opened(code) <= 0)):
            raise Doubt
        return match[1], match[2]

    def _parent(self, line: int) -> int | None:
        """Return where the header's line begins of the block that holds a line."""
        if line not in self._parents:
            self._parents[line] = self._above(line)
        return self._parents[line]

    def _above(self, line: int) -> int | None:
        indent = self._indent(line)
        if not indent:
            return None
        at = line
        while at > 0:
            below = at if self._is_odd else self._skipped(at, indent)
            if not below:
                break
            at = self._line_above(below)
            size, first = self._look(at, indent)
            if first and size == len(indent) and at in self._parents:
                return self._parents[at]
            if first and size < len(indent):
                return self._opening(at, size) if first in _CLOSING else at
        raise Doubt

    def _skipped(self, line: int, indent: bytes) -> int:
        """Go up from a line as long as the lines above are empty or indented as much, and none whose block is known.

        Those in strings that are indented as much are none that is looked for either.
        """
        base = max(0, line - _NEAR)
        # But for what is behind the last line end, and a line that begins before.
        lines = self._text[base:line].split(b"\n")[base > 0 : -1]
        for above in reversed(lines):
            start = line - len(above) - 1
            if above and (not above.startswith(indent) or start in self._parents):
                break
            line = start
        self._left -= len(lines)
        return line

    def _opening(self, line: int, size: int) -> int:
        """From the line that closes a header of several lines to its first."""
        end = self._text.find(b"\n", line)
        if not self._text[line : max(end, line)].partition(b"#")[0].rstrip().endswith(b":"):
            raise Doubt
        indent = self._text[line : line + size]
        at = line
        while at > 0:
            at = self._line_above(at)
            found, first = self._look(at, indent)
            if first and found == size and first not in _CLOSING:
                return at
            if first and found < size:
                break
        raise Doubt

    def _head(self, line: int) -> int:
        """From an ``elif`` or ``else`` to the statement that it is a part of."""
        indent = self._indent(line)
        at = line
        while at > 0:
            at = self._line_above(at)
            size, first = self._look(at, indent)
            if not first or size > len(indent) or (size == len(indent) and first in _CLOSING):
                continue
            if size < len(indent):
                break
            word, _ = self._header(at)
            if word in {b"if", b"for", b"while", b"try"}:
                return at
            if word not in {b"elif", b"except", b"else"}:
                break
        raise Doubt

    def _line_above(self, line: int) -> int:
        self._left -= 1
        if self._left < 0:
            raise Doubt
        start = self._text.rfind(b"\n", 0, line - 1) + 1
        string = self._strings.begin_of(start)
        while string is not None and string < start:
            start = self._text.rfind(b"\n", 0, string) + 1
            string = self._strings.begin_of(start)
        return start

    def _indent(self, line: int) -> bytes:
        indent = _LINE.match(self._text, line)[1]  # type: ignore[index]  # it matches the empty text as well
        if indent.strip(indent[:1]):
            raise Doubt
        return bytes(indent)

    def _look(self, line: int, indent: bytes) -> tuple[int, bytes]:
        """Return a line's indentation and its first byte, which is empty for blanks and comments."""
        match = _LINE.match(self._text, line)
        assert match is not None
        own, first = match[1], match[2]
        if first and own and own[:1] != indent[:1] and indent:
            raise Doubt
        if not first and self._text[match.end() : match.end() + 1] in {b"\f", b"\v"}:
            raise Doubt
        return len(own), first


def _opened(code: bytes) -> int:
    return sum(code.count(mark) for mark in (b"(", b"[", b"{")) - sum(code.count(mark) for mark in _CLOSING)

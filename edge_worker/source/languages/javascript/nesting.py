"""What the functions and conditions around a JavaScript call say about it, told by indentation and brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_worker.source.languages.javascript.fragment import Opened, open_marks
from edge_worker.source.languages.javascript.lexemes import Lexemes
from edge_worker.source.parse.doubt import Doubt

_LINE = re.compile(rb"([ \t]*)([^\r\n]?)")
_CLOSERS = (b")", b"]", b"}")
_CONTINUES = re.compile(rb"[)\]}\s]*(?:else|catch|finally)\b")
_LEADING = re.compile(rb"[)\]},\s]*")
_LEADING_END = re.compile(rb"(?:(\))|\belse|=>|\?)\s*+(?://[^\n]*)?\Z")
_LEADING_HEAD = re.compile(rb"\b(?:if|for|while|with)\b")
_STATEMENT_ENDS = (b";", b"{", b"}")
# Lines looked at in one file, and bytes of them that are read word by word; beyond, the grammar is quicker.
_MOST_LINES = 20_000
_MOST_BYTES = 400_000
_MOST_PARTS = 6
_BEFORE_OBJECT = (b"[", b"(", b",")


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What a call gets from where it stands; ``marks`` from the outermost construct inwards."""

    marks: tuple[str, ...] = ()
    braces: int = 0
    parens: int = 0
    #: The nearest bracket around it is a parenthesis, which may hold arguments or parameters.
    in_parentheses: bool = False
    #: It is a part of a type.
    is_type: bool = False
    #: It is what a function gives back.
    returns: bool = False

    def below(self, opened: Opened) -> Place:
        """Return the place inside of what a line leaves open."""
        return Place(
            marks=tuple(dict.fromkeys((*self.marks, *opened.marks))),
            braces=self.braces + opened.braces,
            parens=self.parens + opened.parens,
            in_parentheses=opened.innermost == b"(" if opened.innermost else self.in_parentheses,
            is_type=self.is_type or opened.is_type,
            returns=opened.returns,
        )


_TOP = Place()


class Nesting:
    """The marks of a call from the outermost construct inwards. Brackets must agree with what the indentation says."""

    def __init__(self, text: bytes, lexemes: Lexemes, start: int) -> None:
        """Take a text, its lexemes, and where no bracket is open yet."""
        self._text = text
        self._lexemes = lexemes
        self._left = _MOST_LINES
        self._bytes_left = _MOST_BYTES
        self._counted = start
        self._depths = [0, 0]
        #: By where a line begins: the line of the construct that holds it, and what a line below that gets.
        self._above: dict[int, int | None] = {}
        self._known: dict[int, Place] = {}

    def place(self, line: int, at: int) -> Place:
        """Return the place of a call at an offset of the line that begins at ``line``.

        Raises:
            Doubt: indentation and brackets do not tell.
        """
        around = self._inside(self._holder(line))
        if self._is_led(line):
            raise Doubt
        place = around.below(self._opened(line, self._text[line:at]))
        if self._depth(at) != [place.braces, place.parens]:
            raise Doubt
        return place

    def around(self, at: int) -> tuple[str, ...]:
        """Return the marks of a statement that stands at an offset behind blanks."""
        if self._depth(at) == [0, 0]:
            return ()
        return self.place(self._text.rfind(b"\n", 0, at) + 1, at).marks

    def _inside(self, header: int | None) -> Place:
        unknown = []
        while header is not None and header not in self._known:
            unknown.append(header)
            header = self._holder(header)
        place = _TOP if header is None else self._known[header]
        for line in reversed(unknown):
            place = self._known[line] = place.below(self._opened(line, self._content(line)))
        return place

    def _opened(self, line: int, content: bytes) -> Opened:
        return open_marks(self._charged(self._whole(line, content)))

    def _charged(self, piece: bytes) -> bytes:
        self._bytes_left -= len(piece)
        if self._bytes_left < 0:
            raise Doubt
        return piece

    def _whole(self, line: int, content: bytes) -> bytes:
        """Join a line that closes something with the line that opened it: ``}) => {`` alone says too little."""
        parts = [content.strip()]
        if parts[0] == b"{" and self._content(self._above_blanks(line)).rstrip().endswith(_BEFORE_OBJECT):
            # One of several objects, which are listed between brackets.
            return b",{"
        while parts[0].startswith(_CLOSERS):
            if _CONTINUES.match(parts[0]):
                parts[0] = _LEADING.sub(b"", parts[0], count=1)
                break
            line = self._opening(line)
            parts.insert(0, self._content(line).strip())
            if len(parts) > _MOST_PARTS:
                raise Doubt
        return b" ".join(parts)

    def _is_led(self, line: int) -> bool:
        """Return whether the line above, of the same indentation, may make this one a part of its own."""
        above = self._above_blanks(line)
        return (
            above < line
            and len(self._indent(above)) == len(self._indent(line))
            and _leads(self._charged(self._content(above)))
        )

    def _above_blanks(self, line: int) -> int:
        while line > 0:
            line = self._line_above(line)
            if self._look(line, b"")[1]:
                break
        return line

    def _content(self, line: int) -> bytes:
        end = self._text.find(b"\n", line)
        return self._text[line : end if end >= 0 else len(self._text)]

    def _holder(self, line: int) -> int | None:
        if line not in self._above:
            self._above[line] = self._search(line)
        return self._above[line]

    def _search(self, line: int) -> int | None:
        indent = self._indent(line)
        at = line
        while indent and at > 0:
            at = self._line_above(at)
            size, first = self._look(at, indent)
            if first and size == len(indent) and at in self._above:
                return self._above[at]
            if first and size < len(indent):
                return at
        return None

    def _opening(self, line: int) -> int:
        """Return the line above, of the same indentation, that what a line closes was opened on."""
        indent = self._indent(line)
        at = line
        while at > 0:
            at = self._line_above(at)
            size, first = self._look(at, indent)
            if first and size == len(indent):
                return at
            if first and size < len(indent):
                break
        raise Doubt

    def _line_above(self, line: int) -> int:
        self._left -= 1
        if self._left < 0:
            raise Doubt
        start = self._text.rfind(b"\n", 0, line - 1) + 1
        holder = self._lexemes.begin_of(start)
        while holder is not None and holder < start:
            start = self._text.rfind(b"\n", 0, holder) + 1
            holder = self._lexemes.begin_of(start)
        return start

    def _indent(self, line: int) -> bytes:
        indent = _LINE.match(self._text, line)[1]  # type: ignore[index]  # it matches the empty text as well
        if indent.strip(indent[:1]):
            raise Doubt
        return bytes(indent)

    def _look(self, line: int, indent: bytes) -> tuple[int, bytes]:
        """Return a line's indentation and its first byte, empty for blanks and comments."""
        match = _LINE.match(self._text, line)
        assert match is not None
        own, first = match[1], match[2]
        if not first.strip() or self._text.startswith((b"//", b"/*"), match.end() - 1):
            return len(own), b""
        if own and indent and own[:1] != indent[:1]:
            raise Doubt
        return len(own), first

    def _depth(self, at: int) -> list[int]:
        """Return how many braces and parentheses are open at an offset; offsets only grow."""
        for index, (opening, closing) in enumerate(((b"{", b"}"), (b"(", b")"))):
            self._depths[index] += self._text.count(opening, self._counted, at)
            self._depths[index] -= self._text.count(closing, self._counted, at)
        self._counted = at
        return self._depths


def _leads(content: bytes) -> bool:
    """Return whether a line ends in what the next one is a part of."""
    end = _LEADING_END.search(content)
    if end is None or end[1] is None:
        return end is not None
    before = content[: end.start()]
    last = max(before.rfind(mark) for mark in _STATEMENT_ENDS)
    return not before.strip() or _LEADING_HEAD.search(before, last + 1) is not None

"""Which constructs a piece of a JavaScript line leaves open: functions, conditions, brackets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge_worker.source.parse.doubt import Doubt
from edge_worker.source.parse.statement import CONDITIONAL, NESTED

_TOKEN = re.compile(
    rb"""'(?:[^'\\\n]|\\.)*+(?:'|(?P<single>))|"(?:[^"\\\n]|\\.)*+(?:"|(?P<double>))|//[^\n]*|/\*.*?\*/|=>|\?\.(?!\d)|\?\?=?|\?\s*[:),]"""
    rb"""|&&|\|\||[{}()\[\]?:;,=`/<|&]|[A-Za-z_$][\w$]*"""
)
_IF = {b"if", b"else", b"try", b"catch", b"finally", b"switch"}
_HEADS = {b"if", b"switch", b"for", b"while", b"with", b"catch"}
_BODIES = {b"class", b"enum", b"namespace", b"module", b"global"}
_TYPES = {b"interface", b"type"}
# Behind these a brace opens an object, or a block that is neither a function nor a condition.
_NEUTRAL = {
    b"(", b"[", b"<", b",", b"=", b"?", b"??", b"||", b"&&", b"{", b";", b"=>", b"&", b"|",
    b"return", b"default", b"do", b"else", b"try", b"finally", b"catch", b"in", b"of", b"await", b"yield",
    b"case", b"throw", b"export", b"import", b"static", b"as", b"typeof", b"readonly", b"const", b"let", b"var",
}  # fmt: skip
_OPENING = {b"(", b"[", b"{"}
_BEFORE_BODY = {b"=>", b"else", b"try", b"finally", b"catch", b"do"}
_PAIRS = {b")": b"(", b"]": b"[", b"}": b"{"}
_WORD = re.compile(rb"[A-Za-z_$]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """``marks`` from the outside inwards, and how many brackets of a kind are open."""

    marks: tuple[str, ...]
    braces: int
    parens: int
    #: The last bracket that is open, empty without one.
    innermost: bytes
    #: It declares a type, so that whatever stands in it belongs to one.
    is_type: bool
    #: It ends in what a function gives back.
    returns: bool


def open_marks(piece: bytes) -> Opened:
    """Return what a piece of code leaves open at its end.

    Raises:
        Doubt: it cannot be told without what stands around the piece, or is rare.
    """
    reading = _Reading()
    for match in _TOKEN.finditer(piece):
        if match.lastgroup is not None:
            raise Doubt
        if not match[0].startswith((b"//", b"/*")):
            reading.take(match[0])
    return reading.opened()


@dataclass(frozen=True, slots=True)
class _Open:
    symbol: bytes
    mark: str | None = None
    #: It is the body of what stands before it, which ends with it.
    is_body: bool = False
    #: What was expected when it began, which is expected again behind it.
    returns: bool = False


class _Reading:
    """A stack of brackets, and of what has no bracket of its own until its statement ends."""

    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._heads: list[bytes] = []
        self._last = self._closed = b""
        self._bodies = self._returns = self._types = False

    def opened(self) -> Opened:
        symbols = [one.symbol for one in self._stack]
        return Opened(
            marks=tuple(one.mark for one in self._stack if one.mark is not None),
            braces=symbols.count(b"{"),
            parens=symbols.count(b"("),
            innermost=next((symbol for symbol in reversed(symbols) if symbol in _OPENING), b""),
            is_type=self._types,
            returns=self._returns,
        )

    def take(self, token: bytes) -> None:
        if token in {b"`", b"/"}:
            raise Doubt
        if token in _TYPES and self._last in {b"", b"export", b"declare"}:
            self._types = self._bodies = True
        if token in _PAIRS:
            self._close(token)
        elif token == b"{":
            self._stack.append(self._brace())
            self._returns = False
        elif token in {b"(", b"["}:
            self._heads.append(self._last)
            self._stack.append(_Open(token))
        elif token in {b",", b";"}:
            self._end_statement()
        elif token in {b"=>", b"function"}:
            self._stack.append(_Open(token, NESTED))
        elif token == b"?" or token in _IF:
            self._stack.append(_Open(token, CONDITIONAL))
        elif token == b":":
            self._colon()
        elif token in _BODIES:
            self._bodies = True
        self._last = b"'" if token[:1] in b"'\"" else token

    def _colon(self) -> None:
        if not self._last:
            raise Doubt
        self._returns = self._last == b")"

    def _close(self, token: bytes) -> None:
        self._end_statement()
        if not self._stack or self._stack[-1].symbol != _PAIRS[token]:
            raise Doubt
        closed = self._stack.pop()
        if token == b"}":
            self._returns, self._bodies = closed.returns, False
            if closed.is_body:
                self._end_statement()
        else:
            self._closed = self._heads.pop()

    def _end_statement(self) -> None:
        while self._stack and self._stack[-1].symbol not in _OPENING:
            self._stack.pop()

    def _brace(self) -> _Open:
        """Return what a brace opens: the body of a method is the only one that nothing before it has marked."""
        last = self._last
        is_function = bool(self._stack) and self._stack[-1].symbol == b"function"
        if last == b")":
            if self._closed in _HEADS or is_function:
                return _Open(b"{", is_body=True)
            if not self._closed:
                raise Doubt
            return _Open(b"{", NESTED, is_body=True)
        if last in _NEUTRAL or (self._bodies and (last == b"'" or _WORD.match(last))):
            return _Open(b"{", is_body=last in _BEFORE_BODY, returns=self._returns)
        if last == b":" and not self._returns:
            return _Open(b"{")
        if self._returns and (last in {b"]", b"}"} or _WORD.match(last)):
            return _Open(b"{", None if is_function else NESTED, is_body=True)
        raise Doubt

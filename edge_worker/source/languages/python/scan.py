"""The imports of a Python file by its lines alone: what the grammar would give, or nothing without certainty."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from keyword import iskeyword, kwlist

from edge_worker.source.languages.python.blocks import Blocks
from edge_worker.source.languages.python.strings import Strings, end_of_text, line_start
from edge_worker.source.parse.doubt import Doubt
from edge_worker.source.parse.statement import DYNAMIC, RUNTIME, ImportStatement, Parsed

# The literal prefix makes this search run at memory speed.
_HIT = re.compile(rb"import(?:[ \t(*\\]|(_module\b|__|orskip\b))")
_PARTS = {b"b": rb"(?:[ \t]|\\\r?\n)", b"w": rb"[\w\x80-\xff]"}
_STATEMENT = re.compile(
    rb"[ \t]*(?:from(?=[ \t.\\])%(b)s*+(\.*)%(b)s*+((?:%(w)s+(?:\.%(w)s+)*)?)%(b)s*(?<=[ \t.\n])import(?!%(w)s)"
    rb"|import(?=[ \t\\])())"
    rb"%(b)s*+(?:\(((?:%(w)s|[\s,*]|#[^\n]*+)*+)\)|((?=[^\s])(?:%(w)s|[.,* \t]|\\\r?\n)++))"
    rb"[ \t]*+(?=[#;\r\n]|\Z)" % _PARTS
)
# The most of them, which the pattern above would find as well; the parts are the same.
_SIMPLE = re.compile(
    rb"(?:from (\.*)((?:\w+(?:\.\w+)*)?)(?<=[^ ]) import|import()) (?:(?!)()|((?=[^ ])[\w.,* ]++))(?=\n)"
)
# Names alone, in ASCII, with commas between them.
_NAMES = re.compile(rb"\s*[A-Za-z_]\w*+(?:\s*+,\s*+[A-Za-z_]\w*+)*+\s*+(,?)\s*")
_MODULE = re.compile(rb"[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)*+")
# What an import function is called with: a literal that names a module; a text that is none or is the beginning of a
# longer expression; what the grammar must read.
_CALL = re.compile(
    rb"""[ \t]*\(\s*(?:[rRuU]?(?P<quote>'''|\"""|'|")(?P<dots>\.*)(?P<module>\w+(?:\.\w+)*)(?P=quote)\s*[,)]"""
    rb"""|[rRuU]?(?:"[^"\\\n]+"|'[^'\\\n]+')\s*(?=[^\s"'#\\])|(?P<unclear>[rRuU]?["'#\\]))"""
)
_BEHIND = re.compile(rb"[ \t]*(?:from[ \t.][\w. \t]*)?\Z")
_WORD = re.compile(rb"\w")
_DOTTED = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."
# Bytes of lines looked at before the words of one file; beyond, the grammar is quicker.
_MOST_BYTES = 5_000_000
_FROM = re.compile(rb"\s*(?:from(?:[ \t.\\][\w\x80-\xff. \t\r\n\\]*)?)?\Z")
# The same behind a line that ends in a backslash, which joins nothing if a comment or nothing else stands in it.
_JOINED = re.compile(rb"\n[ \t\r\n\\]*(?:from(?:[ \t.\\][\w\x80-\xff. \t\r\n\\]*)?)?\Z")
_COMMENT = re.compile(rb"#[^\n]*|\\\r?\n")
_COOKIE = re.compile(rb"coding[:=][ \t]*([-\w.]+)")
_LETTERS = re.compile(r"[\w\s.,*]*")
_PLAIN = (RUNTIME,)
_KEYWORDS = frozenset(word.encode() for word in kwlist)
# What ends a line that goes on in the next, and what may stand between.
_JOINING = b"\\\r"
# The same names are asked for again and again.
_CLAUSES = 4096
_UTF8 = frozenset((b"utf-8", b"utf8", b"ascii", b"us-ascii", b"utf_8"))
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
# Blanks to the grammar, of which a file has more than one mark if it was put together from several.
# As patterns, which find a rare beginning sooner than a plain search does.
_BLANKS = (re.compile(codecs.BOM_UTF8), re.compile(rb"\xe2(?:\x81\xa0|\x80\x8b)"))
# What makes a name of what stands behind it, or of which the grammar makes a part of that.
_NAMED = re.compile(rb"(?:\b(?:def|class)(?:[ \t]|\\\r?\n)|\*)(?:[ \t]|\\\r?\n)*+\Z")


_NOTHING = Parsed(imports=(), status="parsed")


def scan(source: bytes) -> Parsed | None:
    """Return what the grammar would find in a file, None where only the grammar can be certain.

    Errors of syntax that concern no import go unnoticed.
    """
    text = source.removeprefix(codecs.BOM_UTF8)
    if not _is_plain(text):
        return None
    if not _HIT.search(text):
        return _NOTHING
    try:
        return Parsed(imports=_Scan(text).statements(), status="parsed")
    except Doubt:
        return None


def _is_plain(text: bytes) -> bool:
    """UTF-8, and lines that end as the grammar counts them."""
    if text.startswith(_MARKS) or b"\0" in text:
        return False
    if not text.isascii() and any(blank.search(text) for blank in _BLANKS):
        return False
    if b"\r" in text and text.count(b"\r") != text.count(b"\r\n"):
        return False
    if b"coding" not in text[:1000]:
        return True
    head = b"\n".join(text[:1000].split(b"\n", 2)[:2])
    return all(name.lower() in _UTF8 for name in _COOKIE.findall(head))


class _Scan:
    """One pass over the places where ``import`` stands."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._strings = Strings(text)
        self._blocks = Blocks(text, self._strings)
        self._found: list[ImportStatement] = []
        self._line = 1
        self._counted = 0
        #: Where the last statement or call ended.
        self._end = 0
        #: The last line that was tried as a statement, and the statement if it is one.
        self._tried = -1
        self._match: re.Match[bytes] | None = None
        self._bytes_left = _MOST_BYTES

    def statements(self) -> tuple[ImportStatement, ...]:
        """Return them in the order of the text.

        Raises:
            Doubt: one of the places may or may not hold an import.
        """
        text = self._text
        for hit in _HIT.finditer(text):
            at = hit.start()
            if at < self._end:
                continue
            if hit.lastindex:
                self._call(at, hit.end())
                continue
            start = self._line_of(at)
            match = self._match if start == self._tried else self._statement(start)
            if match is None or match.end() <= at:
                self._behind(start, at)
            elif not self._strings.hold(start):
                kinds = _PLAIN if text[start] not in b" \t" else self._blocks.around(start)
                self._keep(match, start, kinds)
        return tuple(self._found)

    def _line_of(self, at: int) -> int:
        start = self._text.rfind(b"\n", 0, at) + 1
        if start > 1 and self._text[start - 2] in _JOINING:
            start = line_start(self._text, at)
        self._bytes_left -= at - start
        if self._bytes_left < 0:
            raise Doubt
        return start

    def _is_code(self, start: int, at: int) -> bool:
        end = end_of_text(self._text, start, at)
        # What else stands in that comment or string is text as well.
        self._end = max(self._end, end) if end > at else self._end
        return end == at

    def _statement(self, start: int) -> re.Match[bytes] | None:
        text = self._text
        self._tried, self._match = start, _SIMPLE.match(text, start) or _STATEMENT.match(text, start)
        return self._match

    def _behind(self, start: int, at: int) -> None:
        """Read a statement that does not begin its line, or pass by what only looks like one."""
        before = self._text[start:at]
        mark = max(before.rfind(b";"), before.rfind(b":"))
        place = start + mark + 1 if mark >= 0 and _BEHIND.match(before, mark + 1) else None
        is_joined = b"\n" in before and _JOINED.search(before) is not None
        if place is None and not is_joined and not _FROM.match(before):
            return
        if self._strings.hold(at):
            return
        if is_joined:
            raise Doubt
        start = self._strings.outside(start)
        if not self._is_code(start, at):
            return
        match = _STATEMENT.match(self._text, place) if place is not None else None
        if match is None or match.end() <= at:
            raise Doubt
        self._keep(match, start, self._blocks.behind(start))

    def _keep(self, match: re.Match[bytes], start: int, kinds: tuple[str, ...]) -> None:
        self._end = match.end()
        dots, module, plain, several, few = match.groups()
        line = self._number(start)
        if plain is not None:
            if several is not None:
                raise Doubt
            self._found += [ImportStatement(name, line, (), 0, kinds) for name in _modules(few)]
        elif not dots and not module:
            raise Doubt
        else:
            names = _names(few, False) if several is None else _names(several, True)
            self._found.append(ImportStatement(_origin(module), line, names, len(dots), kinds))

    def _call(self, at: int, end: int) -> None:
        """Read a call of an import function whose first argument is a plain literal."""
        text = self._text
        name = at - 2 if text.startswith(b"__", at - 2) else at
        call = _CALL.match(text, end)
        if call is None or call.lastgroup is None or _WORD.match(text, name - 1, name):
            return
        start = self._line_of(name)
        if self._strings.hold(name) or not self._is_code(start := self._strings.outside(start), name):
            return
        function = start + len(text[start:name].rstrip(_DOTTED))
        if call["module"] is None or text.startswith(b".", function, name) or _NAMED.search(text, start, function):
            raise Doubt
        self._end = call.end()
        self._found.append(
            ImportStatement(
                module=call["module"].decode(),
                level=len(call["dots"]),
                kinds=(DYNAMIC,),
                line=self._number(function),
            )
        )

    def _number(self, offset: int) -> int:
        self._line += self._text.count(b"\n", self._counted, offset)
        self._counted = offset
        return self._line


@lru_cache(_CLAUSES)
def _origin(module: bytes) -> str:
    """Return the module behind a ``from``, empty where dots alone stand there."""
    if _MODULE.fullmatch(module) and _KEYWORDS.isdisjoint(module.split(b".")):
        return module.decode()
    return _dotted(_decoded(module)) if module else ""


def _decoded(text: bytes) -> str:
    if not text.isascii() and not _LETTERS.fullmatch(text.decode("utf-8", errors="replace")):
        raise Doubt
    return text.decode()


@lru_cache(_CLAUSES)
def _modules(clause: bytes) -> tuple[str, ...]:
    """Return the modules behind a plain ``import``."""
    return tuple(_dotted(module) for module in _listed(clause))


@lru_cache(_CLAUSES)
def _names(clause: bytes, is_enclosed: bool) -> tuple[str, ...]:
    """Return the names behind a ``from ... import``; only those in parentheses may end with a comma."""
    plain = _NAMES.fullmatch(clause)
    if plain is not None and (is_enclosed or not plain[1]):
        words = clause.replace(b",", b" ").split()
        if _KEYWORDS.isdisjoint(words):
            return tuple(b" ".join(words).decode().split(" "))
    listed = _listed(clause, may_trail=is_enclosed)
    return listed if listed == ("*",) and not is_enclosed else tuple(_word(name) for name in listed)


def _listed(clause: bytes, *, may_trail: bool = False) -> tuple[str, ...]:
    """Return what stands between the commas of a clause, without the names that it is given."""
    if b"#" in clause or b"\\" in clause:
        clause = _COMMENT.sub(b" ", clause)
    items = [item.split() for item in _decoded(clause).split(",")]
    if may_trail and len(items) > 1 and not items[-1]:
        items.pop()
    for words in items:
        if len(words) != 1 and (len(words) != 3 or words[1] != "as"):
            raise Doubt
        if len(words) > 1:
            _word(words[2])
    return tuple(words[0] for words in items)


def _dotted(module: str) -> str:
    for word in module.split("."):
        _word(word)
    return module


def _word(name: str) -> str:
    """Return a name that may be given to something.

    Raises:
        Doubt: it may not.
    """
    if not name.isidentifier() or iskeyword(name):
        raise Doubt
    return name

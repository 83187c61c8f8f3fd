"""The imports of a JavaScript or TypeScript file by its lines alone: what the grammar would give, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge_worker.source.languages.javascript.called import is_type, kind_of_call
from edge_worker.source.languages.javascript.head import Head, decoded
from edge_worker.source.languages.javascript.hits import find_hits
from edge_worker.source.languages.javascript.lexemes import Lexemes
from edge_worker.source.languages.javascript.markup import Markup
from edge_worker.source.languages.javascript.nesting import Nesting, Place
from edge_worker.source.languages.javascript.written import NAMING, is_bundle
from edge_worker.source.parse.doubt import Doubt
from edge_worker.source.parse.later import later
from edge_worker.source.parse.statement import (
    DYNAMIC,
    MENTIONED,
    RE_EXPORT,
    RUNTIME,
    TYPE_ONLY,
    ImportStatement,
    Parsed,
)
from edge_worker.source.parse.text import plain

_BLOCKS = "edge_worker.source.languages.javascript.blocks"
_scripts, _fenced_scripts = later(_BLOCKS, "scripts"), later(_BLOCKS, "fenced_scripts")
_COMMENT = rb"//[^\n]*+\n|/\*[^*]*+\*++(?:[^/*][^*]*+\*++)*+/"
_PARTS = {
    b"gap": rb"(?:\s++|%s)" % _COMMENT,
    b"type": rb"(?:(type)(?=\s*[{*]|\s+[\w$])(?!\s+from\s*['\"]))?",
    b"names": rb"""\{(?:[\w\s,$]++|'[^'\n]*+'|"[^"\n]*+"|%s)*+\}""" % _COMMENT,
    b"specifier": rb"""(?:'([^'\\\r\n]+)'|"([^"\\\r\n]+)")""",
    b"comment": _COMMENT,
}
_IMPORT = re.compile(
    rb"import%(gap)s*+%(type)s(?:%(gap)s*+(?:[\w$]++%(gap)s*+,?%(gap)s*+)?"
    rb"(?:\*%(gap)s*+as\s%(gap)s*+[\w$]++%(gap)s++|%(names)s%(gap)s*+)?from%(gap)s*+)?%(specifier)s(?!\s*from\b)"
    % _PARTS
)
_ALIAS = re.compile(
    rb"import\s+(?:(type)\s+)?[\w$]+\s*=\s*(?:require\s*\(\s*%(specifier)s\s*\)|(?!require\b)[\w$]+)" % _PARTS
)
_EXPORT = re.compile(
    rb"export%(gap)s*+%(type)s%(gap)s*+(?:\*(?:\s*as\s+[\w$]+)?|%(names)s)%(gap)s*+from%(gap)s*+%(specifier)s" % _PARTS
)
_OWN_EXPORT = re.compile(rb"export%(gap)s*+(?:type%(gap)s*+)?%(names)s%(gap)s*+(?!from\b|/)" % _PARTS)
_REFERENCE = re.compile(rb"""[ \t]*///\s*<reference\s+path\s*=\s*(?:'([^']+)'|"([^"]+)")""")
_MODULE = re.compile(rb"module\s+%(specifier)s" % _PARTS)
# What is called: a literal, a text that is the beginning of a longer expression, something else, or unclear.
_CALL = re.compile(
    rb"""[\w.]+\s*\(%(gap)s*+(?:(?:'([^'\\\r\n]*)'|"([^"\\\r\n]*)"|`([^`\\\r\n$]*)`)\s*[,)]"""
    rb"""|(?:'[^'\\\r\n]*'|"[^"\\\r\n]*"|`[^`\\\r\n$]*`)\s*[^\s,)/]|(?P<other>[^'"`/\s]|`[^`\\\r\n$]*\$\{))""" % _PARTS
)
_NAMING = re.compile(NAMING + rb"(?=\s*\()")
_URL = re.compile(rb"new\s{1,20}URL\s*\(\s*%(specifier)s\s*,\s*\Z" % _PARTS)
# The longest text that ``import.meta.url`` is looked for behind.
_LONGEST_URL = 600
_CALLED = re.compile(rb"import[\w.]*\s*\(")
# Stands for the kind of an ``import()`` until its place is known.
_IMPORTED = "imported"
_BEFORE_STATEMENT = (b";", b"}", b"{", b"*/", b"export")
_NO_CODE = (b"//", b"*")
_UNSURE_AFTER = re.compile(rb"[^;\n]*\?(?![.?])|[^\n]*\n\s{0,200}+\?(?![.?])")
_IDENTIFIER = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$.#@-"


def scan_script(source: bytes) -> Parsed | None:
    """Return what the grammar would find in a JavaScript file, None where only the grammar can be certain."""
    return _scan(source, types=False, markup=True)


def scan_typed(source: bytes) -> Parsed | None:
    """Return what the grammar would find in a TypeScript file, None where only the grammar can be certain."""
    return _scan(source, types=True, markup=False)


def scan_typed_markup(source: bytes) -> Parsed | None:
    """Return what the grammar would find in a TypeScript file with JSX, None where only the grammar can be certain."""
    return _scan(source, types=True, markup=True)


def scan_blocks(source: bytes) -> Parsed | None:
    """Return what the grammar would find in the script blocks of a Vue or Svelte file, None where only it can tell."""
    return scan_typed(_scripts(source))


def scan_fenced(source: bytes) -> Parsed | None:
    """Return what the grammar would find in the scripts of an Astro file, None where only it can tell."""
    return scan_typed(_fenced_scripts(source))


def _scan(source: bytes, *, types: bool, markup: bool) -> Parsed | None:
    text = plain(source)
    if text is None:
        return None
    try:
        head = Head(text, types=types)
        hits = find_hits(text, head.end)
        found = _Scan(text, head, types=types, markup=markup).statements(hits) if hits else head.found
    except Doubt:
        return None
    return Parsed(imports=tuple(found), status="parsed")


class _Scan:
    """One pass over the words that an import is written with, behind the head."""

    def __init__(self, text: bytes, head: Head, *, types: bool, markup: bool) -> None:
        self._text = text
        self._types = types
        self._lexemes = Lexemes(text, head.end)
        self._markup = Markup(text, self._lexemes, head.end) if markup else None
        self._nesting = Nesting(text, self._lexemes, head.end)
        self._found = head.found
        self._line, self._counted = head.line, head.begin
        #: Where the last statement or call ended.
        self._end = head.end
        self._is_bundle: bool | None = None

    def statements(self, hits: Iterable[int]) -> list[ImportStatement]:
        """Return them in the order of the text, those of the head first; ``hits`` is where the words are.

        Raises:
            Doubt: one of the words may or may not be an import.
        """
        text = self._text
        for at in hits:
            if at >= self._end and (not at or text[at - 1] not in _IDENTIFIER or text.startswith(b"...", at - 3)):
                _READERS[text[at]](self, at)
        return self._found

    def imported(self, at: int) -> None:
        """Read an ``import`` statement, the call, or an address that is relative to the file."""
        if self._text.startswith(b"import.meta", at):
            self._addressed(at)
        elif _CALLED.match(self._text, at):
            self._call(at, _IMPORTED)
        elif self._is_statement(at):
            match = _IMPORT.match(self._text, at) or _ALIAS.match(self._text, at)
            if match is None:
                raise Doubt
            self._keep(match, at)

    def exported(self, at: int) -> None:
        """Read a re-export; an export of what the file itself has is passed by."""
        if _OWN_EXPORT.match(self._text, at) or not self._is_statement(at):
            return
        match = _EXPORT.match(self._text, at)
        if match is None:
            raise Doubt
        self._keep(match, at, RE_EXPORT)

    def required(self, at: int) -> None:
        """Read a call of ``require``, or of its ``resolve``."""
        if self._text.startswith(b"require.", at):
            self.named(at)
        elif not self._bundled():
            self._call(at, RUNTIME)

    def named(self, at: int) -> None:
        """Read a call that is given a module by its name, such as ``jest.mock``."""
        match = _NAMING.match(self._text, at)
        if match is not None and not self._bundled():
            self._call(at, MENTIONED)

    def _addressed(self, end: int) -> None:
        """Read ``new URL("./x", import.meta.url)`` from its second argument, at ``end``."""
        match = _URL.search(self._text, max(0, end - _LONGEST_URL), end)
        if match is None or match.start() < self._end:
            return
        at = match.start()
        self._leave_markup(at)
        line = self._lexemes.line_of(at)
        if not self._lexemes.is_code(line, at):
            return
        self._lexemes.look_behind(end)
        specifier = decoded(match[1] or match[2])
        if _UNSURE_AFTER.match(self._text, end + len(b"import.meta.url")):
            raise Doubt
        if specifier.startswith("."):
            self._add(specifier, (MENTIONED, *self._nesting.place(line, at).marks), at)
        self._end = end

    def referenced(self, at: int) -> None:
        """Read ``/// <reference path="...">``."""
        line = self._lexemes.line_of(at)
        if not self._text[line:at].rstrip().endswith(b"///"):
            return
        self._leave_markup(at)
        match = _REFERENCE.match(self._text, line)
        if match is None:
            raise Doubt
        if not self._lexemes.hold(line + 1):
            path = decoded(match[1] or match[2])
            self._add(path if path.startswith(".") else f"./{path}", (TYPE_ONLY,), at)

    def declared(self, at: int) -> None:
        """Read ``declare module "./x"``."""
        self._leave_markup(at)
        match = _MODULE.match(self._text, at)
        line = self._lexemes.line_of(at)
        if self._text[line:at].strip() not in {b"", b"declare"}:
            if self._lexemes.is_code(line, at):
                raise Doubt
        elif not self._lexemes.hold(at):
            if match is None or not self._types:
                raise Doubt
            self._end = match.end()
            self._add(decoded(match[1] or match[2]), (TYPE_ONLY,), at)

    def _leave_markup(self, at: int) -> None:
        """Leave what follows JSX to the grammar: where strings and comments are behind it, the text does not tell."""
        if self._markup is not None:
            self._markup.must_follow(at)

    def _bundled(self) -> bool:
        if self._is_bundle is None:
            self._is_bundle = is_bundle(self._text)
        return self._is_bundle

    def _is_statement(self, at: int) -> bool:
        """Return whether a statement may begin at an offset: neither text of some kind nor the middle of one."""
        line = self._lexemes.line_of(at)
        before = self._text[line:at].strip()
        if before and not before.endswith(_BEFORE_STATEMENT):
            return False
        self._leave_markup(at)
        if not before:
            if self._lexemes.hold(at):
                return False
            if line > 1 and self._text[line - 2] == ord("\\"):
                raise Doubt
            return True
        return not before.startswith(_NO_CODE) and self._lexemes.is_code(line, at)

    def _keep(self, match: re.Match[bytes], at: int, *marks: str) -> None:
        if match[1] is not None and not self._types:
            raise Doubt
        self._end = match.end()
        specifier = match[2] or match[3]
        if specifier is not None:
            around = self._nesting.around(at) if self._text[at - 1 : at] in {b" ", b"\t"} else ()
            self._add(decoded(specifier), (TYPE_ONLY if match[1] else RUNTIME, *around, *marks), at)

    def _call(self, at: int, base: str) -> None:
        text = self._text
        match = _CALL.match(text, at)
        if match is not None and match["other"] is not None:
            return
        self._leave_markup(at)
        line = self._lexemes.line_of(at)
        before = text[line:at]
        if before.lstrip().startswith(b"//") or not self._lexemes.is_code(line, at):
            return
        if match is None:
            raise Doubt
        literal = match[1] or match[2] or match[3]
        if not literal:
            return
        self._lexemes.look_behind(match.end())
        if base == _IMPORTED:
            kinds = self._imported_kinds(line, at, match.end())
        else:
            kinds = (base, *self._around_call(line, at, match.end()).marks)
        self._end = match.end()
        self._add(decoded(literal), kinds, at)

    def _imported_kinds(self, line: int, at: int, end: int) -> tuple[str, ...]:
        text = self._text
        if is_type(text, line, at, end - 1):
            return (TYPE_ONLY,)
        place = self._around_call(line, at, end)
        kind = kind_of_call(text, text[line:at].rstrip(), end - 1, place) if self._types else DYNAMIC
        return (kind,) if kind == TYPE_ONLY else (kind, *place.marks)

    def _around_call(self, line: int, at: int, end: int) -> Place:
        if _UNSURE_AFTER.match(self._text, end):
            raise Doubt
        return self._nesting.place(line, at)

    def _add(self, module: str, kinds: tuple[str, ...], at: int) -> None:
        self._line += self._text.count(b"\n", self._counted, at)
        self._counted = at
        self._found.append(ImportStatement(module, self._line, (), 0, kinds))


#: By the letter that the word begins with.
_READERS = {
    ord("i"): _Scan.imported,
    ord("e"): _Scan.exported,
    ord("r"): _Scan.required,
    ord("j"): _Scan.named,
    ord("v"): _Scan.named,
    ord("<"): _Scan.referenced,
    ord("m"): _Scan.declared,
}

"""What a Go file imports and declares, read from its text without comments and strings."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from edge_worker.source.languages.go import words
from edge_worker.source.languages.go.uses import Uses, assumed
from edge_worker.source.parse.statement import ImportStatement

_NAME = rb"[A-Za-z_\x80-\xff][\w\x80-\xff]*+"
_NAMES = _NAME + rb"(?:\s*,\s*" + _NAME + rb"){0,100}+"
# Each begins with a letter of its own, and looks back from there: so the search runs at the speed of memory.
_PACKAGE = re.compile(rb"package(?<![\w.\x80-\xff]package)\s+(" + _NAME + rb")")
_IMPORT = re.compile(rb"import(?<![\w.\x80-\xff]import)\b\s*(\()?")
_FUNCTION = re.compile(rb"func(?<![\w.\x80-\xff]func)\s+(" + _NAME + rb")\s*[(\[]")
_DECLARATION = re.compile(rb"\b(?:const|type|var)\b\s*(?:\(|(" + _NAMES + rb"))")
_BRACE = re.compile(rb"[{}]")
_LISTED = re.compile(rb"[({\[)}\]\n;]")
_ENTRY = re.compile(rb"[ \t\r]*(" + _NAMES + rb")")
# What a line ends with that goes on.
_GOES_ON = tuple(bytes((byte,)) for byte in b"+-*/%&|^<>=,.!:([{")
# Bytes that the names of one file's imports take together, and each besides its letters, where several imports have
# the same uses: no program comes near.
_MOST_BYTES = 3_000_000
_PER_NAME = 60
# One import, in a text that still has its comments.
_SPEC = re.compile(
    rb"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)"
    rb"|(?:(?<![\w.\x80-\xff])(?P<alias>[\w.\x80-\xff]{1,200}+))?[ \t]{0,40}"
    rb"(?:\"(?P<path>[^\"\n]{1,2000})\"|`(?P<raw>[^`\n]{1,2000})`)"
)


class _Spec(NamedTuple):
    alias: str
    path: str
    line: int


class Items:
    """``code`` is ``source`` with its comments and strings blank."""

    def __init__(self, code: bytes, source: bytes) -> None:
        self._code = code
        self._source = source
        self._breaks = [match.start() for match in re.finditer(rb"\n", code)]
        self._package = next((found for found in _PACKAGE.finditer(code) if len(found[1]) <= words.LONGEST), None)
        braces = [(match.start(), 1 if match[0] == b"{" else -1) for match in _BRACE.finditer(code)]
        self._places = [place for place, _ in braces]
        self._depths = [0]
        for _, step in braces:
            self._depths.append(self._depths[-1] + step)
        #: Whether every brace has its other half.
        self.balanced = self._depths[-1] == 0 and min(self._depths) == 0
        names = [_decode(name) for name in self._declared()]
        self._names = tuple(dict.fromkeys(name for name in names if name != "_" and len(name) <= words.LONGEST))

    @property
    def declares(self) -> Iterator[str]:
        """Yield ``package x`` and the functions, types, variables and constants of the package; not methods."""
        if self._package:
            yield words.PACKAGE + _decode(self._package[1])
        yield from self._names

    @property
    def statements(self) -> Iterator[ImportStatement]:
        """Yield the package clause with the names that only the package can declare, then the imports with theirs.

        The name of an import's use is spelled ``Name`` where the import has an alias or a dot, else
        ``qualifier.Name``: the package itself tells which qualifiers are its own. A blank import has none.
        """
        uses = Uses(self._code[self._package.end() :] if self._package else self._code)
        specs = list(self._specs().values())
        taken = {name for spec in specs for name in ((spec.alias,) if spec.alias else assumed(spec.path))}
        if self._package:
            yield ImportStatement(
                module=words.PACKAGE + _decode(self._package[1]),
                names=uses.of_package(self._names),
                kinds=(),
                line=self._line(self._package.start()),
            )
        left = _MOST_BYTES
        for spec in specs:
            names = _names(spec, uses, taken) if left > 0 else ()
            left -= sum(map(len, names)) + _PER_NAME * len(names)
            yield ImportStatement(module=spec.path, names=names, line=spec.line)

    def _specs(self) -> dict[tuple[str, str], _Spec]:
        """Imports stand before everything else, so a list of them ends with the first bracket that closes.

        One that stands there twice counts once.
        """
        found: dict[tuple[str, str], _Spec] = {}
        end = 0
        for match in _IMPORT.finditer(self._code):
            if match.start() < end or self._depth(match.start()):
                continue
            closed = self._code.find(b")" if match[1] else b"\n", match.end())
            end = closed if closed >= 0 else len(self._code)
            for spec in _SPEC.finditer(self._source, match.end(), end):
                path = spec["path"] or spec["raw"]
                if path:
                    alias, asked = _decode(spec["alias"] or b""), _decode(path)
                    found.setdefault((alias, asked), _Spec(alias, asked, self._line(spec.start())))
        return found

    def _declared(self) -> Iterator[bytes]:
        for match in _FUNCTION.finditer(self._code):
            yield match[1]
        end = 0
        for match in _DECLARATION.finditer(self._code):
            # What is nested in a list was passed with it.
            if match.start() < end or self._depth(match.start()):
                continue
            found, end = ([match[1]], match.end()) if match[1] else self._listed(match.end())
            for names in found:
                yield from (name.strip() for name in names.split(b","))

    def _listed(self, start: int) -> tuple[list[bytes], int]:
        """Return the names at the beginning of the entries of a list that opened just before ``start``, and its end."""
        depth = 1
        entry = _ENTRY.match(self._code, start)
        found = [entry[1]] if entry else []
        for match in _LISTED.finditer(self._code, start):
            depth += (match[0] in b"({[") - (match[0] in b")}]")
            if not depth:
                return found, match.end()
            if depth == 1 and match[0] in b"\n;" and (entry := _ENTRY.match(self._code, match.end())):
                before = self._code[max(start, match.start() - 200) : match.start()].rstrip()
                if not before.endswith(_GOES_ON):
                    found.append(entry[1])
        return found, len(self._code)

    def _depth(self, offset: int) -> int:
        return self._depths[bisect_right(self._places, offset)]

    def _line(self, offset: int) -> int:
        return bisect_right(self._breaks, offset) + 1


def _names(spec: _Spec, uses: Uses, taken: set[str]) -> tuple[str, ...]:
    if spec.path == "C" or spec.alias == "_":
        return ()
    if spec.alias == ".":
        return uses.bare
    if spec.alias:
        return uses.selected.get(spec.alias, ())
    return uses.of_path(spec.path, taken)


def _decode(text: bytes) -> str:
    return text.decode("utf-8", errors="replace")

"""What a Rust file asks for, read from its text without comments and strings."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from edge_worker.source.languages.rust import words
from edge_worker.source.languages.rust.attributes import attributes
from edge_worker.source.languages.rust.use_tree import leaves
from edge_worker.source.parse.statement import (
    CONDITIONAL,
    NESTED,
    QUALIFIED,
    RE_EXPORT,
    RUNTIME,
    ImportStatement,
)

_NAME = rb"[A-Za-z_\x80-\xff][\w\x80-\xff]*+"
# Each begins with a letter of its own, and looks back from there: so the search runs at the speed of memory.
_USE = re.compile(rb"use(?<![\w#$'\x80-\xff]use)\s+(?P<tree>[\w\x80-\xff\s:{},*$#]+)(?P<end>;?)")
_MOD = re.compile(rb"mod(?<![\w#$'\x80-\xff]mod)\s+(?:r#)?(?P<name>" + _NAME + rb")\s*(?P<opens>[;{])")
_CRATE = re.compile(
    rb"extern(?<![\w#$'\x80-\xff]extern)\s+crate\s+(?P<name>" + _NAME + rb")(?:\s+as\s+(?P<alias>" + _NAME + rb"))?\s*;"
)
_INCLUDE = re.compile(rb"include(?<![\w#$'\x80-\xff]include)(?P<asset>_str|_bytes)?\s*!\s*[(\[{]")
_MACRO = re.compile(rb"!\s*(?:" + _NAME + rb"\s*)?\{")
_BRACE = re.compile(rb"[{}]")
_PATH = re.compile(rb"\b(?:[a-z_][\w\x80-\xff]*+)(?:::(?:r#)?" + _NAME + rb")++")
_LITERAL = re.compile(
    rb'\s*(?P<rooted>concat!\s*\(\s*env!\s*\(\s*"CARGO_MANIFEST_DIR"\s*\)\s*,\s*)?"(?P<path>[^"\\\n]{1,4096})"'
)
# Longer than the path of any module, and more letters than the statements of one file have together.
_LONGEST = 1000
_MOST_LETTERS = 8_000_000
# As often as a name may stand for another one.
_HOPS = 4
# What an open brace is, if no inline module: a body, or the text of a macro.
_BODY, _TEXT = "{", "!"


class Items:
    """One pass over the items of a file, and one over the paths between them.

    ``code`` is ``source`` with its comments and strings blank.
    """

    def __init__(self, code: bytes, source: bytes) -> None:
        self._code = code
        self._source = source
        self._breaks = [match.start() for match in re.finditer(rb"\n", code)]
        self._open: list[str] = []
        #: Names that a ``use`` or an ``extern crate`` gives, to what they stand for.
        self._bound: dict[str, list[str]] = {}
        self._held: dict[str, None] = {}
        self._uses: list[tuple[int, int]] = []
        #: From which byte on which inline modules are open.
        self._inline: list[tuple[int, tuple[str, ...]]] = [(0, ())]
        #: Whether every brace has its other half.
        self.balanced = True
        self._left = _MOST_LETTERS
        items = list(self._kept(self._items()))
        self._left = _MOST_LETTERS
        found = [*self._kept(map(self._meant, items)), *self._kept(self._paths())]
        #: Everything that the file asks for, in the order of the text.
        self.statements = tuple(sorted(found, key=lambda item: item.line))
        #: The modules that the file holds in itself.
        self.declares = tuple(self._held)

    def _kept(self, statements: Iterable[ImportStatement]) -> Iterator[ImportStatement]:
        """Yield as many as have room: a long name that many others begin with would else fill the memory."""
        for one in statements:
            self._left -= len(one.module) + sum(map(len, one.names))
            if self._left >= 0:
                yield one

    def _items(self) -> Iterator[ImportStatement]:
        opened = {match.end() - 1: _TEXT for match in _MACRO.finditer(self._code)}
        readers = {_USE: self._use, _MOD: self._mod, _CRATE: self._crate, _INCLUDE: self._include}
        found = [match for pattern in (*readers, _BRACE) for match in pattern.finditer(self._code)]
        for match in sorted(found, key=re.Match.start):
            if match.re is _MOD and match["opens"] == b"{":
                # Deeper ones count as bodies.
                if len(self._open) < words.DEEPEST and len(match["name"]) <= words.LONGEST:
                    opened[match.end() - 1] = _decode(match["name"])
            elif match.re is not _BRACE:
                yield from readers[match.re](match)
            elif match[0] == b"{":
                self._push(opened.get(match.start(), _BODY), match.end())
            else:
                self._pop(match.end())
        self.balanced = self.balanced and not self._open

    def _push(self, opened: str, offset: int) -> None:
        self._open.append(opened)
        if opened not in {_BODY, _TEXT}:
            self._held[opened] = None
            self._inline.append((offset, (*self._inline[-1][1], opened)))

    def _pop(self, offset: int) -> None:
        if not self._open:
            self.balanced = False
        elif self._open.pop() not in {_BODY, _TEXT}:
            self._inline.append((offset, self._inline[-1][1][:-1]))

    def _mod(self, match: re.Match[bytes]) -> Iterator[ImportStatement]:
        inline = (*self._inline[-1][1], _decode(match["name"]))
        if sum(map(len, inline)) > _LONGEST:
            return
        # What a macro writes may stand elsewhere in the end: then the module lies beside that file.
        beside = (words.BESIDE,) if _TEXT in self._open else ()
        yield self._statement(match.start(), words.MOD + "::".join(inline), names=beside)

    def _crate(self, match: re.Match[bytes]) -> Iterator[ImportStatement]:
        name, alias = _decode(match["name"]), _decode(match["alias"] or match["name"])
        if max(len(name), len(alias)) > words.LONGEST:
            return
        self._bound[alias] = ["", name]
        yield self._statement(match.start(), words.CRATE + name)

    def _use(self, match: re.Match[bytes]) -> Iterator[ImportStatement]:
        self._uses.append(match.span())
        groups: dict[tuple[str, ...], dict[str, None]] = {}
        for written, name in leaves(_decode(match["tree"]) if match["end"] else ""):
            path = words.from_file(written, self._inline[-1][1])
            if sum(map(len, path)) > _LONGEST:
                continue
            if name:
                self._bound.setdefault(name, path)
            *above, last = path
            groups.setdefault(tuple(above), {})[last] = None
        for above_all, names in groups.items():
            if above_all:
                yield self._statement(match.start(), "::".join(above_all), names=tuple(names))
            else:
                # Nothing is above the name of a crate.
                yield from (self._statement(match.start(), name) for name in names)

    def _include(self, match: re.Match[bytes]) -> Iterator[ImportStatement]:
        literal = _LITERAL.match(self._source, match.end())
        if literal:
            verb = words.ASSET if match["asset"] else words.INCLUDE
            root = words.MANIFEST if literal["rooted"] else ""
            yield self._statement(match.start(), verb + root + _decode(literal["path"]))

    def _statement(self, start: int, module: str, *, names: tuple[str, ...] = ()) -> ImportStatement:
        before = attributes(self._code, self._source, start)
        is_mod = module.startswith(words.MOD)
        marks = (
            (CONDITIONAL, before.conditional),
            (NESTED, _BODY in self._open),
            (RE_EXPORT, before.public and not is_mod),
        )
        kinds = (RUNTIME, *(kind for kind, holds in marks if holds))
        names = before.paths or names if is_mod else names
        return ImportStatement(module=module, names=names, kinds=kinds, line=self._line(start))

    def _paths(self) -> Iterator[ImportStatement]:
        """Yield paths in the code whose head no import of the file accounts for, or that go on from an import."""
        done = set[str]()
        starts = [start for start, _ in self._uses]
        for match in _PATH.finditer(self._code):
            start, text = match.start(), match[0]
            before = self._code[start - 1 : start]
            use = bisect_right(starts, start) - 1
            if before == b":" or before >= b"\x80" or len(text) > _LONGEST or (use >= 0 and start < self._uses[use][1]):
                continue
            if before == b"$" and not text.startswith(b"crate:"):
                continue
            inline = self._inline[bisect_right(self._inline, start, key=_offset) - 1][1]
            meant = self._expanded(words.from_file(_segments(text), inline))
            path = "::".join(meant)
            if meant[0] not in words.OUTSIDE and path not in done and len(path) <= 2 * _LONGEST:
                done.add(path)
                yield ImportStatement(module=path, kinds=(RUNTIME, QUALIFIED), line=self._line(start))

    def _meant(self, statement: ImportStatement) -> ImportStatement:
        """Return a ``use`` of a name that another ``use`` gives with what that name stands for."""
        head, _, rest = statement.module.partition("::")
        if head not in self._bound or not (rest or statement.names):
            return statement
        path = self._expanded([head, *rest.split("::")] if rest else [head])
        return statement._replace(module="::".join(path))

    def _expanded(self, path: list[str]) -> list[str]:
        """Return a path with the names that imports gave it replaced, as far as that leaves it a path's length."""
        for _ in range(_HOPS):
            meant = self._bound.get(path[0])
            if meant is None or meant[0] == path[0] or sum(map(len, (*meant, *path))) > _LONGEST:
                break
            path = [*meant, *path[1:]]
        return path

    def _line(self, offset: int) -> int:
        return bisect_right(self._breaks, offset) + 1


def _offset(change: tuple[int, tuple[str, ...]]) -> int:
    return change[0]


def _segments(text: bytes) -> list[str]:
    """The segments of a path up to its first type: what follows is within that type's file."""
    found: list[str] = []
    for segment in _decode(text).replace("r#", "").split("::"):
        found.append(segment)
        if segment[:1].isupper():
            break
    return found


def _decode(text: bytes) -> str:
    return text.decode("utf-8", errors="replace")

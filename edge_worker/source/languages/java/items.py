"""What a Java file asks for and declares, read from its text without comments and strings."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

from edge_worker.source.languages.java import words
from edge_worker.source.parse.statement import QUALIFIED, RUNTIME, ImportStatement

_NAME = rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*+"
_DOTTED = _NAME + rb"(?:\s*\.\s*" + _NAME + rb")*+"
# Each begins with a letter of its own, and looks back from there: so the search runs at the speed of memory.
_PACKAGE = re.compile(rb"package(?<![\w$.\x80-\xff]package)\s+(?P<name>" + _DOTTED + rb")\s*;")
_IMPORT = re.compile(
    rb"import(?<![\w$.\x80-\xff]import)\s+(?:(?P<how>static|module)\s+)?(?P<name>"
    + _DOTTED
    + rb")(?P<all>\s*\.\s*\*)?\s*;"
)
_MODULE = re.compile(rb"module(?<![\w$.\x80-\xff]module)\s+(?P<name>" + _DOTTED + rb")\s*\{")
_DIRECTIVE = re.compile(
    rb"(?<![\w$.\x80-\xff])(?P<verb>requires|uses|provides)\s+(?:(?:transitive|static)\s+)*+(?P<names>[\w$.\s,\x80-\xff]++)(?P<end>;?)"
)
_WITH = re.compile(rb"(?<=\s)with(?=\s)|,")
_TYPE = re.compile(rb"\b(?:class|interface|enum|record)\s+(?P<name>" + _NAME + rb")|(?P<open>\{)|(?P<close>\})")
_USED = re.compile(rb"\b[A-Z\xc3-\xff][\w$\x80-\xff]*+")
_WRITTEN_OUT = re.compile(rb"\b(?<![.$\x80-\xff])[a-z_][\w$]*+(?:\.[a-z_][\w$]*+)++\.[A-Z][\w$]*+")
# Longer than the name of any type, more names than a file uses, more packages than it imports whole, and more bytes
# than the names take that those packages are asked for, and each besides its letters.
_LONGEST = 1000
_MOST_NAMES = 5000
_MOST_PACKAGES = 200
_MOST_BYTES = 3_000_000
_PER_NAME = 60
_SPACE = re.compile(r"\s+")


class Items:
    """``code`` is the file's text with its comments and strings blank."""

    def __init__(self, code: bytes) -> None:
        self._code = code
        self._breaks = [match.start() for match in re.finditer(rb"\n", code)]
        #: Whether every brace has its other half.
        self.balanced = True
        #: Types at the top of the file, and all types.
        self._top: dict[str, None] = {}
        self._own: dict[str, None] = {}
        self._types()
        self._package = _PACKAGE.search(code)
        self._imports = list(_IMPORT.finditer(code))
        self._module = None if self._package or self._top else _MODULE.search(code)
        self._whole = 0

    @property
    def declares(self) -> Iterator[str]:
        """Yield the package or the module that the file belongs to, then the types at its top."""
        if self._module:
            yield words.MODULE + _decode(self._module["name"])
            return
        yield words.PACKAGE + (_decode(self._package["name"]) if self._package else "")
        yield from self._top

    @property
    def statements(self) -> Iterator[ImportStatement]:
        """Yield everything that the file asks for, in the order of the text."""
        if self._module is None:
            package = self._package
            name = _decode(package["name"]) if package else ""
            # No import by itself: what it leads to has a kind of its own.
            line = self._line(package.start()) if package else 1
            yield ImportStatement(module=words.PACKAGE + name, names=self._used, kinds=(), line=line)
        for match in self._imports:
            yield self._import(match)
        if self._module is None:
            yield from self._written_out()
        else:
            yield from self._directives(self._module.end())

    def _types(self) -> None:
        depth = 0
        for match in _TYPE.finditer(self._code):
            if match["open"]:
                depth += 1
            elif match["close"]:
                depth -= 1
                self.balanced = self.balanced and depth >= 0
            elif self._code[match.start() - 1 : match.start()] != b".":
                name = _decode(match["name"])
                self._own[name] = None
                if depth == 0:
                    self._top[name] = None
        self.balanced = self.balanced and depth == 0

    @cached_property
    def _used(self) -> tuple[str, ...]:
        """Simple names that may be types of elsewhere: neither declared here nor imported one by one."""
        known = {
            *self._own,
            *(_decode(match["name"]).rpartition(".")[2] for match in self._imports if not match["all"]),
        }
        starts = {match.start(): match[0] for match in _USED.finditer(self._code)}
        found = (name for start, name in starts.items() if self._code[start - 1 : start] != b".")
        return tuple(islice((name for name in map(_decode, dict.fromkeys(found)) if name not in known), _MOST_NAMES))

    @cached_property
    def _all(self) -> tuple[str, ...]:
        return (words.ALL, *self._used)

    @cached_property
    def _size(self) -> int:
        return sum(map(len, self._all)) + _PER_NAME * len(self._all)

    def _import(self, match: re.Match[bytes]) -> ImportStatement:
        name = _decode(match["name"])
        if match["how"] == b"module":
            return self._statement(match.start(), words.MODULE + name)
        if not match["all"]:
            return self._statement(match.start(), name)
        self._whole += 1
        is_package = not match["how"] and self._whole <= min(_MOST_PACKAGES, _MOST_BYTES // self._size)
        return self._statement(match.start(), name, names=self._all if is_package else (words.ALL,))

    def _directives(self, begin: int) -> Iterator[ImportStatement]:
        for match in _DIRECTIVE.finditer(self._code, begin):
            for name in filter(None, map(_decode, _WITH.split(match["names"]) if match["end"] else ())):
                spelled = words.MODULE + name if match["verb"] == b"requires" else name
                yield self._statement(match.start(), spelled)

    def _written_out(self) -> Iterator[ImportStatement]:
        """Yield types that the code names with their package."""
        begin = max((match.end() for match in (self._package, *self._imports) if match), default=0)
        done = set[bytes]()
        for match in _WRITTEN_OUT.finditer(self._code, begin):
            if match[0] not in done and len(match[0]) <= _LONGEST:
                done.add(match[0])
                yield self._statement(match.start(), _decode(match[0]), QUALIFIED)

    def _statement(self, start: int, module: str, *marks: str, names: tuple[str, ...] = ()) -> ImportStatement:
        return ImportStatement(module=module, names=names, kinds=(RUNTIME, *marks), line=self._line(start))

    def _line(self, offset: int) -> int:
        return bisect_right(self._breaks, offset) + 1


def _decode(text: bytes) -> str:
    return _SPACE.sub("", text.decode("utf-8", errors="replace"))

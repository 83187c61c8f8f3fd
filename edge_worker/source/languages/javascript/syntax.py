"""The imports of a JavaScript or TypeScript file, JSX included."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

from edge_worker.source.languages.javascript.written import NAMING, TYPE_CLAUSE, is_bundle, is_type_behind
from edge_worker.source.parse.statement import (
    CONDITIONAL,
    DYNAMIC,
    MENTIONED,
    NESTED,
    RE_EXPORT,
    RUNTIME,
    TYPE_ONLY,
    ImportStatement,
)
from edge_worker.source.parse.tree import path_to

_CANDIDATE = re.compile(
    rb"import|require|from\s{0,200}[\"']|module\s{1,20}[\"']\.|<reference|(?:jest|vi)\.\w|new\s{1,20}URL"
)
_OPAQUE = {"string_fragment", "regex_pattern", "jsx_text"}
_FUNCTIONS = {
    "arrow_function",
    "function_declaration",
    "function_expression",
    "generator_function",
    "generator_function_declaration",
    "method_definition",
}
_CONDITIONS = {"if_statement", "ternary_expression", "try_statement", "switch_statement"}
_TYPES = {"type_annotation", "type_alias_declaration", "interface_declaration", "type_arguments", "type_query"}
_REFERENCE = re.compile(r"""^///\s*<reference\s+path\s*=\s*["']([^"']+)["']""")
_FROM = re.compile(rb"\bfrom\s{0,200}([\"'])([^\"'\r\n]{1,500})\1")
_OPENING = re.compile(rb"^[ \t]*(import|export)\b", re.MULTILINE)
_CLAUSE = re.compile(rb"[\w\s{},*$]*")
_BARE = re.compile(rb"^[ \t]*import\s{0,200}([\"'])([^\"'\r\n]{1,500})\1", re.MULTILINE)
# The longest clause that is read back from a ``from`` in a broken file.
_LONGEST_CLAUSE = 4000
_NAMING = re.compile(NAMING)
# A path, and what it is relative to.
_URL_PARTS = 2


def statements(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield imports, re-exports, ``require`` and ``import()`` with a literal, type imports, relative ``declare module``
    and ``/// <reference path>``."""
    end = 0
    for match in _CANDIDATE.finditer(source):
        # ``import`` and ``from`` of one statement are two candidates.
        if match.start() < end:
            continue
        place = _Place(source, match.start())
        statement = place.walk(tree)
        if statement is not None:
            end = place.end
            yield statement


def salvage(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what lines of a broken file that begin like an import or a re-export name, unless they lie in a comment."""
    breaks = [match.start() for match in re.finditer(rb"\n", source)]
    for start, kinds, specifier in _lines(source):
        if not any(node.type in {"comment", *_OPAQUE} for node in path_to(tree, start)):
            yield ImportStatement(module=_decode(specifier), kinds=kinds, line=bisect_right(breaks, start) + 1)


def _lines(source: bytes) -> Iterator[tuple[int, tuple[str, ...], bytes]]:
    for match in _BARE.finditer(source):
        yield match.start(1), (RUNTIME,), match[2]
    for match in _FROM.finditer(source):
        begin = max(0, match.start() - _LONGEST_CLAUSE)
        openings = list(_OPENING.finditer(source, begin, match.start()))
        # The last one: between it and its ``from`` there is nothing but names.
        if openings and _CLAUSE.fullmatch(source, openings[-1].end(), match.start()):
            base = TYPE_ONLY if TYPE_CLAUSE.match(source, openings[-1].end()) else RUNTIME
            kinds = (base, RE_EXPORT) if openings[-1][1] == b"export" else (base,)
            yield openings[-1].start(1), kinds, match[2]


class _Place:
    """Where one candidate word stands, collected on the way down to it."""

    def __init__(self, source: bytes, offset: int) -> None:
        self._source = source
        self._offset = offset
        self._marks: dict[str, None] = {}
        self._type = False
        #: Where the specifier of the statement that was found ends.
        self.end = offset

    def walk(self, tree: Tree) -> ImportStatement | None:
        for node in path_to(tree, self._offset):
            kind = node.type
            if kind in _OPAQUE:
                return None
            if kind in _FUNCTIONS:
                self._marks[NESTED] = None
            elif kind in _CONDITIONS:
                self._marks[CONDITIONAL] = None
            elif kind in _TYPES:
                self._type = True
            else:
                reader = _READERS.get(kind)
                found = reader(self, node) if reader else None
                if found is not None:
                    return found
        return None

    def imported(self, node: Node) -> ImportStatement | None:
        clause = next((child for child in node.named_children if child.type == "import_require_clause"), node)
        base = TYPE_ONLY if TYPE_CLAUSE.match(self._source, node.start_byte + len("import")) else RUNTIME
        return self._statement(node, clause.child_by_field_name("source"), base)

    def exported(self, node: Node) -> ImportStatement | None:
        base = TYPE_ONLY if TYPE_CLAUSE.match(self._source, node.start_byte + len("export")) else RUNTIME
        return self._statement(node, node.child_by_field_name("source"), base, RE_EXPORT)

    def called(self, node: Node) -> ImportStatement | None:
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or function.start_byte != self._offset or arguments is None:
            return None
        first = next((child for child in arguments.named_children if child.type != "comment"), None)
        if function.type == "import":
            if self._is_type():
                # It is never loaded, so that it does not matter what stands around it.
                self._marks.clear()
                return self._statement(node, first, TYPE_ONLY)
            return self._statement(node, first, DYNAMIC)
        name = self._source[node.start_byte : function.end_byte]
        if (name != b"require" and not _NAMING.fullmatch(name)) or is_bundle(self._source):
            return None
        if name != b"require" and node.child_by_field_name("type_arguments") is not None:
            # They say the module's name as well, and the grammar does not always know them for what they are.
            return None
        return self._statement(node, first, RUNTIME if name == b"require" else MENTIONED)

    def addressed(self, node: Node) -> ImportStatement | None:
        """Read ``new URL("./x", import.meta.url)``."""
        function, arguments = node.child_by_field_name("constructor"), node.child_by_field_name("arguments")
        if function is None or arguments is None or node.start_byte != self._offset or self._text(function) != "URL":
            return None
        given = [child for child in arguments.named_children if child.type != "comment"]
        if len(given) != _URL_PARTS or self._text(given[1]) != "import.meta.url":
            return None
        found = self._statement(node, given[0], MENTIONED)
        return found if found and found.module.startswith(".") else None

    def _is_type(self) -> bool:
        """What stands behind certain words is always a type, whatever the grammar takes it for."""
        return self._type or is_type_behind(self._source, self._offset)

    def declared(self, node: Node) -> ImportStatement | None:
        name = node.child_by_field_name("name")
        found = self._statement(node, name, TYPE_ONLY)
        return found if found and found.module.startswith(".") else None

    def referenced(self, node: Node) -> ImportStatement | None:
        match = _REFERENCE.match(self._text(node))
        if match is None:
            return None
        # A reference is a path, never the name of a package.
        path = match[1] if match[1].startswith(".") else f"./{match[1]}"
        self.end = node.end_byte
        return ImportStatement(module=path, kinds=(TYPE_ONLY,), line=node.start_point.row + 1)

    def _statement(self, node: Node, literal: Node | None, base: str, *marks: str) -> ImportStatement | None:
        if literal is None or literal.type not in {"string", "template_string"}:
            return None
        if any(child.type == "template_substitution" for child in literal.named_children):
            return None
        module = self._text(literal)[1:-1]
        if not module:
            return None
        self.end = literal.end_byte
        return ImportStatement(module=module, kinds=(base, *self._marks, *marks), line=node.start_point.row + 1)

    def _text(self, node: Node) -> str:
        return _decode(self._source[node.start_byte : node.end_byte])


_READERS = {
    "import_statement": _Place.imported,
    "export_statement": _Place.exported,
    "call_expression": _Place.called,
    "new_expression": _Place.addressed,
    "module": _Place.declared,
    "comment": _Place.referenced,
}


def _decode(text: bytes) -> str:
    return text.decode("utf-8", errors="replace")

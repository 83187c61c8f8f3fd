"""The imports of a PHP file: what it uses by name, and what it includes by path."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_worker.source.languages.php.names import CONSTANT, FUNCTION, NAMED, Scope, clipped, is_written
from edge_worker.source.languages.php.paths import written_path
from edge_worker.source.parse.dialect import wheel
from edge_worker.source.parse.query import captured
from edge_worker.source.parse.statement import CONDITIONAL, NESTED, RUNTIME, ImportStatement
from edge_worker.source.parse.text import to_utf8
from edge_worker.source.parse.tree import path_to

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

GRAMMAR = wheel("tree_sitter_php", "language_php")
_NAME = "[(name) (qualified_name) (relative_name)]"
_QUERY = f"""
(namespace_definition) @namespace
(namespace_use_declaration) @use
(object_creation_expression {_NAME} @named)
(base_clause {_NAME} @named)
(class_interface_clause {_NAME} @named)
(use_declaration {_NAME} @named)
(named_type {_NAME} @named)
(attribute {_NAME} @named)
(scoped_call_expression scope: {_NAME} @named)
(scoped_property_access_expression scope: {_NAME} @named)
(class_constant_access_expression . {_NAME} @named)
(binary_expression operator: "instanceof" right: {_NAME} @named)
(function_call_expression function: [(qualified_name) (relative_name)] @called)
[(include_expression) (include_once_expression) (require_expression) (require_once_expression)] @included
"""
_DECLARING = {
    "class_declaration": "",
    "interface_declaration": "",
    "trait_declaration": "",
    "enum_declaration": "",
    "function_definition": FUNCTION,
}
# Declarations stand in these, or at the top.
_AROUND = {"namespace_definition", "compound_statement", "if_statement", "else_clause", "colon_block"}
_DEEPEST = 20
_CONDITIONS = {"if_statement", "try_statement", "switch_statement", "conditional_expression", "match_expression"}
_FUNCTIONS = {"function_definition", "method_declaration", "anonymous_function", "arrow_function"}
_OPAQUE = {"comment", "string_content", "heredoc_body", "nowdoc_body", "text"}
_USE = re.compile(rb"^[ \t]*(use\s+(?:function\s+|const\s+)?\\?\w++\\[\w\\, \t\r\n{}]{1,2000}+;)", re.MULTILINE)


def statements(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield ``use`` statements, classes named in code that ``use`` does not name, each once, and included paths.

    A class is named with its whole namespace, a function as ``function A\\f``, a constant as ``const A\\C``; what is
    named in code and not by a ``use`` has ``named`` in front.
    """
    reader = _Reader(source, declared={name.lower() for name in declarations(tree, source)})
    for kind, node in captured(tree, GRAMMAR, _QUERY):
        reader.read(kind, node, tree)
    namespaces = reader.scope.namespaces()
    yield from (item for item in reader.found if item.module not in namespaces)


def declarations(tree: Tree, source: bytes) -> Iterator[str]:
    """Yield the classes, functions and constants that the file declares, spelled as ``statements`` asks for them."""
    yield from filter(is_written, _declared(tree.root_node, source, "", 0))


def salvage(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what lines of a broken file that begin like a ``use`` of a namespace name, unless they lie in a string."""
    breaks = [match.start() for match in re.finditer(rb"\n", source)]
    for match in _USE.finditer(source):
        if any(node.type in _OPAQUE for node in path_to(tree, match.start(1))):
            continue
        line = bisect_right(breaks, match.start(1)) + 1
        for name in Scope().use(match[1].decode("utf-8", errors="replace")):
            yield ImportStatement(module=name, line=line)


class _Reader:
    """Reads the captures of one file in the order of its text."""

    def __init__(self, source: bytes, *, declared: set[str]) -> None:
        self._source = source
        self._told = declared
        self.scope = Scope()
        self.found: list[ImportStatement] = []

    def read(self, kind: str, node: Node, tree: Tree) -> None:
        if kind == "namespace":
            space = node.child_by_field_name("name")
            self.scope.enter(_text(space, self._source) if space is not None else "")
        elif kind == "use":
            for name in self.scope.use(_text(node, self._source)):
                self._name(name, node, "")
        elif kind == "named":
            self._name(self.scope.named(_text(node, self._source)), node, NAMED)
        elif kind == "called":
            self._name(self.scope.called(_text(node, self._source)), node, NAMED)
        else:
            self._include(node, tree)

    def _name(self, name: str | None, node: Node, mark: str) -> None:
        """Names of classes and functions know no case; each is told once."""
        if name is not None and name.lower() not in self._told:
            self._told.add(name.lower())
            self.found.append(ImportStatement(module=f"{mark}{name}", line=node.start_point.row + 1))

    def _include(self, node: Node, tree: Tree) -> None:
        path = written_path(node.named_children[0], self._source) if node.named_children else None
        if path is None:
            return
        around = {above.type for above in path_to(tree, node.start_byte)}
        marks = [mark for mark, kinds in ((CONDITIONAL, _CONDITIONS), (NESTED, _FUNCTIONS)) if around & kinds]
        self.found.append(ImportStatement(module=path, kinds=(RUNTIME, *marks), line=node.start_point.row + 1))


def _declared(node: Node, source: bytes, namespace: str, depth: int) -> Iterator[str]:
    for child in node.named_children:
        if child.type == "namespace_definition":
            name, body = child.child_by_field_name("name"), child.child_by_field_name("body")
            inside = f"{clipped(_text(name, source))}\\" if name is not None else ""
            if body is None:
                namespace = inside
            else:
                yield from _declared(body, source, inside, depth + 1)
        elif child.type == "const_declaration":
            for element in child.named_children:
                if element.type == "const_element":
                    yield f"{CONSTANT}{namespace}{_text(element.named_children[0], source)}"
        elif child.type in _DECLARING:
            name = child.child_by_field_name("name")
            if name is not None:
                yield f"{_DECLARING[child.type]}{namespace}{_text(name, source)}"
        elif child.type in _AROUND and depth < _DEEPEST:
            yield from _declared(child, source, namespace, depth + 1)


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", errors="replace")


def decoded(source: bytes) -> bytes:
    """Names are bytes to PHP: those of an old text are Latin-1 to the grammar, so that they stay names."""
    text = to_utf8(source)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return text if b"\0" in text else text.decode("latin-1").encode("utf-8")
    return text

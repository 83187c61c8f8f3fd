"""The imports of a Ruby file: what it requires, loads and autoloads, and the constants it names."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_worker.source.languages.ruby.constants import constants
from edge_worker.source.languages.ruby.paths import written_path
from edge_worker.source.languages.ruby.words import underscored
from edge_worker.source.parse.statement import CONDITIONAL, NESTED, RUNTIME, ImportStatement
from edge_worker.source.parse.tree import path_to

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# Behind the word, what may begin a path that is written down.
_CANDIDATE = re.compile(rb"(?:require|load|autoload)(?:_relative|_dependency)?[ \t]*+\(?\s*+(?=[\"':%A-Z_])")
# A call below this depth is generated nesting, and so is a longer path or name.
_DEEPEST, _LONGEST = 100, 500
_METHODS = {"require", "require_relative", "require_dependency", "load", "autoload"}
_KERNEL = {"", "Kernel", "::Kernel", "Object", "self"}
_OPAQUE = {"comment", "string_content", "heredoc_content", "simple_symbol", "hash_key_symbol", "regex"}
_CONDITIONS = {"if", "unless", "if_modifier", "unless_modifier", "case", "begin", "rescue_modifier", "elsif"}
_FUNCTIONS = {"method", "singleton_method", "lambda"}
# A module that says so finds what it autoloads by the constant's name.
_BY_CONSTANT = b"ActiveSupport::Autoload"
_LINE = re.compile(rb"^[ \t]*(require(?:_relative)?)[ \t(]+([\"'])([\w./-]{1,500})\2", re.MULTILINE)


def statements(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield ``./x`` for what is required from the file's directory, ``x`` from the load path, ``*/x`` from elsewhere.

    And ``::A::B`` for the constants (see ``constants``).
    """
    yield from sorted((*_required(tree, source), *constants(tree, source)), key=lambda item: item.line)


def salvage(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what lines of a broken file that begin like a ``require`` of a literal ask for, unless it is text."""
    breaks = [match.start() for match in re.finditer(rb"\n", source)]
    for match in _LINE.finditer(source):
        if not any(node.type in _OPAQUE for node in path_to(tree, match.start(1))):
            path = match[3].decode("ascii", errors="replace")
            module = f"./{path.removeprefix('./')}" if match[1] == b"require_relative" else path
            yield ImportStatement(module=module, line=bisect_right(breaks, match.start(1)) + 1)


def _required(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    by_constant = _BY_CONSTANT in source
    done = set[int]()
    for match in _CANDIDATE.finditer(source):
        place = _Place(source, by_constant=by_constant)
        call = place.walk(tree, match.start())
        if call is not None and call.start_byte not in done:
            done.add(call.start_byte)
            path = place.path(call)
            if path is not None and len(path) <= _LONGEST:
                yield ImportStatement(module=path, kinds=(RUNTIME, *place.marks), line=call.start_point.row + 1)


class _Place:
    """Where one candidate word stands, collected on the way down to it."""

    def __init__(self, source: bytes, *, by_constant: bool) -> None:
        self._source = source
        self._by_constant = by_constant
        self._modules: list[str] = []
        self._under: str | None = None
        self._at: str | None = None
        self.marks: list[str] = []

    def walk(self, tree: Tree, offset: int) -> Node | None:
        """Return the call whose method is the word at ``offset``."""
        for depth, node in enumerate(path_to(tree, offset)):
            kind = node.type
            if kind in _OPAQUE or depth > _DEEPEST:
                return None
            if kind == "call":
                method = node.child_by_field_name("method")
                if method is not None and method.start_byte == offset:
                    return node
                word = self._text(method) if method is not None else ""
                if word in _METHODS:
                    # What computes a path requires nothing by itself.
                    return None
                self._hear(word, node)
            elif kind in {"module", "class"}:
                name = node.child_by_field_name("name")
                self._modules.append(self._text(name) if name is not None else "")
            elif kind in _CONDITIONS and CONDITIONAL not in self.marks:
                self.marks.append(CONDITIONAL)
            elif kind in _FUNCTIONS and NESTED not in self.marks:
                self.marks.append(NESTED)
        return None

    def path(self, call: Node) -> str | None:
        """Return the path that a call of ``require`` or one like it asks for; None for other calls."""
        method, arguments = call.child_by_field_name("method"), call.child_by_field_name("arguments")
        given = arguments.named_children if arguments is not None else []
        name = self._text(method) if method is not None else ""
        receiver = call.child_by_field_name("receiver")
        if name == "autoload":
            return self._autoloaded(given)
        if name not in _METHODS or not given or (receiver is not None and self._text(receiver) not in _KERNEL):
            return None
        return written_path(given[0], self._source, relative=name == "require_relative")

    def _autoloaded(self, given: list[Node]) -> str | None:
        if len(given) > 1:
            return written_path(given[1], self._source, relative=False)
        if not given or given[0].type != "simple_symbol" or not self._by_constant:
            return None
        if self._at is not None:
            return self._at
        parts = [underscored("::".join(self._modules)), self._under, underscored(self._text(given[0]).lstrip(":"))]
        return "/".join(part for part in parts if part)

    def _hear(self, name: str, call: Node) -> None:
        """``autoload_under "folder"`` and ``autoload_at "path"`` hold for the block that they are given."""
        arguments = call.child_by_field_name("arguments")
        given = arguments.named_child(0) if name.startswith("autoload_") and arguments is not None else None
        if given is None or given.end_byte - given.start_byte > _LONGEST:
            return
        path = written_path(given, self._source, relative=False)
        if name == "autoload_under":
            self._under = path
        elif name == "autoload_at":
            self._at = path

    def _text(self, node: Node) -> str:
        """The text of a node, or so much of it as makes a path too long: a long one may hold many candidates."""
        end = min(node.end_byte, node.start_byte + _LONGEST + 1)
        return self._source[node.start_byte : end].decode("utf-8", errors="replace")

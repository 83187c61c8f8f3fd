"""The constants that a Ruby file names, each with the modules around it: for projects that load files by constants."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_worker.source.parse.dialect import wheel
from edge_worker.source.parse.query import captured
from edge_worker.source.parse.statement import ImportStatement

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

GRAMMAR = wheel("tree_sitter_ruby")
#: What begins the name of a constant, which no path begins with.
MARK = "::"
_QUERY = """
[(class) (module)] @scope
(scope_resolution) @long
(constant) @short
(assignment left: (constant) @own)
"""
_CONSTANT = re.compile(r"(?:::)?[A-Z]\w*(?:::[A-Z]\w*)*")
_CORE = """
    ArgumentError Array BasicObject Binding Class Comparable Complex Data Dir ENV EOFError Encoding EncodingError
    Enumerable Enumerator Errno Exception FalseClass Fiber File FileTest FloatDomainError Float FrozenError GC Hash
    IO IOError IndexError Integer Interrupt Kernel KeyError LoadError LocalJumpError Marshal MatchData Math Method
    Module Monitor Mutex NameError NilClass NoMethodError NotImplementedError Numeric ObjectSpace Object Proc Process
    Queue RUBY_ENGINE RUBY_PLATFORM RUBY_VERSION Ractor Random RangeError Range Rational Regexp RegexpError RuntimeError
    STDERR STDIN STDOUT ScriptError SecurityError Set Signal SignalException StandardError StopIteration String Struct
    Symbol SyntaxError SystemCallError SystemExit SystemStackError Thread ThreadError Time TracePoint TrueClass
    TypeError UnboundMethod UncaughtThrowError ZeroDivisionError
"""
# A longer name is generated nesting, and so are modules below these.
_LONGEST, _DEEPEST = 500, 100
# How many modules around a constant are told, the innermost.
_MOST_AROUND = 20
# Bytes of names that one file may tell: each constant is told with all modules around it. A name has some of its own.
_MOST_TOLD, _PER_NAME = 4_000_000, 50
#: What Ruby itself defines, without any file.
_OF_RUBY = frozenset(_CORE.split())


def constants(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield ``::A::B`` for each constant once in the same modules, which are its ``names``, the innermost first.

    What a file would tell beyond four million bytes is left out.
    """
    found = captured(tree, GRAMMAR, _QUERY)
    own = {node.start_byte for kind, node in found if kind == "own"}
    scopes = _Scopes(source)
    told = set[tuple[str, tuple[str, ...]]]()
    done, spare = 0, _MOST_TOLD
    for kind, node in found:
        start = node.start_byte
        if kind == "scope":
            done = max(done, scopes.enter(node))
        elif start >= done and start not in own:
            if node.end_byte - start > _LONGEST:
                done = node.end_byte
                continue
            name = _text(node, source)
            if _CONSTANT.fullmatch(name) is None:
                continue
            done = node.end_byte
            around = () if name.startswith(MARK) else scopes.around(start)
            key = (name.removeprefix(MARK), around)
            if key not in told and key[0].partition(MARK)[0] not in _OF_RUBY:
                told.add(key)
                spare -= sum(_PER_NAME + len(one) for one in (name, *around))
                if spare < 0:
                    return
                yield ImportStatement(module=f"{MARK}{key[0]}", names=around, line=node.start_point.row + 1)


class _Scopes:
    """The modules that are open at a place, told of in the order of the text."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        # Where the body begins, where the module ends, its whole name and those of the modules around it.
        self._open: list[tuple[int, int, tuple[str, ...]]] = []

    def enter(self, node: Node) -> int:
        """Open a class or a module; return where its own name ends."""
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is None:
            return 0
        around = self.around(node.start_byte)
        if len(self._open) >= _DEEPEST or name.end_byte - name.start_byte > _LONGEST:
            return name.end_byte
        spelled = _text(name, self._source)
        whole = spelled if spelled.startswith(MARK) or not around else f"{around[0]}{MARK}{spelled}"
        begin = body.start_byte if body is not None else node.end_byte
        if len(whole) <= _LONGEST:
            self._open.append((begin, node.end_byte, (whole.removeprefix(MARK), *around)[:_MOST_AROUND]))
        return name.end_byte

    def around(self, start: int) -> tuple[str, ...]:
        """Return the modules whose body holds a place, the innermost first, and of many the innermost ones."""
        while self._open and self._open[-1][1] <= start:
            self._open.pop()
        return next((names for begin, _, names in reversed(self._open) if begin <= start), ())


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", errors="replace")

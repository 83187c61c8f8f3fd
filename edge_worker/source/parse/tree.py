"""One syntax tree within a time limit, and the way down to a byte of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

SECONDS = 5.0
# The grammar is asked for slices this long: each is copied once.
_SLICE = 1 << 16
# A byte below this depth is not searched for: generated nesting, not a program's import.
_DEPTH = 1000


def syntax_tree(grammar: Callable[[], object], source: bytes, *, seconds: float = SECONDS) -> Tree | None:
    """Return the tree of a UTF-8 text, or None if it was not ready after ``seconds``."""
    parser = _parser(grammar)
    end = monotonic() + seconds
    stopped = False

    def late(_offset: int, _has_error: bool) -> bool:
        nonlocal stopped
        stopped = monotonic() > end
        return stopped

    try:
        return parser.parse(lambda offset, _point: source[offset : offset + _SLICE], progress_callback=late)
    except ValueError:
        # The parser's only word for "stopped"; anything else is a defect that must be seen.
        parser.reset()
        if not stopped:
            raise
        return None


def path_to(tree: Tree, offset: int) -> Iterator[Node]:
    """Yield the nodes that contain a byte, from below the root down to the leaf.

    The caller stops where it has seen enough, which keeps the walk to the few nodes around each import.
    """
    cursor = tree.walk()
    while cursor.depth < _DEPTH and cursor.goto_first_child_for_byte(offset) is not None:
        node = cursor.node
        if node is None or node.start_byte > offset:
            return
        yield node


def is_wreck(tree: Tree) -> bool:
    """Return whether the grammar recognised nothing: the whole text is one error, or errors and comments alone."""
    if tree.root_node.type == "ERROR":
        return True
    kinds = {node.type for node in tree.root_node.named_children}
    return "ERROR" in kinds and kinds <= {"ERROR", "comment"}


@cache
def _parser(grammar: Callable[[], object]) -> Parser:
    # Most runs need no grammar, and so not what runs them.
    library = import_module("tree_sitter")
    parser: Parser = library.Parser(library.Language(grammar()))
    return parser

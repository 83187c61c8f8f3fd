"""What a pattern finds in a syntax tree, in the order of the text."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Query, QueryCursor, Tree

# Below this depth nothing is looked for. Beyond 65,535 the cursor's counter wraps, and it never ends.
_DEEPEST = 1000
# Over the children of one error, a query takes the square of their number. No program has so many.
_MOST_IN_ERROR = 10_000


def captured(tree: Tree, grammar: Callable[[], object], pattern: str) -> list[tuple[str, Node]]:
    """Return (name of the capture, node) of every match, by where the node begins, the outer one first.

    Nothing for a text that is one long error.
    """
    root = tree.root_node
    if root.has_error and any(node.type == "ERROR" and node.child_count > _MOST_IN_ERROR for node in _top(root)):
        return []
    cursor: QueryCursor = import_module("tree_sitter").QueryCursor(_compiled(grammar, pattern))
    cursor.set_max_start_depth(_DEEPEST)
    places = [(name, node) for name, nodes in cursor.captures(root).items() for node in nodes]
    return sorted(places, key=lambda place: (place[1].start_byte, -place[1].end_byte))


def _top(root: Node) -> list[Node]:
    return [root, *(root.children if root.type != "ERROR" else ())]


@cache
def _compiled(grammar: Callable[[], object], pattern: str) -> Query:
    parser = import_module("tree_sitter")
    query: Query = parser.Query(parser.Language(grammar()), pattern)
    return query

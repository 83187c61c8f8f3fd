"""What the chunker must know of a language: one small table each, over its grammar's names of nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

#: How far a declarator, or another wrapping of a name, is followed.
_DEEPEST_NAME = 20
_LONGEST_NAME = 200
_NOTHING: Set[str] = frozenset()


def named(node: Node, program: bytes) -> str | None:
    """Return the name that the grammar gives a node; None for one without."""
    return text_of(node.child_by_field_name("name"), program)


def text_of(node: Node | None, program: bytes) -> str | None:
    """Return a short node's text on one line; None for no node or a long one."""
    if node is None or node.end_byte - node.start_byte > _LONGEST_NAME:
        return None
    # The node's own ``text`` asks for the program again, a slice of 64 KiB for every name.
    return " ".join(program[node.start_byte : node.end_byte].decode("utf-8", errors="replace").split()) or None


def innermost(node: Node | None, *fields: str) -> Node | None:
    """Return the node that is reached by the first of these fields that is there, again and again."""
    for _ in range(_DEEPEST_NAME):
        if node is None:
            break
        below = next((child for name in fields if (child := node.child_by_field_name(name))), None)
        if below is None:
            return node
        node = below
    return None


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The nodes of a grammar that make chunks. Nodes in no table are looked through."""

    #: The grammar wheel's entry.
    grammar: Callable[[], object]
    #: One chunk each, with all that is nested in them.
    functions: Set[str]
    #: Their members are chunks of their own; what is left is the class's.
    classes: Set[str] = _NOTHING
    #: What only lends its name to what is inside.
    scopes: Set[str] = _NOTHING
    #: Functions and classes that count only where they have a body: the rest are declarations.
    bodied: Set[str] = _NOTHING
    #: Nodes that are functions if this field of theirs is one of ``anonymous``.
    values: Mapping[str, str] = field(default_factory=dict)
    anonymous: Set[str] = _NOTHING
    #: Sequences of statements. The first one of each stays with what opens it.
    bodies: Set[str] = _NOTHING
    #: Comments, decorators and attributes, which belong to what follows.
    leading: Set[str] = frozenset({"comment"})
    #: Nodes that are looked through even where they take one line.
    wrappers: Set[str] = _NOTHING
    #: Wrappers that begin above the function inside, and belong to it.
    fronts: Set[str] = _NOTHING
    #: The name of a function, class or scope, dotted where it says more than one; None for what has none.
    name: Callable[[Node, bytes], str | None] = named
    #: Whether only its scripts are a program: the other lines are no part of the tree.
    is_page: bool = False
    #: Matches what stands before a declaration that another definition of the same name implements.
    stub: re.Pattern[str] | None = None

"""The two readings of a Java file: they differ in who tells what is a comment, a string or a character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_worker.source.languages.java.items import Items
from edge_worker.source.parse.blank import blank, blank_nodes
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.parse.text import plain

if TYPE_CHECKING:
    from tree_sitter import Tree

# What lacks its end takes the rest, so that the search stays linear.
_OPAQUE = re.compile(
    rb"//[^\n\r]*|/\*[\s\S]*?(?:\*/|\Z)"
    rb'|"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+(?:"""|\Z)?'
    rb'|"(?:[^"\\\n]++|\\.)*+"?'
    rb"|'(?:[^'\\\n]++|\\.)*+'?"
)
_NODES = frozenset({"line_comment", "block_comment", "string_literal", "character_literal"})


def scan(source: bytes) -> Parsed | None:
    """Return what a file imports where its braces match and no letter of its code is written as a number, else None."""
    text = plain(source)
    if text is None:
        return None
    code = blank(text, _OPAQUE)
    items = Items(code)
    if not items.balanced or b"\\u" in code:
        return None
    return Parsed(imports=tuple(items.statements), status="parsed", declares=tuple(items.declares))


def statements(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what the file asks for, with the grammar's word for what is code."""
    yield from Items(blank_nodes(tree, source, _NODES)).statements


def salvage(_tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what the text says where the grammar lost its way, so that its word for what is code may be wrong."""
    yield from Items(blank(source, _OPAQUE)).statements


def declarations(tree: Tree, source: bytes) -> Iterator[str]:
    """Yield ``package a.b`` or ``module a.b``, and the types at the top of the file."""
    yield from Items(blank_nodes(tree, source, _NODES)).declares

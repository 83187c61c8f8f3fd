"""The two readings of a Go file: they differ in who tells what is a comment, a string or a character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_worker.source.languages.go.items import Items
from edge_worker.source.parse.blank import blank, blank_nodes
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.parse.text import plain

if TYPE_CHECKING:
    from tree_sitter import Tree

# What lacks its end takes the rest, so that the search stays linear.
_OPAQUE = re.compile(
    rb"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)|`[^`]*(?:`|\Z)"
    rb'|"(?:[^"\\\n]++|\\.)*+"?'
    rb"|'(?:[^'\\\n]++|\\.)*+'?"
)
_NODES = frozenset({"comment", "interpreted_string_literal", "raw_string_literal", "rune_literal"})


def scan(source: bytes) -> Parsed | None:
    """Return what a file imports where its braces match, else None."""
    text = plain(source)
    if text is None:
        return None
    items = Items(blank(text, _OPAQUE), text)
    if not items.balanced:
        return None
    return Parsed(imports=tuple(items.statements), status="parsed", declares=tuple(items.declares))


def statements(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what the file asks for, with the grammar's word for what is code."""
    yield from Items(blank_nodes(tree, source, _NODES), source).statements


def salvage(_tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what the text says where the grammar lost its way, so that its word for what is code may be wrong."""
    yield from Items(blank(source, _OPAQUE), source).statements


def declarations(tree: Tree, source: bytes) -> Iterator[str]:
    """Yield the file's package and what it declares for it."""
    yield from Items(blank_nodes(tree, source, _NODES), source).declares

"""The two readings of a Rust file: they differ in who tells what is a comment, a string or a character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge_worker.source.languages.rust.items import Items
from edge_worker.source.languages.rust.words import LONGEST
from edge_worker.source.parse.blank import blank, blank_nodes
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.parse.text import plain

if TYPE_CHECKING:
    from tree_sitter import Tree

# What lacks its end takes the rest, so that the search stays linear. A quote may also begin a lifetime.
_OPAQUE = re.compile(
    rb"//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)"
    rb'|r(?=[#"])(?:(?<![\w\x80-\xff]r)|(?<=[^\w\x80-\xff][bc]r))(#{0,255})"[\s\S]*?(?:"\1|\Z)'
    rb'|"(?:[^"\\]++|\\[\s\S])*+"?'
    rb"|'(?:\\[^\n]{1,12}?|[^'\\\n\x80-\xff]|[\xc0-\xff][\x80-\xbf]{1,3})'"
)
_NODES = frozenset({"line_comment", "block_comment", "string_literal", "raw_string_literal", "char_literal"})
_HELD = re.compile(rb"\bmod\s+(?:r#)?([A-Za-z_\x80-\xff][\w\x80-\xff]{0,%d}+)\s*\{" % (LONGEST - 1))
# What may be a comment in a comment.
_REOPENED = re.compile(rb"/\*[^*/]*+(?:\*(?!/)[^*/]*+|/(?!\*)[^*/]*+)*+/\*")


def scan(source: bytes) -> Parsed | None:
    """Return what a file imports where no comment holds another one and all braces match, else None."""
    text = plain(source)
    if text is None:
        return None
    code = blank(text, _OPAQUE)
    # What is left of a comment that went on after the end of one inside it; no operators meet like this.
    if b"*/" in code or (_REOPENED.search(text) and _holds_comment_in_comment(text)):
        return None
    items = Items(code, text)
    return Parsed(imports=items.statements, status="parsed", declares=items.declares) if items.balanced else None


def _holds_comment_in_comment(text: bytes) -> bool:
    return any(match[0].startswith(b"/*") and b"/*" in match[0][2:] for match in _OPAQUE.finditer(text))


def statements(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what the file asks for, with the grammar's word for what is code."""
    yield from Items(blank_nodes(tree, source, _NODES), source).statements


def salvage(_tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what the lines say where the grammar lost its way, so that its word for what is code may be wrong."""
    yield from Items(blank(source, _OPAQUE), source).statements


def declarations(tree: Tree, source: bytes) -> Iterator[str]:
    """Yield the modules that the file holds in itself."""
    yield from dict.fromkeys(
        name.decode("utf-8", errors="replace") for name in _HELD.findall(blank_nodes(tree, source, _NODES))
    )

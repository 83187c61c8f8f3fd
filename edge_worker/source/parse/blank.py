"""A program without its comments and strings: what is left can be searched by pattern, and nothing in it is prose."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

# Quotes stay, so that there is still something where a string was.
_SPACES = bytes(byte if byte in b'\r\n"`' else 0x20 for byte in range(256))


def blank(source: bytes, opaque: re.Pattern[bytes]) -> bytes:
    """Return the text with each match of ``opaque`` turned into spaces, so that every offset and line stays."""
    return opaque.sub(_spaces, source)


def blank_nodes(tree: Tree, source: bytes, kinds: Set[str]) -> bytes:
    """Return the text with each node of these kinds turned into spaces, so that every offset and line stays."""
    text = bytearray(source)
    for node in _nodes(tree, kinds):
        text[node.start_byte : node.end_byte] = source[node.start_byte : node.end_byte].translate(_SPACES)
    return bytes(text)


def _spaces(match: re.Match[bytes]) -> bytes:
    return match[0].translate(_SPACES)


def _nodes(tree: Tree, kinds: Set[str]) -> Iterator[Node]:
    """Yield the outermost nodes of these kinds. A query would take the square of a tree's depth."""
    cursor = tree.walk()
    going = True
    while going:
        node = cursor.node
        found = node is not None and node.type in kinds
        if found and node is not None:
            yield node
        going = (not found and cursor.goto_first_child()) or cursor.goto_next_sibling()
        while not going and cursor.goto_parent():
            going = cursor.goto_next_sibling()

"""Rust."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_worker.source.parse.dialect import wheel
from edge_worker.text.shape import Shape, named, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_TYPE = re.compile(r"(?:\w+::)*(\w+)")


def _name(node: Node, program: bytes) -> str | None:
    if node.type != "impl_item":
        return named(node, program)
    found = _TYPE.search((text_of(node.child_by_field_name("type"), program) or "").removeprefix("dyn "))
    return found[1] if found else None


SHAPES = {
    "rust": Shape(
        grammar=wheel("tree_sitter_rust"),
        functions={"function_item", "macro_definition"},
        classes={"struct_item", "enum_item", "union_item", "trait_item", "impl_item"},
        scopes={"mod_item"},
        bodies={"block", "declaration_list"},
        leading={"line_comment", "block_comment", "attribute_item"},
        name=_name,
    )
}

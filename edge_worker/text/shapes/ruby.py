"""Ruby."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_worker.source.parse.dialect import wheel
from edge_worker.text.shape import Shape, named

if TYPE_CHECKING:
    from tree_sitter import Node


def _name(node: Node, program: bytes) -> str | None:
    name = named(node, program)
    return name.replace("::", ".") if name else None


SHAPES = {
    "ruby": Shape(
        grammar=wheel("tree_sitter_ruby"),
        functions={"method", "singleton_method"},
        classes={"class", "module"},
        bodies={"body_statement", "then", "do"},
        wrappers={"call", "argument_list"},
        name=_name,
    )
}

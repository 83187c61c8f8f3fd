"""Go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from edge_worker.source.parse.dialect import wheel
from edge_worker.text.shape import Shape, named, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

# ``(s *Server[K])``: the type is the last word before its parameters.
_RECEIVER = re.compile(r"(\w+)(?:\[.*\])?\s*\)$")


def _name(node: Node, program: bytes) -> str | None:
    name = named(node, program)
    receiver = _RECEIVER.search(text_of(node.child_by_field_name("receiver"), program) or "")
    return f"{receiver[1]}.{name}" if receiver and name else name


SHAPES = {
    "go": Shape(
        grammar=wheel("tree_sitter_go"),
        functions={"function_declaration", "method_declaration"},
        classes={"type_spec"},
        bodied={"function_declaration", "method_declaration"},
        bodies={"block", "statement_list"},
        name=_name,
    )
}

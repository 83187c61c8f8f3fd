"""Java."""

from __future__ import annotations

from edge_worker.source.parse.dialect import wheel
from edge_worker.text.shape import Shape

SHAPES = {
    "java": Shape(
        grammar=wheel("tree_sitter_java"),
        functions={"method_declaration", "constructor_declaration", "compact_constructor_declaration"},
        classes={
            "class_declaration",
            "interface_declaration",
            "enum_declaration",
            "record_declaration",
            "annotation_type_declaration",
        },
        bodied={"method_declaration"},
        bodies={"block", "constructor_body", "class_body"},
        leading={"line_comment", "block_comment"},
    )
}

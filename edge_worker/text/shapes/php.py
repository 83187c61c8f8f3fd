"""PHP."""

from __future__ import annotations

from edge_worker.source.parse.dialect import wheel
from edge_worker.text.shape import Shape

SHAPES = {
    "php": Shape(
        grammar=wheel("tree_sitter_php", "language_php"),
        functions={"function_definition", "method_declaration"},
        classes={"class_declaration", "trait_declaration", "interface_declaration", "enum_declaration"},
        bodied={"method_declaration"},
        bodies={"compound_statement", "declaration_list"},
    )
}

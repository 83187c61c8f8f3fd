"""JavaScript and TypeScript, and the scripts of pages."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_worker.source.parse.dialect import wheel
from edge_worker.text.shape import Shape, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_FIELDS = ("name", "property", "key", "left")
_EXPORTS = re.compile(r"^(?:module\.)?exports\.|^(?:window|globalThis|this)\.")
_PROTOTYPE = re.compile(r"\.prototype(?=\.)")
_DOTTED = re.compile(r"[#\w$]+(?:\.[#\w$]+)*")


def _name(node: Node, program: bytes) -> str | None:
    found = next((child for name in _FIELDS if (child := node.child_by_field_name(name))), None)
    written = (text_of(found, program) or "").strip("\"'")
    written = _PROTOTYPE.sub("", _EXPORTS.sub("", written))
    return written if _DOTTED.fullmatch(written) else None


_JAVASCRIPT = Shape(
    grammar=wheel("tree_sitter_javascript"),
    functions={
        "function_declaration",
        "generator_function_declaration",
        "function_expression",
        "generator_function",
        "method_definition",
    },
    classes={"class_declaration", "class"},
    values={
        "variable_declarator": "value",
        "pair": "value",
        "assignment_expression": "right",
        "field_definition": "value",
        "public_field_definition": "value",
    },
    anonymous={"arrow_function", "function_expression", "generator_function"},
    bodies={"statement_block", "class_body", "object"},
    leading={"comment", "decorator"},
    wrappers={
        "export_statement",
        "lexical_declaration",
        "variable_declaration",
        "expression_statement",
        "pair",
        "variable_declarator",
    },
    name=_name,
)
_TYPESCRIPT = replace(
    _JAVASCRIPT,
    grammar=wheel("tree_sitter_typescript", "language_typescript"),
    classes=_JAVASCRIPT.classes
    | {"abstract_class_declaration", "interface_declaration", "enum_declaration", "type_alias_declaration"},
    scopes={"internal_module", "module"},
)
_PAGE = replace(_TYPESCRIPT, is_page=True)

SHAPES = {
    "javascript": _JAVASCRIPT,
    "typescript": _TYPESCRIPT,
    "tsx": replace(_TYPESCRIPT, grammar=wheel("tree_sitter_typescript", "language_tsx")),
    "vue": _PAGE,
    "svelte": _PAGE,
    "astro": _PAGE,
}

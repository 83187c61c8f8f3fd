"""C, C++ and CUDA. A header may be of either; the grammar of C++ reads nearly all of C."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from edge_worker.source.parse.dialect import wheel
from edge_worker.text.shape import Shape, innermost, named, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_ARGUMENTS = re.compile(r"<[^<>]*>")
_SPELLING = re.compile(r"~?[\w.]*\w|(?:[\w.]+\.)?operator\W{1,3}")


def _name(node: Node, program: bytes) -> str | None:
    declarator = innermost(node.child_by_field_name("declarator"), "declarator")
    written = named(node, program) if declarator is None else text_of(_below_reference(declarator), program)
    written = _ARGUMENTS.sub("", written or "").removeprefix("::").replace("::", ".").replace(".~", ".")
    return written if _SPELLING.fullmatch(written) else None


def _below_reference(declarator: Node) -> Node | None:
    """Return the name below ``&``, whose node gives what it declares no field."""
    if declarator.type != "reference_declarator":
        return declarator
    children = declarator.named_children
    return innermost(children[0], "declarator") if len(children) == 1 else None


_C = Shape(
    grammar=wheel("tree_sitter_c"),
    functions={"function_definition"},
    classes={"struct_specifier", "union_specifier", "enum_specifier"},
    bodied={"function_definition", "struct_specifier", "union_specifier", "enum_specifier"},
    bodies={"compound_statement"},
    name=_name,
)
_CPP = replace(
    _C,
    grammar=wheel("tree_sitter_cpp"),
    classes=_C.classes | {"class_specifier"},
    scopes={"namespace_definition"},
    bodied=_C.bodied | {"class_specifier"},
    wrappers={"template_declaration"},
    fronts={"template_declaration"},
)

SHAPES = {"c": _C, "cpp": _CPP, "cuda": _CPP}

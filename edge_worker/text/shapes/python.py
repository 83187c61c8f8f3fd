"""Python."""

from __future__ import annotations

import re

from edge_worker.source.parse.dialect import wheel
from edge_worker.text.shape import Shape

SHAPES = {
    "python": Shape(
        grammar=wheel("tree_sitter_python"),
        functions={"function_definition"},
        classes={"class_definition"},
        bodies={"block"},
        leading={"comment", "decorator"},
        wrappers={"decorated_definition"},
        stub=re.compile(r"[ \t]*@(?:\w+\.)*overload\b"),
    )
}

"""The path that an ``include`` or ``require`` computes, as far as it is written down."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

#: Stands for a beginning that only the running program knows.
UNKNOWN = "*"
# What stands for the file itself: its directory is ``.``.
_FILE = "./-"
_NAMES = {"__dir__": ".", "__file__": _FILE, "directory_separator": "/"}
# Written text behind an unknown beginning: with a folder it says enough, a piece of a file's name does not.
_TAIL = re.compile(r"/?[\w-][\w.-]*(?:/[\w.-]+)+|/[\w-][\w.-]+")
_DEEPEST = 100


def written_path(node: Node, source: bytes) -> str | None:
    """Return ``./x.php`` from the file's directory, ``x.php`` from where PHP looks, ``*/x.php`` from anywhere.

    None when too little of it is written.
    """
    path = _read(node, source, 0)
    if UNKNOWN not in path:
        return path if "." in path.strip("./") or "/" in path.strip("./") else None
    tail = path.rpartition(UNKNOWN)[2]
    return f"{UNKNOWN}/{tail.strip('/')}" if _TAIL.fullmatch(tail) else None


def _read(node: Node | None, source: bytes, depth: int) -> str:
    reader = _READERS.get(node.type) if node is not None and depth < _DEEPEST else None
    return reader(node, source, depth + 1) if reader and node is not None else UNKNOWN


def _wrapped(node: Node, source: bytes, depth: int) -> str:
    inner = [child for child in node.named_children if child.type != "comment"]
    return _read(inner[0], source, depth) if len(inner) == 1 else UNKNOWN


def _string(node: Node, source: bytes, depth: int) -> str:
    literal = {"string_content", "escape_sequence"}
    return "".join(_text(child, source) if child.type in literal else UNKNOWN for child in node.named_children)


def _joined(node: Node, source: bytes, depth: int) -> str:
    operator = node.child_by_field_name("operator")
    if operator is None or operator.type != ".":
        return UNKNOWN
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    return _read(left, source, depth) + _read(right, source, depth)


def _named(node: Node, source: bytes, depth: int) -> str:
    return _NAMES.get(_text(node, source).lower(), UNKNOWN)


def _called(node: Node, source: bytes, depth: int) -> str:
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    given = [child for child in arguments.named_children if child.type == "argument"] if arguments is not None else []
    if function is None or not given:
        return UNKNOWN
    path = _read(given[0], source, depth)
    name = _text(function, source).lower().lstrip("\\")
    if name == "realpath" or UNKNOWN in path:
        return path
    if name == "plugin_dir_path":
        return f"{_above(path)}/"
    if name != "dirname":
        return UNKNOWN
    levels = _text(given[1], source) if len(given) > 1 else "1"
    for _ in range(min(int(levels), _DEEPEST) if levels.isascii() and levels.isdigit() else 1):
        path = _above(path)
    return path


def _above(path: str) -> str:
    clean = posixpath.normpath(path)
    if clean == "-":
        return "."
    if clean.rpartition("/")[2] in {".", ".."}:
        return ".." if clean == "." else f"{clean}/.."
    above = posixpath.dirname(clean)
    return above if above.startswith("..") or not path.startswith(".") else f"./{above}".rstrip("/")


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", errors="replace")


_READERS: dict[str, Callable[[Node, bytes, int], str]] = {
    "parenthesized_expression": _wrapped,
    "argument": _wrapped,
    "string": _string,
    "encapsed_string": _string,
    "binary_expression": _joined,
    "name": _named,
    "function_call_expression": _called,
}

"""The path that a ``require`` computes, as far as it is written down."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node

#: Stands for a directory that only the running program knows: where it was started, ``Rails.root``, a variable.
ANYWHERE = "*"
# Stands for the file's own directory, and for the file.
_HERE, _FILE = "@", "@/-"
_PLAIN = re.compile(r"[\w.][^\0*@]*")
_DEEPEST = 50


def written_path(node: Node, source: bytes, *, relative: bool) -> str | None:
    """Return ``./x`` from the file's directory, ``x`` from the load path, ``*/x`` from a directory of the run.

    ``relative`` says that the file's directory is what a path starts from. None when too little of it is written.
    """
    path = _read(node, source, 0)
    if _PLAIN.fullmatch(path):
        if not relative and not path.startswith("."):
            return path
        path = f"{_HERE if relative else ANYWHERE}/{path}"
    base, slash, rest = path.partition("/")
    clean = posixpath.normpath(rest.lstrip("/"))
    if not slash or clean == "." or ANYWHERE in rest or _HERE in rest:
        return None
    if base == ANYWHERE:
        return None if clean.startswith("..") else f"{ANYWHERE}/{clean}"
    return (clean if clean.startswith("..") else f"./{clean}") if base == _HERE else None


def _read(node: Node, source: bytes, depth: int) -> str:
    reader = _READERS.get(node.type) if depth < _DEEPEST else None
    return reader(node, source, depth + 1) if reader else ANYWHERE


def _string(node: Node, source: bytes, depth: int) -> str:
    return "".join(_read(child, source, depth) for child in node.named_children)


def _interpolated(node: Node, source: bytes, depth: int) -> str:
    return _read(node.named_children[0], source, depth) if len(node.named_children) == 1 else ANYWHERE


def _name(node: Node, source: bytes, depth: int) -> str:
    return {"__dir__": _HERE, "__FILE__": _FILE}.get(_text(node, source), ANYWHERE)


def _added(node: Node, source: bytes, depth: int) -> str:
    operator = node.child_by_field_name("operator")
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if operator is None or operator.type != "+" or left is None or right is None:
        return ANYWHERE
    return _read(left, source, depth) + _read(right, source, depth)


def _called(node: Node, source: bytes, depth: int) -> str:
    receiver, method = node.child_by_field_name("receiver"), node.child_by_field_name("method")
    arguments = node.child_by_field_name("arguments")
    if method is None:
        return ANYWHERE
    given = [_read(child, source, depth) for child in arguments.named_children] if arguments is not None else []
    owner, name = _text(receiver, source) if receiver is not None else "", _text(method, source)
    if owner in {"File", "::File"} and given:
        return _FILES.get(name, _unknown)(given)
    if receiver is not None and name in {"join", "+"}:
        return "/".join((_read(receiver, source, depth), *given))
    if receiver is not None and name in {"to_s", "to_path", "realpath", "expand_path"} and not given:
        return _read(receiver, source, depth)
    return ANYWHERE


def _expanded(given: Sequence[str]) -> str:
    path, base = given[0], given[1] if len(given) > 1 else ANYWHERE
    return f"{base}/{path}" if _PLAIN.fullmatch(path) else path


def _above(given: Sequence[str]) -> str:
    return _HERE if given[0] == _FILE else f"{given[0]}/.."


def _unknown(given: Sequence[str]) -> str:
    return ANYWHERE


def _text(node: Node, source: bytes) -> str:
    return source[node.start_byte : node.end_byte].decode("utf-8", errors="replace")


_FILES: dict[str, Callable[[Sequence[str]], str]] = {
    "expand_path": _expanded,
    "absolute_path": _expanded,
    "join": "/".join,
    "dirname": _above,
    "realpath": lambda given: given[0],
}
_READERS: dict[str, Callable[[Node, bytes, int], str]] = {
    "string": _string,
    "string_content": lambda node, source, depth: _text(node, source),
    "interpolation": _interpolated,
    "identifier": _name,
    "constant": _name,
    "binary": _added,
    "call": _called,
}

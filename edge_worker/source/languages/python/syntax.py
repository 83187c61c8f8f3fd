"""The imports of a Python file."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

from edge_worker.source.parse.statement import CONDITIONAL, DYNAMIC, NESTED, RUNTIME, TYPE_ONLY, ImportStatement
from edge_worker.source.parse.text import honour_cookie, to_utf8
from edge_worker.source.parse.tree import path_to

# A literal prefix makes this search run at memory speed; what it finds is judged by the tree.
_CANDIDATE = re.compile(rb"import")
_STATEMENTS = {"import_statement", "import_from_statement", "future_import_statement"}
_OPAQUE = {"comment", "string_content", "string_start", "string_end"}
_CALLS = {"import_module", "__import__", "importorskip"}
_CONDITIONS = {"if_statement", "try_statement", "match_statement", "while_statement", "for_statement"}
_LINE = re.compile(
    rb"^[ \t]*(from[ \t]+[.\w]+[ \t]+import[ \t]*(?:\([^)]{0,5000}\)|[^\n;#]{1,500})"
    rb"|import[ \t]+[\w.][^\n;#]{0,500})",
    re.MULTILINE,
)
_COMMENT = re.compile(r"#[^\n]*|\\\r?\n")
_KEYWORD = re.compile(r"\bimport\b")
_CHECKING = re.compile(r"(?:\w+\.)*TYPE_CHECKING")
_DOTTED = re.compile(r"\w+(?:\.\w+)*")
_LITERAL = re.compile(r"""[rRuU]?(?P<quote>'''|\"""|'|")(?P<text>\.*\w+(?:\.\w+)*)(?P=quote)""")


def statements(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield the imports at every depth, and ``import_module``, ``__import__`` and ``importorskip`` with a literal."""
    done = set[int]()
    for match in _CANDIDATE.finditer(source):
        found, kinds = _enclosing(tree, source, match.start())
        if found is None or found.start_byte in done:
            continue
        done.add(found.start_byte)
        if found.type == "call":
            yield from _call(found, source)
        else:
            yield from _read(_text(found, source), found.start_point.row + 1, kinds)


def salvage(tree: Tree, source: bytes) -> Iterator[ImportStatement]:
    """Yield what the lines of a broken file that begin like an import say, unless the line lies in a string."""
    breaks = [match.start() for match in re.finditer(rb"\n", source)]
    for match in _LINE.finditer(source):
        if not any(node.type in _OPAQUE for node in path_to(tree, match.start(1))):
            yield from _read(_decode(match[1]), bisect_right(breaks, match.start(1)) + 1, (RUNTIME,))


def _enclosing(tree: Tree, source: bytes, offset: int) -> tuple[Node | None, tuple[str, ...]]:
    """Return the import statement, or the call of an import function, at a byte, and the kinds its place gives."""
    marks: dict[str, None] = {}
    base, guarded, call = RUNTIME, False, None
    for node in path_to(tree, offset):
        kind = node.type
        if kind in _STATEMENTS:
            return node, (base, *marks)
        if kind in _OPAQUE:
            return None, ()
        if kind == "block" and guarded:
            base = TYPE_ONLY
        guarded = kind in {"if_statement", "elif_clause"} and _is_type_checking(node, source)
        if kind in _CONDITIONS and not guarded:
            marks[CONDITIONAL] = None
        elif kind in {"function_definition", "lambda"}:
            marks[NESTED] = None
        elif kind == "call":
            call = node
    return call, ()


def _is_type_checking(node: Node, source: bytes) -> bool:
    condition = node.child_by_field_name("condition")
    return condition is not None and _CHECKING.fullmatch(_text(condition, source)) is not None


def _call(node: Node, source: bytes) -> Iterator[ImportStatement]:
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is None or arguments is None or _text(function, source).rpartition(".")[2] not in _CALLS:
        return
    first = next((child for child in arguments.named_children if child.type != "comment"), None)
    literal = _LITERAL.fullmatch(_text(first, source)) if first is not None and first.type == "string" else None
    if literal is None:
        return
    module = literal["text"].lstrip(".")
    level = len(literal["text"]) - len(module)
    yield ImportStatement(module=module, level=level, kinds=(DYNAMIC,), line=node.start_point.row + 1)


def _read(text: str, line: int, kinds: Sequence[str]) -> Iterator[ImportStatement]:
    """Read a statement from its text: a dotted name may hold comments, line ends and blanks that nodes would keep."""
    text = " ".join(_COMMENT.sub(" ", text).split())
    if text.startswith("import"):
        for module in _names(text[len("import") :]):
            yield ImportStatement(module=module, kinds=tuple(kinds), line=line)
        return
    rest = text.removeprefix("from")
    keyword = _KEYWORD.search(rest)
    if keyword is None:
        return
    origin = rest[: keyword.start()].replace(" ", "")
    module = origin.lstrip(".")
    names = tuple(_names(rest[keyword.end() :].replace("(", " ").replace(")", " ")))
    if names and (not module or _DOTTED.fullmatch(module)):
        level = len(origin) - len(module)
        yield ImportStatement(module=module, names=names, level=level, kinds=tuple(kinds), line=line)


def _names(listing: str) -> Iterator[str]:
    for item in listing.split(","):
        name = item.partition(" as ")[0].replace(" ", "")
        if name == "*" or _DOTTED.fullmatch(name):
            yield name


def _text(node: Node, source: bytes) -> str:
    return _decode(source[node.start_byte : node.end_byte])


def _decode(text: bytes) -> str:
    return text.decode("utf-8", errors="replace")


def decoded(source: bytes) -> bytes:
    """Return the text in UTF-8, by its byte order mark or its coding cookie."""
    return honour_cookie(to_utf8(source))

"""The front of extraction: a file's language and bytes in, its imports and how well it was read out."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

from edge_worker.source.languages.registry import known
from edge_worker.source.parse.dialect import Dialect
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.parse.text import is_text
from edge_worker.source.parse.tree import SECONDS, is_wreck, syntax_tree

_FAILED = Parsed(imports=(), status="failed")


def read(language: str, source: bytes, *, seconds: float = SECONDS) -> Parsed:
    """Return what a file imports: by the language's scan where that is certain, else as ``parse_imports`` does.

    Raises:
        KeyError: no language has that name.
    """
    asked = known()[language]
    scanned = asked.scan(source) if asked.scan is not None else None
    return scanned if scanned is not None else parse_imports(language, source, seconds=seconds)


def parse_imports(language: str, source: bytes, *, seconds: float = SECONDS) -> Parsed:
    """Return what a file imports, by its grammar; no content makes it raise. The caller caps the size.

    ``failed`` means one of: the bytes are no text (NUL bytes, and not UTF-8), or not of the form that the language's
    files have; the parse, or the search of its tree, was stopped after ``seconds``; the grammar recognised nothing but
    errors and comments, and no line looks like an import.
    A file with syntax errors that is none of these is ``partial``: besides what the tree holds, lines that begin like
    an import are kept.

    Raises:
        KeyError: no language has that name.
    """
    dialect = known()[language].dialect
    return _parse(dialect, source, seconds) if dialect is not None else _FAILED


def _parse(dialect: Dialect, source: bytes, seconds: float) -> Parsed:
    text = dialect.decode(source)
    if text is None or not is_text(text):
        return _FAILED
    tree = syntax_tree(dialect.grammar, text, seconds=seconds)
    if tree is None:
        return _FAILED
    found = _in_time(dialect.statements(tree, text), seconds)
    if found is None:
        return _FAILED
    declares = tuple(dialect.declarations(tree, text)) if dialect.declarations is not None else ()
    if not tree.root_node.has_error:
        return Parsed(imports=tuple(found), status="parsed", declares=declares)
    found = _merged(found, dialect.salvage(tree, text))
    if not found and is_wreck(tree):
        return _FAILED
    return Parsed(imports=tuple(found), status="partial", declares=declares)


def _in_time(statements: Iterable[ImportStatement], seconds: float) -> list[ImportStatement] | None:
    """Return all of them, or None if they were not there after ``seconds``: a tree may be made to be slow to search."""
    end = monotonic() + seconds
    found = list[ImportStatement]()
    for statement in statements:
        found.append(statement)
        if monotonic() > end:
            return None
    return found


def _merged(found: list[ImportStatement], salvaged: Iterable[ImportStatement]) -> list[ImportStatement]:
    already = {(item.module, item.names, item.level) for item in found}
    more = [item for item in salvaged if (item.module, item.names, item.level) not in already]
    return sorted(found + more, key=lambda item: item.line)

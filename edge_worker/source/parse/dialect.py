"""The port of extraction: what a language brings so that its files can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_worker.source.parse.later import later
from edge_worker.source.parse.statement import ImportStatement
from edge_worker.source.parse.text import to_utf8

if TYPE_CHECKING:
    from tree_sitter import Tree

Extract = Callable[["Tree", bytes], Iterable[ImportStatement]]


def wheel(name: str, entry: str = "language") -> Callable[[], object]:
    """Return the entry of a grammar's wheel, which is imported when a file needs the grammar: most need none."""
    return later(name, entry)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One grammar and the two readers over it. Readers yield in the order of the text."""

    #: The grammar wheel's entry, which gives a pointer that tree-sitter takes.
    grammar: Callable[[], object]
    #: The imports that a tree holds.
    statements: Extract
    #: The imports on lines that begin like one, for a tree with errors; repeating what ``statements`` gave is fine.
    salvage: Extract
    #: The names by which other files may mean this one (see ``Parsed.declares``); None where paths alone decide.
    declarations: Callable[[Tree, bytes], Iterable[str]] | None = None
    #: The file's bytes to the UTF-8 that the grammar reads; None for a file that is broken before its language begins.
    decode: Callable[[bytes], bytes | None] = to_utf8

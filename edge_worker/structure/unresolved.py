"""Imports that were not understood, as the ledger keeps them: by file number, as plain text, not without bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Protocol

from shared.knowledge import MOST_NAME, MOST_UNRESOLVED, UnresolvedRow
from shared.text import plain


class Unresolved(Protocol):
    """An import that names something of its repository which is not there, as its file wrote it."""

    @property
    def path(self) -> str:
        """The file."""

    @property
    def line(self) -> int:
        """Where, from 1."""

    @property
    def module(self) -> str:
        """What it names."""


class Graph(Protocol):
    """The part of an import graph that is asked here."""

    @property
    def files(self) -> Mapping[int, str]:
        """Paths by number."""

    @property
    def unresolved(self) -> Iterable[Unresolved]:
        """In order of path and line."""


def unresolved_rows(graph: Graph) -> tuple[UnresolvedRow, ...]:
    """Return the first of a graph's unresolved imports, as many as are kept."""
    numbers = {path: number for number, path in graph.files.items()}
    return tuple(
        UnresolvedRow(source=numbers[one.path], line=one.line, module=plain(one.module)[:MOST_NAME])
        for one in islice(graph.unresolved, MOST_UNRESOLVED)
    )

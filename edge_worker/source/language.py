"""The port of a language: how its files are known, read, and their imports resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edge_worker.source.parse.dialect import Dialect
from edge_worker.source.parse.statement import ImportStatement, Parsed
from edge_worker.source.resolve.base import Resolver
from edge_worker.source.resolve.repository import Repository

#: Reads a file's bytes without a parser; None where only a parser can be certain.
Scan = Callable[[bytes], Parsed | None]


@dataclass(frozen=True, kw_only=True)
class Aside:
    """What a language finds besides imports, for who asks for all that ties one file to another."""

    #: What a file's bytes name; no content makes it raise.
    read: Callable[[bytes], Iterable[ImportStatement]]
    #: Resolves what was read so, and tells only what it found.
    resolver: Callable[[Repository], Resolver]


@dataclass(frozen=True, kw_only=True)
class Language:
    """What one folder of ``languages`` brings, once for each of its grammars."""

    name: str
    #: Lower case, with the dot.
    suffixes: tuple[str, ...]
    #: Raised whenever the same bytes give other statements than before; what was read by an older one is read anew.
    version: int
    #: Built once a repository; one function for every language of a family.
    resolver: Callable[[Repository], Resolver]
    #: The exact reading, by a grammar. None where none is needed: then ``scan`` is always certain.
    dialect: Dialect | None
    #: The fast reading: the imports are those of the exact one, or it says nothing. Its status is always ``parsed``.
    scan: Scan | None = None
    #: Whether a file's imports can be resolved only once every file has been read, since they name what files declare.
    by_name: bool = False
    #: Whether a file's lines are a program's, so that very long ones tell of a tool that wrote them.
    has_lines: bool = True
    #: Read on request alone, and never remembered or learned.
    aside: Aside | None = None

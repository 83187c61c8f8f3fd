"""Reading what was learned, and making a repository vanish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.ledger.names import clear_names
from shared.ledger.paths import bytes_of, text_of
from shared.ledger.postgres import Database
from shared.ledger.queries import queries
from shared.ledger.rows import clear

_SQL = queries("knowledge")


@dataclass(frozen=True, kw_only=True)
class RepositoryText:
    """The visible generation of a repository's text."""

    commit: str
    generation: int
    #: Who wants to search it needs the model and the chunker that this name stands for.
    collection: str
    model: str
    dimension: int
    passages: int
    #: The node that has the passages on its own disk, where the store is one.
    node: str | None
    vector_store: str
    indexed_at: datetime
    stats: dict[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> RepositoryText | None:
        """Return the text in a row of ``pharos.repositories``, or ``None`` where none is visible."""
        if row["text_commit"] is None:
            return None
        return cls(**{name: row[f"text_{name}"] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The visible generation of a repository: of its graph, and of its text."""

    id: str
    name: str
    url: str
    ref: str | None
    #: ``None``, as the next two, where its text alone was indexed.
    commit: str | None
    vector_store: str | None
    indexed_at: datetime | None
    generation: int
    files: int
    edges: int
    node: str | None
    stats: dict[str, Any]
    text: RepositoryText | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Repository:
        """Return the repository in a row of ``pharos.repositories``."""
        graph = {name: row[name] for name in cls.__dataclass_fields__ if name != "text"}
        return cls(**graph, text=RepositoryText.from_row(row))


@dataclass(frozen=True, kw_only=True)
class File:
    """A source file of a repository, and its standing in the graph as it was worked out when it was indexed."""

    number: int
    path: str
    language: str
    size: int
    status: str
    isolated: bool
    flags: tuple[str, ...] = ()
    #: PageRank along imports, in multiples of the mean file's.
    rank: float = 1.0
    importers: int = 0
    imports: int = 0
    #: The number of its community, 0 the largest.
    community: int | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> File:
        """Return the file in a row of ``pharos.files``."""
        return cls(**{**row, "path": text_of(row["path"]), "flags": tuple(row["flags"])})


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """A file that is like another: ``score`` is the cosine of their structural vectors."""

    path: str
    language: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A file that lies ``depth`` imports away. One step away it says how it is imported, else these are ``None``."""

    path: str
    language: str
    depth: int
    kinds: tuple[str, ...] | None = None
    line: int | None = None
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class Removed:
    """A removed repository whose vectors still wait to be deleted: by ``home``, or by any node when it is ``None``."""

    name: str
    home: str | None


class RepositoryReader:
    """What a tenant may see of its own repositories; answers while every worker sleeps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, *, tenant: UUID, after: str | None, limit: int) -> list[Repository]:
        """Return up to ``limit`` repositories whose name comes after ``after``, by name."""
        return [Repository.from_row(row) for row in self._all("repositories", tenant, after=after, limit=limit)]

    def show(self, repository_id: str, *, tenant: UUID) -> Repository | None:
        """Return one repository, or ``None``."""
        rows = self._all("repository", tenant, repository_id=repository_id)
        return Repository.from_row(rows[0]) if rows else None

    def files(self, repository_id: str, *, tenant: UUID, after: int, limit: int) -> list[File]:
        """Return up to ``limit`` files whose number is above ``after``, in order."""
        rows = self._all("files", tenant, repository_id=repository_id, after=after, limit=limit)
        return [File.from_row(row) for row in rows]

    def file(self, repository_id: str, path: str, *, tenant: UUID) -> File | None:
        """Return one file by its path, or ``None``."""
        rows = self._all("file", tenant, repository_id=repository_id, path=bytes_of(path))
        return File.from_row(rows[0]) if rows else None

    def similar(self, repository_id: str, path: str, *, tenant: UUID, limit: int) -> list[Likeness]:
        """Return the files most like one file, best first, as they were found when it was indexed."""
        rows = self._all("similar", tenant, repository_id=repository_id, path=bytes_of(path), limit=limit)
        return [Likeness(path=text_of(row["path"]), language=row["language"], score=row["score"]) for row in rows]

    def reachable(
        self, repository_id: str, path: str, *, tenant: UUID, backwards: bool, depth: int, limit: int
    ) -> list[Reached]:
        """Return the files that a file imports, or (``backwards``) that import it, within ``depth`` steps."""
        rows = self._all(
            "reachable",
            tenant,
            repository_id=repository_id,
            path=bytes_of(path),
            backwards=backwards,
            depth=depth,
            limit=limit,
        )
        return [Reached(**{**row, "path": text_of(row["path"]), "kinds": _words(row["kinds"])}) for row in rows]

    def remove(self, repository_id: str, *, tenant: UUID) -> Removed | None:
        """Make a repository and its rows vanish; return what is left to do, or ``None`` where there is none.

        Repeatable until its vectors are gone, so that a caller cut off half-way can ask again.
        """
        key = {"repository_id": repository_id}
        with self._database.transaction(tenant) as connection:
            if connection.execute(_SQL["tombstone"], key).fetchone() is not None:
                clear(connection, repository_id)
                clear_names(connection, repository_id)
                connection.execute(_SQL["forget_home"], key)
            row = connection.execute(_SQL["removed"], key).fetchone()
        return None if row is None else Removed(name=row["name"], home=row["home"])

    def _all(self, name: str, tenant: UUID, **given: object) -> list[dict[str, Any]]:
        return self._database.ask(tenant, _SQL[name], given)


def _words(words: list[str] | None) -> tuple[str, ...] | None:
    return None if words is None else tuple(words)

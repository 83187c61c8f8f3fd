"""Reading what was learned, and making a repository vanish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.ledger.postgres import Database
from shared.ledger.queries import queries

_SQL = queries("knowledge")


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The visible generation of a repository."""

    id: str
    name: str
    url: str
    ref: str | None
    commit: str
    generation: int
    files: int
    edges: int
    node: str | None
    vector_store: str
    indexed_at: datetime
    stats: dict[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Repository:
        """Return the repository in a row of ``pharos.repositories``."""
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, kw_only=True)
class File:
    """A source file of a repository."""

    number: int
    path: str
    language: str
    size: int
    status: str
    isolated: bool


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """A file that is like another: ``score`` is the cosine of their structural vectors."""

    path: str
    language: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A file that lies ``depth`` imports away."""

    path: str
    language: str
    depth: int


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
        return [_file(row) for row in rows]

    def file(self, repository_id: str, path: str, *, tenant: UUID) -> File | None:
        """Return one file by its path, or ``None``."""
        rows = self._all("file", tenant, repository_id=repository_id, path=_bytes(path))
        return _file(rows[0]) if rows else None

    def similar(self, repository_id: str, path: str, *, tenant: UUID, limit: int) -> list[Likeness]:
        """Return the files most like one file, best first, as they were found when it was indexed."""
        rows = self._all("similar", tenant, repository_id=repository_id, path=_bytes(path), limit=limit)
        return [Likeness(path=_text(row["path"]), language=row["language"], score=row["score"]) for row in rows]

    def reachable(
        self, repository_id: str, path: str, *, tenant: UUID, backwards: bool, depth: int, limit: int
    ) -> list[Reached]:
        """Return the files that a file imports, or (``backwards``) that import it, within ``depth`` steps."""
        rows = self._all(
            "reachable",
            tenant,
            repository_id=repository_id,
            path=_bytes(path),
            backwards=backwards,
            depth=depth,
            limit=limit,
        )
        return [Reached(path=_text(row["path"]), language=row["language"], depth=row["depth"]) for row in rows]

    def remove(self, repository_id: str, *, tenant: UUID) -> Removed | None:
        """Make a repository and its rows vanish; return what is left to do, or ``None`` where there is none.

        Repeatable until its vectors are gone, so that a caller cut off half-way can ask again.
        """
        key = {"repository_id": repository_id}
        with self._database.transaction(tenant) as connection:
            if connection.execute(_SQL["tombstone"], key).fetchone() is not None:
                connection.execute(_SQL["clear_files"], key)
                connection.execute(_SQL["clear_edges"], key)
                connection.execute(_SQL["forget_home"], key)
            row = connection.execute(_SQL["removed"], key).fetchone()
        return None if row is None else Removed(name=row["name"], home=row["home"])

    def _all(self, name: str, tenant: UUID, **given: object) -> list[dict[str, Any]]:
        with self._database.transaction(tenant) as connection:
            return connection.execute(_SQL[name], given).fetchall()


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _text(path: bytes) -> str:
    # Bytes that are not UTF-8 are shown escaped: JSON can carry no lone surrogates.
    return path.decode("utf-8", "backslashreplace")


def _file(row: Mapping[str, Any]) -> File:
    return File(**{**row, "path": _text(row["path"])})

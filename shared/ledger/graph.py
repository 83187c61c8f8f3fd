"""Reading how a repository's graph is built, and what a change of it may touch; one round trip a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal
from uuid import UUID

from shared.ledger.paths import bytes_of, forms_of, text_of
from shared.ledger.postgres import Database
from shared.ledger.queries import queries
from shared.ledger.repositories import File

_SQL = queries("knowledge")
_TENANT = queries("tenant")

#: Files that depend on one among which the first on a way back to it is looked for; the nearest come first.
_MOST_BEHIND = 100_000

#: By PageRank, or by how many files import it.
Measure = Literal["rank", "importers"]


@dataclass(frozen=True, kw_only=True)
class Import:
    """File ``source`` imports file ``target``: how, on which line first, and how sure that is."""

    source: str
    target: str
    kinds: tuple[str, ...]
    line: int
    confidence: float

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Import:
        """Return the import in a row that has at least these columns."""
        return cls(
            source=text_of(row["source"]),
            target=text_of(row["target"]),
            kinds=tuple(row["kinds"]),
            line=row["line"],
            confidence=row["confidence"],
        )


@dataclass(frozen=True, kw_only=True)
class Touched:
    """A file that a change may touch, and what there is to judge by. A changed file has 0 steps backwards."""

    path: str
    language: str
    importers: int
    imports: int
    #: Imports from it to the nearest changed file: it depends on that one. ``None``: it does not, or far away.
    backwards: int | None
    #: Imports from the nearest changed file to it.
    forwards: int | None
    #: The highest cosine to a changed file, where it is among that one's nearest few.
    likeness: float | None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Touched:
        """Return the file in a row that has at least these columns."""
        return cls(**{**{name: row[name] for name in cls.__dataclass_fields__}, "path": text_of(row["path"])})


@dataclass(frozen=True, kw_only=True)
class Importers:
    """The files outside a change that import one that it takes away: ``some`` of them, by path, of ``count``."""

    path: str
    some: tuple[Import, ...]
    count: int
    #: Files that imported it, are part of the change and are still there.
    changed: int


@dataclass(frozen=True, kw_only=True)
class ChangeFound:
    """What the graph of one commit knows of a change: all of one generation."""

    commit: str
    #: The changed files that it has, and what they may touch.
    touched: tuple[Touched, ...]
    #: Whether there were more candidates than were asked for.
    more: bool
    #: What is gone and imported from outside the change, by path.
    importers: tuple[Importers, ...]


@dataclass(frozen=True, kw_only=True)
class CycleFound:
    """Files of which each reaches each other; ``cut`` are edges to give up so that no cycle is left.

    ``files`` and ``cut`` may be shortened; ``size`` and ``cut_size`` are not. No cut has fewer edges than ``at_least``.
    """

    number: int
    size: int
    files: tuple[str, ...]
    cut: tuple[Import, ...]
    cut_size: int
    at_least: int


@dataclass(frozen=True, kw_only=True)
class CommunityFound:
    """Files that import each other more than others; ``leaders`` are those of the highest rank."""

    number: int
    size: int
    inside: int
    across: int
    leaders: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class UnresolvedImport:
    """An import that means something of the repository which is not there, as it was written."""

    number: int
    path: str
    line: int
    module: str


class GraphReader:
    """What a tenant may ask about the graphs of its own repositories; answers while every worker sleeps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ways(
        self, repository_id: str, *, tenant: UUID, source: str, target: str, depth: int, limit: int
    ) -> list[tuple[int, Import]]:
        """Return every import on a shortest way between two files with its step from 1, ``limit`` a step at most."""
        rows = self._all(
            "ways",
            tenant,
            repository_id=repository_id,
            source=bytes_of(source),
            target=bytes_of(target),
            depth=depth,
            limit=limit,
        )
        return [(row["step"], Import.from_row(row)) for row in rows]

    def circle(
        self, repository_id: str, *, tenant: UUID, path: str, depth: int, limit: int
    ) -> list[tuple[int, Import]]:
        """Return imports on shortest ways from a file back to itself, as ``ways`` does; none when it is in no cycle."""
        given = {"path": bytes_of(path), "depth": depth, "limit": limit, "most": _MOST_BEHIND}
        rows = self._all("circle", tenant, repository_id=repository_id, **given)
        return [(row["step"], Import.from_row(row)) for row in rows]

    def change(
        self,
        repository_id: str,
        *,
        tenant: UUID,
        paths: Sequence[str],
        gone: Sequence[str],
        subjects: Sequence[str],
        folders: Sequence[str],
        depth: int,
        limit: int,
        most: int,
    ) -> ChangeFound | None:
        """Return what a change of ``paths`` may touch, all files of these subjects or in these folders among it.

        ``limit`` bounds each sort of candidates, ``most`` the importers told of each path that is ``gone``. ``None``
        where there is no such repository.
        """
        key = {"repository_id": repository_id, "paths": [form for path in paths for form in forms_of(path)]}
        folder_bytes = [form for folder in folders for form in forms_of(folder)]
        given = {**key, "subjects": list(subjects), "folders": folder_bytes, "depth": depth, "limit": limit}
        asked: list[tuple[str, Mapping[str, object]]] = [("repository", key), ("touched", given)]
        if gone:
            asked.append(
                ("importers", {**key, "gone": [form for path in gone for form in forms_of(path)], "most": most})
            )
        repository, touched, *importers = self._together(tenant, asked)
        if not repository:
            return None
        return ChangeFound(
            commit=repository[0]["commit"],
            touched=tuple(map(Touched.from_row, touched)),
            more=any(row["more"] for row in touched),
            importers=_importers(importers[0]) if importers else (),
        )

    def central(self, repository_id: str, *, tenant: UUID, by: Measure, limit: int) -> list[File]:
        """Return the files on which most rests, first the one that counts most."""
        name = "central" if by == "rank" else "most_imported"
        rows = self._all(name, tenant, repository_id=repository_id, limit=limit)
        return [File.from_row(row) for row in rows]

    def orphans(self, repository_id: str, *, tenant: UUID, after: int, limit: int) -> list[File]:
        """Return files that nothing imports and nothing else seems to start, whose number is above ``after``."""
        rows = self._all("orphans", tenant, repository_id=repository_id, after=after, limit=limit)
        return [File.from_row(row) for row in rows]

    def communities(self, repository_id: str, *, tenant: UUID, after: int, limit: int) -> list[CommunityFound]:
        """Return communities whose number is above ``after``, the largest first."""
        rows = self._all("communities", tenant, repository_id=repository_id, after=after, limit=limit)
        return [CommunityFound(**{**row, "leaders": tuple(map(text_of, row["leaders"]))}) for row in rows]

    def members(self, repository_id: str, community: int, *, tenant: UUID, after: int, limit: int) -> list[File]:
        """Return files of one community whose number is above ``after``, in order."""
        rows = self._all("members", tenant, repository_id=repository_id, community=community, after=after, limit=limit)
        return [File.from_row(row) for row in rows]

    def cycles(self, repository_id: str, *, tenant: UUID, after: int, limit: int, most: int) -> list[CycleFound]:
        """Return cycles whose number is above ``after``, the largest first, with ``most`` files and edges of each."""
        given = {"repository_id": repository_id, "after": after, "limit": limit, "most": most}
        rows, edges = self._together(tenant, [("cycles", given), ("cuts", given)])
        cuts: dict[int, list[Import]] = {}
        for row in edges:
            cuts.setdefault(row["number"], []).append(Import.from_row(row))
        return [
            CycleFound(**{**row, "files": tuple(map(text_of, row["files"])), "cut": tuple(cuts.get(row["number"], ()))})
            for row in rows
        ]

    def unresolved(self, repository_id: str, *, tenant: UUID, after: int, limit: int) -> list[UnresolvedImport]:
        """Return imports that were not understood whose number is above ``after``, by path and line."""
        rows = self._all("unresolved", tenant, repository_id=repository_id, after=after, limit=limit)
        return [UnresolvedImport(**{**row, "path": text_of(row["path"])}) for row in rows]

    def _all(self, name: str, tenant: UUID, **given: object) -> list[dict[str, Any]]:
        return self._database.ask(tenant, _SQL[name], given)

    def _together(self, tenant: UUID, asked: Sequence[tuple[str, Mapping[str, object]]]) -> list[list[dict[str, Any]]]:
        """Return the rows of each question, all of one generation: a publish in between is not seen. One round trip."""
        with self._database.connection() as connection:
            with connection.pipeline():
                connection.execute(_TENANT["snapshot"])
                connection.execute(_TENANT["enter"], {"tenant": str(tenant)})
                cursors = [connection.execute(_SQL[name], given) for name, given in asked]
                connection.execute(_TENANT["leave"])
            return [cursor.fetchall() for cursor in cursors]


def _importers(rows: Sequence[Mapping[str, Any]]) -> tuple[Importers, ...]:
    return tuple(
        Importers(
            path=text_of(path),
            some=tuple(map(Import.from_row, (first, *rest))),
            count=first["importers"],
            changed=first["changed_importers"],
        )
        for path, (first, *rest) in groupby(rows, key=itemgetter("target"))
    )

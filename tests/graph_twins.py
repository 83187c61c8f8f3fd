"""Twins of what reads graphs: one repository whose three files import each other in a row, the last one the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from plane_factories import FILES, REPOSITORY_ID

from shared.changes import Change
from shared.errors import NoWorker
from shared.ledger.graph import (
    ChangeFound,
    CommunityFound,
    CycleFound,
    Import,
    Importers,
    Measure,
    Touched,
    UnresolvedImport,
)
from shared.ledger.repositories import File

PATHS = [file.path for file in FILES]


def an_import(source: int, target: int) -> Import:
    """Return the import of one file by another."""
    return Import(source=PATHS[source], target=PATHS[target], kinds=("runtime",), line=3, confidence=1.0)


def a_candidate(path: str, **changes: object) -> Touched:
    """Return a file that nothing speaks for yet."""
    given: dict[str, object] = {
        "path": path,
        "language": "python",
        "importers": 0,
        "imports": 0,
        "backwards": None,
        "forwards": None,
        "likeness": None,
    }
    return Touched(**{**given, **changes})  # type: ignore[arg-type]  # a factory of any field


@dataclass
class GraphReaderTwin:
    """Answers for the one repository there is, and with nothing for any other."""

    #: What was asked of ``change``.
    asked: list[dict[str, object]] = field(default_factory=list)
    #: Whether it says that there were more candidates, and how many importers of what is gone.
    more: bool = False
    count: int = 1

    def ways(
        self, wanted: str, *, tenant: UUID, source: str, target: str, depth: int, limit: int
    ) -> list[tuple[int, Import]]:
        """Return the row of imports from a file to a later one."""
        if wanted != REPOSITORY_ID or source not in PATHS or target not in PATHS:
            return []
        start, end = PATHS.index(source), PATHS.index(target)
        return [(step + 1, an_import(start + step, start + step + 1)) for step in range(end - start)][:depth]

    def circle(self, wanted: str, *, tenant: UUID, path: str, depth: int, limit: int) -> list[tuple[int, Import]]:
        """Return the imports of the one cycle, from a file on."""
        if wanted != REPOSITORY_ID or path not in PATHS or depth < len(PATHS):
            return []
        start, size = PATHS.index(path), len(PATHS)
        return [(step + 1, an_import((start + step) % size, (start + step + 1) % size)) for step in range(size)]

    def change(
        self, wanted: str, *, tenant: UUID, paths: Sequence[str], gone: Sequence[str], most: int, **how: object
    ) -> ChangeFound | None:
        """Return every file, with 0 steps or one, and the import of what is gone by the file before it."""
        if wanted != REPOSITORY_ID:
            return None
        self.asked.append({"paths": list(paths), "gone": list(gone), "most": most, **how})
        lost = [number for number in range(1, len(PATHS)) if PATHS[number] in gone and PATHS[number - 1] not in paths]
        return ChangeFound(
            commit="0" * 40,
            touched=tuple(a_candidate(path, backwards=int(path not in paths)) for path in PATHS),
            more=self.more,
            importers=tuple(
                Importers(path=PATHS[number], some=(an_import(number - 1, number),), count=self.count, changed=0)
                for number in lost
            ),
        )

    def central(self, wanted: str, *, tenant: UUID, by: Measure, limit: int) -> list[File]:
        """Return the files, by rank in order, by importers the other way round."""
        found = FILES if by == "rank" else FILES[::-1]
        return found[:limit] if wanted == REPOSITORY_ID else []

    def orphans(self, wanted: str, *, tenant: UUID, after: int, limit: int) -> list[File]:
        """Return the files above a number."""
        return [file for file in FILES if file.number > after][:limit] if wanted == REPOSITORY_ID else []

    def members(self, wanted: str, community: int, *, tenant: UUID, after: int, limit: int) -> list[File]:
        """Return the files above a number, as members of community 0."""
        return self.orphans(wanted, tenant=tenant, after=after, limit=limit) if community == 0 else []

    def communities(self, wanted: str, *, tenant: UUID, after: int, limit: int) -> list[CommunityFound]:
        """Return one community."""
        one = CommunityFound(number=0, size=3, inside=3, across=0, leaders=tuple(PATHS[:1]))
        return [one] if after < 0 and wanted == REPOSITORY_ID else []

    def cycles(self, wanted: str, *, tenant: UUID, after: int, limit: int, most: int) -> list[CycleFound]:
        """Return one cycle."""
        one = CycleFound(number=0, size=3, files=tuple(PATHS), cut=(an_import(2, 0),), cut_size=1, at_least=1)
        return [one] if after < 0 and wanted == REPOSITORY_ID else []

    def unresolved(self, wanted: str, *, tenant: UUID, after: int, limit: int) -> list[UnresolvedImport]:
        """Return one import in each file."""
        found = [
            UnresolvedImport(number=number, path=path, line=7, module=".gone") for number, path in enumerate(PATHS)
        ]
        return [one for one in found if one.number > after][:limit] if wanted == REPOSITORY_ID else []


@dataclass
class ComparingTwin:
    """Says what it is told two commits differ in; without that, nobody is there."""

    found: list[Change] | None = None

    async def changes(self, wanted: str, *, tenant: UUID, base: str, head: str, seconds: float) -> list[Change]:
        """Return it."""
        if self.found is None:
            raise NoWorker
        return self.found

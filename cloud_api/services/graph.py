"""How a repository's graph is built, for those who ask; it answers while every worker sleeps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from cloud_api.services.repositories import Repositories
from cloud_api.services.ways import few_ways
from shared.errors import NotFound
from shared.ledger.graph import CommunityFound, CycleFound, GraphReader, Import, Measure, UnresolvedImport
from shared.ledger.repositories import File

#: Files and edges of a cycle that one answer shows.
MOST_OF_A_CYCLE = 200
#: Edges a step that ways are made of: enough for any number of ways that is shown.
_EDGES = 60

T = TypeVar("T")


class Graph:
    """Questions about whole graphs; each raises ``NotFound`` when the repository, or a file in it, is not there."""

    def __init__(self, reader: GraphReader, *, repositories: Repositories) -> None:
        self._reader = reader
        self._repositories = repositories

    def ways(
        self, repository_id: str, *, tenant: UUID, source: str, target: str, depth: int, limit: int
    ) -> list[tuple[Import, ...]]:
        """Return a few of the shortest ways from one file to another: why the first depends on the second.

        From a file to itself they lead in a circle; none when it is in no cycle.
        """
        if source == target:
            edges = self._reader.circle(repository_id, tenant=tenant, path=source, depth=depth, limit=_EDGES)
        else:
            ends = {"source": source, "target": target}
            edges = self._reader.ways(repository_id, tenant=tenant, **ends, depth=depth, limit=_EDGES)
        if not edges:
            for path in (source, target):
                self._repositories.file(repository_id, tenant=tenant, path=path)
        # As the ledger shows them: what is not UTF-8 is escaped there.
        shown = edges[0][1].source if edges else source
        return few_ways(edges, source=shown, target=edges[-1][1].target if edges else target, limit=limit)

    def cycles(self, repository_id: str, *, tenant: UUID, after: int, limit: int) -> list[CycleFound]:
        """Return cycles with a number above ``after``, the largest first."""
        found = self._reader.cycles(repository_id, tenant=tenant, after=after, limit=limit, most=MOST_OF_A_CYCLE)
        return self._there(found, repository_id, tenant)

    def orphans(self, repository_id: str, *, tenant: UUID, after: int, limit: int) -> list[File]:
        """Return files that nothing imports and nothing else seems to start, with a number above ``after``."""
        return self._there(
            self._reader.orphans(repository_id, tenant=tenant, after=after, limit=limit), repository_id, tenant
        )

    def central(self, repository_id: str, *, tenant: UUID, by: Measure, limit: int) -> list[File]:
        """Return the files on which most rests."""
        return self._there(
            self._reader.central(repository_id, tenant=tenant, by=by, limit=limit), repository_id, tenant
        )

    def communities(self, repository_id: str, *, tenant: UUID, after: int, limit: int) -> list[CommunityFound]:
        """Return communities with a number above ``after``, the largest first."""
        return self._there(
            self._reader.communities(repository_id, tenant=tenant, after=after, limit=limit), repository_id, tenant
        )

    def members(self, repository_id: str, community: int, *, tenant: UUID, after: int, limit: int) -> list[File]:
        """Return files of one community, with a number above ``after``.

        Raises:
            NotFound: also when there is no such community.
        """
        found = self._reader.members(repository_id, community, tenant=tenant, after=after, limit=limit)
        if not found:
            first = self.communities(repository_id, tenant=tenant, after=community - 1, limit=1)
            if not any(one.number == community for one in first):
                raise NotFound(f"That repository has no community {community}. Its communities are numbered from 0.")
        return found

    def unresolved(self, repository_id: str, *, tenant: UUID, after: int, limit: int) -> list[UnresolvedImport]:
        """Return imports that were not understood, with a number above ``after``."""
        return self._there(
            self._reader.unresolved(repository_id, tenant=tenant, after=after, limit=limit), repository_id, tenant
        )

    def _there(self, found: Sequence[T], repository_id: str, tenant: UUID) -> list[T]:
        # Whether the repository is there is asked only when an empty answer could mean either.
        if not found:
            self._repositories.show(repository_id, tenant=tenant)
        return list(found)

"""What two commits of a repository differ in: the plane has no repository, so a worker is asked."""

from __future__ import annotations

import asyncio
from uuid import UUID

from pydantic import ValidationError

from cloud_api.services.impact import MOST_CHANGES
from cloud_api.services.line import Line
from cloud_api.services.repositories import Repositories
from shared.changes import Change
from shared.errors import NotAnswered
from shared.nodes.comparison import Compared, Comparison


class Comparing:
    """Has a worker compare commits, over its line."""

    def __init__(self, *, repositories: Repositories, line: Line) -> None:
        self._repositories = repositories
        self._line = line

    async def changes(self, repository_id: str, *, tenant: UUID, base: str, head: str, seconds: float) -> list[Change]:
        """Return the sources in which ``head`` differs from ``base``.

        Raises:
            NotFound: the repository is not there, or has no such commit.
            NoWorker: nobody holds a line.
            NotAnswered: the time is over, or the worker could not fetch the commits.
        """
        found = await asyncio.to_thread(self._repositories.show, repository_id, tenant=tenant)
        wanted = Comparison(
            tenant_id=tenant,
            repository=found.name,
            url=found.url,
            base=base,
            head=head,
            most=MOST_CHANGES,
            seconds=seconds,
        )
        # Its node has read it before: it has the token, knows the private host, or holds the folder itself.
        answered = await self._line.ask("changes", wanted.model_dump(mode="json"), seconds=seconds, first=found.node)
        try:
            compared = Compared.model_validate(answered.body)
        except ValidationError:
            raise NotAnswered(f"{answered.worker} answered, but not with changed files. Update it.") from None
        return [one.change() for one in compared.changes]

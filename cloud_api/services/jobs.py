"""Showing, listing and cancelling jobs."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from cloud_api.board import Board
from shared.errors import NotFound
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.jobs import JobReader
from shared.ledger.keeper import Keeper
from shared.ledger.records import Job

_UNKNOWN = "There is no such job. It may have been deleted after its retention."


class Jobs:
    """A tenant's own jobs."""

    def __init__(self, *, reader: JobReader, keeper: Keeper, board: Board, poke: Callable[[], None]) -> None:
        self._reader = reader
        self._keeper = keeper
        self._board = board
        self._poke = poke

    def show(self, job_id: str, *, tenant: UUID) -> tuple[Job, int]:
        """Return a job and its place in the queue, 0 when it is not waiting.

        Raises:
            NotFound: there is no such job.
        """
        found = self._reader.show(job_id, tenant=tenant)
        if found is None:
            raise NotFound(_UNKNOWN)
        return found

    def page(
        self, *, tenant: UUID, state: State | None, kind: Kind | None, before: str | None, limit: int
    ) -> list[Job]:
        """Return up to ``limit`` jobs older than the id ``before``, newest first."""
        return self._reader.page(tenant=tenant, state=state, kind=kind, before=before, limit=limit)

    def cancel(self, job_id: str, *, tenant: UUID) -> Job:
        """Ask for a job to be cancelled and return it: a waiting one has ended, a running one ends at its next border.

        One that ended before is returned as it is.

        Raises:
            NotFound: there is no such job.
        """
        job = self._keeper.cancel(job_id, tenant=tenant)
        if job is None:
            return self.show(job_id, tenant=tenant)[0]
        self._board.note(job)
        self._poke()
        return job

"""Reading a tenant's jobs."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.postgres import Database
from shared.ledger.queries import queries
from shared.ledger.records import Job

_JOBS = queries("jobs")


class JobReader:
    """What a tenant may see of its own jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def show(self, job_id: str, *, tenant: UUID) -> tuple[Job, int] | None:
        """Return a job and its queue position (0 when it is not waiting), or ``None``."""
        rows = self._all("show", tenant, id=job_id)
        return (Job.from_row(rows[0]), rows[0]["position"]) if rows else None

    def page(
        self, *, tenant: UUID, state: State | None, kind: Kind | None, before: str | None, limit: int
    ) -> list[Job]:
        """Return up to ``limit`` jobs older than the id ``before``, newest first."""
        rows = self._all("list", tenant, state=state, kind=kind, before=before, limit=limit)
        return [Job.from_row(row) for row in rows]

    def ended(self, *, tenant: UUID, limit: int) -> list[Job]:
        """Return the jobs that ended last, newest first."""
        return [Job.from_row(row) for row in self._all("ended", tenant, limit=limit)]

    def _all(self, name: str, tenant: UUID, **given: object) -> list[dict[str, Any]]:
        with self._database.transaction(tenant) as connection:
            return connection.execute(_JOBS[name], given).fetchall()

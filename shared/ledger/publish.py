"""Publishing: the one transaction in which a generation becomes visible together with the end of its job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from shared.knowledge import Knowledge
from shared.ledger.postgres import Connection, Database
from shared.ledger.queries import queries
from shared.ledger.records import Job
from shared.ledger.rows import add_rows, clear

_SQL = queries("knowledge")


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """What the ledger says of a repository now; ``removed`` ones wait for their vectors to go."""

    commit: str | None
    generation: int
    parameters: dict[str, Any]
    removed: bool
    vector_store: str | None
    node: str | None


class Refused(Exception):
    """The attempt may not publish: ``reason`` is ``stale``, ``cancelled`` or ``superseded``."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Publisher:
    """The worker's hand in the ledger when an attempt succeeded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def published(self, job: Job) -> PublishedRow | None:
        """Return what is visible of the job's repository before it runs."""
        rows = self._database.ask(job.tenant_id, _SQL["published"], {"repository_id": job.repository_id})
        if not rows:
            return None
        row = rows[0]
        return PublishedRow(
            commit=row["commit"],
            generation=row["generation"],
            parameters=row["parameters"],
            removed=row["removed"],
            vector_store=row["vector_store"],
            node=row["node"],
        )

    def succeed(self, job: Job, *, result: dict[str, Any]) -> None:
        """End an attempt that has nothing to publish.

        Raises:
            Refused: the attempt is not its own any more, or cancel was asked.
        """
        if self._database.ask(job.tenant_id, _SQL["finish"], _end(job, result)):
            return
        with self._database.transaction(job.tenant_id) as connection:
            # It says why not.
            if _hold(connection, job):
                _succeed(connection, job, result)

    def publish(
        self, job: Job, knowledge: Knowledge, *, vector_store: str, parameters: dict[str, Any], result: dict[str, Any]
    ) -> None:
        """Make the attempt's generation the one that everybody sees, and end the job as succeeded: both or neither.

        Safe to repeat after a lost answer: an attempt that succeeded already is left as it is.

        Raises:
            Refused: the attempt is not its own any more, cancel was asked, or something newer is visible.
        """
        with self._database.transaction(job.tenant_id) as connection:
            if not _hold(connection, job):
                return
            key = {"repository_id": job.repository_id}
            seen = connection.execute(_SQL["published_for_update"], key).fetchone()
            if seen is not None and job.generation is not None and seen["generation"] > job.generation:
                raise Refused("superseded")
            with connection.pipeline():
                clear(connection, job.repository_id)
                _point(connection, job, knowledge, vector_store, parameters)
                _settle_home(connection, job, vector_store)
                add_rows(connection, job, knowledge)
                _succeed(connection, job, result)

    def bury(self, job: Job, *, result: dict[str, Any]) -> None:
        """Forget a removed repository whose vectors are gone, and end the job that removed them.

        Raises:
            Refused: as for ``publish``.
        """
        with self._database.transaction(job.tenant_id) as connection:
            if not _hold(connection, job):
                return
            connection.execute(_SQL["bury"], {"repository_id": job.repository_id, "generation": job.generation})
            _succeed(connection, job, result)


def _hold(connection: Connection, job: Job) -> bool:
    """Lock the attempt. ``False``: this very attempt succeeded already, its answer was lost."""
    row = connection.execute(_SQL["hold"], {"id": job.id}).fetchone()
    if row is None or row["attempt"] != job.attempt:
        raise Refused("stale")
    if row["state"] == "succeeded":
        return False
    if row["state"] != "running":
        raise Refused("stale")
    if row["cancel_requested"]:
        raise Refused("cancelled")
    return True


def _point(
    connection: Connection, job: Job, knowledge: Knowledge, vector_store: str, parameters: dict[str, Any]
) -> None:
    connection.execute(
        _SQL["publish"],
        {
            "repository_id": job.repository_id,
            "tenant": job.tenant_id,
            "name": job.repository,
            "url": job.payload["url"],
            "ref": job.payload.get("ref"),
            "commit": knowledge.commit,
            "generation": job.generation,
            "parameters": Jsonb(parameters),
            "stats": Jsonb(knowledge.stats),
            "files": len(knowledge.files),
            "edges": len(knowledge.edges),
            "node": job.node,
            "vector_store": vector_store,
        },
    )


def _settle_home(connection: Connection, job: Job, vector_store: str) -> None:
    if vector_store == "lancedb":
        given = {"tenant": job.tenant_id, "repository_id": job.repository_id, "node": job.node}
        connection.execute(_SQL["set_home"], given)
    else:
        connection.execute(_SQL["forget_home"], {"repository_id": job.repository_id})


def _succeed(connection: Connection, job: Job, result: dict[str, Any]) -> None:
    connection.execute(_SQL["succeed"], _end(job, result))


def _end(job: Job, result: dict[str, Any]) -> dict[str, Any]:
    return {"id": job.id, "attempt": job.attempt, "result": Jsonb(result)}

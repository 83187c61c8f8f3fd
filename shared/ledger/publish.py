"""Publishing: the one transaction in which a generation becomes visible together with the end of its job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from shared.knowledge import Knowledge
from shared.ledger.names import replace_names
from shared.ledger.postgres import Connection, Database
from shared.ledger.queries import queries
from shared.ledger.records import Job
from shared.ledger.rows import add_rows, clear
from shared.textual import PublishedText, Textual

_SQL = queries("knowledge")
_NOTHING_SEEN: Mapping[str, Any] = {"generation": None, "text_generation": None}


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """What the ledger says of a repository now; ``removed`` ones wait for their vectors to go."""

    commit: str | None
    generation: int
    parameters: dict[str, Any]
    removed: bool
    vector_store: str | None
    node: str | None
    text: PublishedText | None = None

    @classmethod
    def from_visible(cls, seen: dict[str, Any]) -> PublishedRow:
        """Return what ``pharos.visible_of`` says of a repository."""
        text = seen.get("text")
        return cls(**{**seen, "text": PublishedText(**text) if text is not None else None})


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
        seen = rows[0]["visible"]
        return None if seen is None else PublishedRow.from_visible(seen)

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
        self,
        job: Job,
        knowledge: Knowledge | None,
        textual: Textual | None = None,
        *,
        vector_store: str,
        parameters: dict[str, Any],
        result: dict[str, Any],
    ) -> None:
        """Make the attempt's generation the one that everybody sees, and end the job as succeeded: all or nothing.

        Graph and text have a pointer each; what the attempt did not learn stays as it is. Safe to repeat after a lost
        answer: an attempt that succeeded already is left as it is.

        Raises:
            Refused: the attempt is not its own any more, cancel was asked, or something newer is visible.
        """
        with self._database.transaction(job.tenant_id) as connection:
            if not _hold(connection, job):
                return
            key = {"repository_id": job.repository_id}
            seen = connection.execute(_SQL["published_for_update"], key).fetchone() or _NOTHING_SEEN
            if knowledge is not None and _is_newer(seen["generation"], job):
                raise Refused("superseded")
            if textual is not None and (_is_newer(seen["text_generation"], job) or not _stands_on(textual, seen)):
                raise Refused("superseded")
            with connection.pipeline():
                if knowledge is not None:
                    clear(connection, job.repository_id)
                    _point(connection, job, knowledge, vector_store, parameters)
                    add_rows(connection, job, knowledge)
                if textual is not None:
                    _point_text(connection, job, textual, vector_store)
                    replace_names(connection, job, textual)
                _settle_home(connection, job, vector_store)
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


def _is_newer(generation: int | None, job: Job) -> bool:
    return generation is not None and job.generation is not None and generation > job.generation


def _stands_on(textual: Textual, seen: Mapping[str, Any]) -> bool:
    """Return whether the names that are to stay are those of the generation that they were compared with."""
    return textual.builds_on is None or textual.builds_on == seen["text_generation"]


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


def _point_text(connection: Connection, job: Job, textual: Textual, vector_store: str) -> None:
    connection.execute(
        _SQL["publish_text"],
        {
            "repository_id": job.repository_id,
            "tenant": job.tenant_id,
            "name": job.repository,
            "url": job.payload["url"],
            "ref": job.payload.get("ref"),
            "commit": textual.commit,
            "generation": job.generation,
            "collection": textual.collection,
            "model": textual.model,
            "dimension": textual.dimension,
            "passages": textual.passages,
            "parameters": Jsonb(textual.parameters),
            "stats": Jsonb(textual.stats),
            "node": job.node,
            "vector_store": vector_store,
        },
    )


def _settle_home(connection: Connection, job: Job, vector_store: str) -> None:
    if vector_store == "lancedb":
        given = {"tenant": job.tenant_id, "repository_id": job.repository_id, "node": job.node}
        connection.execute(_SQL["set_home"], given)
    else:
        # The other half may still lie on a node's own disk.
        connection.execute(_SQL["forget_home"], {"repository_id": job.repository_id})


def _succeed(connection: Connection, job: Job, result: dict[str, Any]) -> None:
    connection.execute(_SQL["succeed"], _end(job, result))


def _end(job: Job, result: dict[str, Any]) -> dict[str, Any]:
    return {"id": job.id, "attempt": job.attempt, "result": Jsonb(result)}

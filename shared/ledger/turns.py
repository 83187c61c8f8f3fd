"""Turns: the end of one job and the start of the next, in one statement, one commit and one round trip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from shared.ledger.keeper import Started
from shared.ledger.migrate import latest_version
from shared.ledger.postgres import Database
from shared.ledger.publish import PublishedRow
from shared.ledger.queries import queries
from shared.ledger.records import Job
from shared.nodes.capabilities import Capabilities

_TURN = queries("jobs")["turn"]


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What became of both jobs."""

    #: Whether the attempt ended as succeeded; if not, nothing has happened.
    ended: bool
    #: Whether the other job was started; ``None`` when it was left alone.
    started: Started | None
    #: What is visible of the repository of the job that was started.
    visible: PublishedRow | None


class Turns:
    """The worker's hand in the ledger when it goes on at once. It reaches the jobs of one tenant at a time."""

    def __init__(self, database: Database) -> None:
        """``database`` is the app's."""
        self._database = database

    def turn(
        self,
        job: Job,
        *,
        result: dict[str, Any],
        following: str,
        worker: str,
        capabilities: Capabilities,
        lease: float,
    ) -> Turned:
        """End ``job``, which has nothing to publish, and start ``following`` for ``lease`` seconds.

        Raises:
            LedgerUnavailable: both may have happened, or neither.
            LedgerRefused: the result is nothing that the ledger can hold; nothing has happened.
        """
        given = {
            "tenant": job.tenant_id,
            "ended": job.id,
            "attempt": job.attempt,
            "result": Jsonb(result),
            "id": following,
            "worker": worker,
            "capabilities": Jsonb(capabilities.model_dump(mode="json")),
            "keeps_vectors": capabilities.keeps_vectors,
            "schema": latest_version(),
            "lease_ms": round(lease * 1000),
        }
        with self._database.connection() as connection:
            row = connection.execute(_TURN, given).fetchall()[0]
        return Turned(ended=row["ended"], started=_started(row), visible=_visible(row["visible"]))


def _started(row: dict[str, Any]) -> Started | None:
    if row["outcome"] is None:
        return None
    return Started(outcome=row["outcome"], job=Job.from_row(row) if row["id"] is not None else None)


def _visible(seen: dict[str, Any] | None) -> PublishedRow | None:
    return PublishedRow(**seen) if seen is not None else None

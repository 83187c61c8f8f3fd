"""Turns: the ends of jobs and the start of the next ones, in one statement, one commit and one round trip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from shared.ledger.keeper import StartOutcome
from shared.ledger.migrate import latest_version
from shared.ledger.postgres import Database
from shared.ledger.publish import PublishedRow
from shared.ledger.queries import queries
from shared.ledger.records import Job
from shared.nodes.capabilities import Capabilities

_TURN = queries("jobs")["turn"]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """An attempt that worked and has nothing to publish; its end is not recorded yet."""

    job: Job
    result: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Following:
    """A job that was started as others ended, and what is visible of its repository."""

    job: Job
    visible: PublishedRow | None


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What became of all of them."""

    #: The ids of those that ended as succeeded. Unless they are all there, nothing was started.
    ended: frozenset[str]
    #: What came of the first that was to follow; ``None`` when it was left alone, and then so were the others.
    outcome: StartOutcome | None
    #: What was started, in the order that was asked for.
    started: tuple[Following, ...]


class Turns:
    """The worker's hand in the ledger when it goes on at once. It reaches the jobs of one tenant at a time."""

    def __init__(self, database: Database) -> None:
        """``database`` is the app's."""
        self._database = database

    def turn(
        self,
        done: Sequence[Finished],
        *,
        following: Sequence[str],
        worker: str,
        capabilities: Capabilities,
        lease: float,
    ) -> Turned:
        """End jobs of one tenant and, if every one of them ended, start those of ``following`` for ``lease`` seconds.

        The first starts under the same rule as any. The others start with it only where nothing speaks against it, and
        only beside a first that is, like them, started for the first time.

        Raises:
            LedgerUnavailable: all of it may have happened, or nothing.
            LedgerRefused: a result is nothing that the ledger can hold; nothing has happened.
        """
        given = {
            "tenant": done[0].job.tenant_id,
            "ended": [one.job.id for one in done],
            "attempts": [one.job.attempt for one in done],
            "results": [Jsonb(one.result) for one in done],
            "ids": list(following),
            "worker": worker,
            "capabilities": Jsonb(capabilities.model_dump(mode="json")),
            "keeps_vectors": capabilities.keeps_vectors,
            "schema": latest_version(),
            "lease_ms": round(lease * 1000),
        }
        with self._database.connection() as connection:
            rows = connection.execute(_TURN, given).fetchall()
        started = [_following(row) for row in rows if row["outcome"] == "started"]
        return Turned(
            ended=frozenset(rows[0]["ended"]),
            outcome=rows[0]["outcome"],
            started=tuple(sorted(started, key=lambda one: following.index(one.job.id))),
        )


def _following(row: dict[str, Any]) -> Following:
    seen = row["visible"]
    return Following(job=Job.from_row(row), visible=PublishedRow.from_visible(seen) if seen is not None else None)

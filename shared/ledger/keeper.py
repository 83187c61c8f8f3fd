"""The moves of a job, as the keeper makes them: each is one statement, one transaction, one round trip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from shared.ids import new_job_id, repository_id
from shared.jobs.kinds import Kind, Priority
from shared.jobs.payloads import Payload, dedupe_key
from shared.jobs.retry import MAX_FAILURES, MAX_RESCUES
from shared.jobs.states import State
from shared.ledger.migrate import latest_version
from shared.ledger.postgres import Database
from shared.ledger.queries import queries
from shared.ledger.records import Job, OpenJob
from shared.nodes.capabilities import Capabilities, Needs

_JOBS = queries("jobs")
#: Rows that are read in one go.
_A_FEW = 100

SubmitOutcome = Literal["created", "deduplicated", "replayed", "conflict", "full", "elsewhere"]
StartOutcome = Literal[
    "started",
    "gone",
    "taken",
    "cancelled",
    "skipped",
    "not_due",
    "needs_unmet",
    "worker_too_old",
    "repository_busy",
]


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What somebody asks for."""

    tenant_id: UUID
    kind: Kind
    repository: str
    payload: Payload
    priority: Priority = Priority.NORMAL
    needs: Needs = field(default_factory=Needs)
    #: Milliseconds until the first start; ``None`` waits for as long as it takes.
    ttl_ms: int | None
    #: SHA-256 of credential, method, path and Idempotency-Key, and of the request's body.
    idempotency: tuple[bytes, bytes] | None = None


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """How the ledger took it. ``job`` is ``None`` when the queue is full."""

    outcome: SubmitOutcome
    job: Job | None
    waiting: int
    position: int


@dataclass(frozen=True, kw_only=True)
class Started:
    """Whether a worker was given the job. ``job`` is ``None`` when the id is unknown."""

    outcome: StartOutcome
    job: Job | None


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """Whether an attempt is still the worker's, and whether it should stop."""

    held: bool
    cancel_requested: bool


class Keeper:
    """The role that may move any tenant's jobs and touch nothing else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, asked: Submission, *, cap: int) -> Submitted:
        """Record a job, unless it is already there or the queue of its kind is full.

        Exact under concurrency: cap, dedupe and idempotency are decided in one statement.
        """
        return self.submit_all([(asked, cap)])[0]

    def submit_all(self, asked: Sequence[tuple[Submission, int]]) -> list[Submitted]:
        """Record jobs, each with the cap of its kind, in one statement and one commit: all of them or none."""
        if not asked:
            return []
        rows = [_row(one, cap) for one, cap in asked]
        answers = self._all("submit", **{name: [row[name] for row in rows] for name in rows[0]})
        return [
            Submitted(
                outcome=row["outcome"],
                job=Job.from_row(row) if row["id"] is not None else None,
                waiting=row["waiting"],
                position=row["position"],
            )
            for row in answers
        ]

    def start(self, job_id: str, *, worker: str, capabilities: Capabilities, lease: float) -> Started:
        """Hand a job to a worker if it may run now and here; the attempt number in it is the fencing token."""
        row = self._one(
            "start",
            id=job_id,
            worker=worker,
            capabilities=Jsonb(capabilities.model_dump(mode="json")),
            keeps_vectors=capabilities.keeps_vectors,
            schema=latest_version(),
            lease_ms=round(lease * 1000),
        )
        return Started(outcome=row["outcome"], job=Job.from_row(row) if row["id"] is not None else None)

    def renew(self, job_id: str, *, attempt: int, worker: str, lease: float) -> Renewal:
        """Keep an attempt alive for ``lease`` seconds more, also when its lease is over but nobody else has it."""
        row = self._one("renew", id=job_id, attempt=attempt, worker=worker, lease_ms=round(lease * 1000))
        return Renewal(held=row["held"], cancel_requested=row["cancel_requested"])

    def retry(self, job_id: str, *, attempt: int, reason: str, detail: str, delay: float) -> State | None:
        """Count a failure and queue the job again, or fail it for good. ``None``: the attempt was not held any more."""
        return self._release(
            id=job_id, attempt=attempt, how="retry", most=MAX_FAILURES, reason=reason, detail=detail, delay=delay
        )

    def snooze(self, job_id: str, *, attempt: int, reason: str, detail: str, delay: float = 0.0) -> State | None:
        """Queue the job again without counting anything."""
        return self._release(
            id=job_id, attempt=attempt, how="snooze", most=0, reason=reason, detail=detail, delay=delay
        )

    def give_back(self, jobs: Sequence[Job], *, reason: str, detail: str) -> dict[str, State]:
        """Queue jobs again whose attempts were not begun, in one statement, as if they had not been started.

        Returns the state of each that was still held, by its id.
        """
        rows = self._all(
            "give_back",
            ids=[job.id for job in jobs],
            attempts=[job.attempt for job in jobs],
            reason=reason,
            detail=detail,
        )
        return {row["id"]: State(row["state"]) for row in rows}

    def rescue(self, job_id: str, *, attempt: int, reason: str, detail: str) -> State | None:
        """Take the job from a lost worker and queue it again, counted apart from failures."""
        return self._release(
            id=job_id, attempt=attempt, how="rescue", most=MAX_RESCUES, reason=reason, detail=detail, delay=0.0
        )

    def end(self, job_id: str, *, attempt: int, state: State, reason: str, detail: str) -> bool:
        """End an attempt as failed or cancelled. ``False``: it was not held any more."""
        row = self._one("end", id=job_id, attempt=attempt, state=state.value, reason=reason, detail=detail)
        return bool(row["ended"])

    def cancel(self, job_id: str, *, tenant: UUID) -> Job | None:
        """Ask for a job to be cancelled; a queued one ends at once. ``None``: unknown, or it ended before."""
        rows = self._all("cancel", id=job_id, tenant=tenant)
        return Job.from_row(rows[0]) if rows else None

    def cancel_ingests(self, repository: str, *, tenant: UUID) -> list[Job]:
        """Ask for every open ingest of a repository (by id) to be cancelled."""
        return [Job.from_row(row) for row in self._all("cancel_ingests", repository_id=repository, tenant=tenant)]

    def open_jobs(self, limit: int = 5000, *, breathe: Callable[[], None] = lambda: None) -> list[OpenJob]:
        """Return every job that runs and up to ``limit`` queued ones, most urgent and oldest first.

        ``breathe`` is called between every few: to read thousands takes a while.
        """
        found: list[OpenJob] = []
        with self._database.connection() as connection:
            cursor = connection.execute(_JOBS["open"], {"limit": limit})
            while rows := cursor.fetchmany(_A_FEW):
                found.extend(map(OpenJob.from_row, rows))
                breathe()
        return found

    def end_hopeless(self) -> int:
        """Skip what is past its deadline, cancel what nobody holds any more; return how many ended."""
        return int(self._one("end_hopeless")["ended"])

    def promote(self, age: float) -> list[str]:
        """Treat LOW jobs older than ``age`` seconds as NORMAL; return their ids."""
        return [row["id"] for row in self._all("promote", age_ms=round(age * 1000))]

    def forget(self, retention: float) -> int:
        """Delete jobs that ended more than ``retention`` seconds ago; return how many."""
        return int(self._one("forget", retention_ms=round(retention * 1000))["forgotten"])

    def use(self, month: date, totals: Mapping[str, float]) -> dict[str, float]:
        """Keep the totals of a month (its first day), unless larger ones are known; return what is known then."""
        rows = self._all("use", month=month, meters=list(totals), amounts=list(totals.values()))
        return {row["meter"]: row["amount"] for row in rows}

    def next_epoch(self) -> int:
        """Take over as the one control plane; return its number."""
        return int(self._one("next_epoch")["epoch"])

    def _release(self, *, delay: float, **given: object) -> State | None:
        row = self._one("release", delay_ms=round(delay * 1000), **given)
        return State(row["state"]) if row["state"] is not None else None

    def _one(self, name: str, **given: object) -> dict[str, Any]:
        return self._all(name, **given)[0]

    def _all(self, name: str, **given: object) -> list[dict[str, Any]]:
        with self._database.connection() as connection:
            return connection.execute(_JOBS[name], given).fetchall()


def _row(asked: Submission, cap: int) -> dict[str, object]:
    key, fingerprint = asked.idempotency or (None, None)
    return {
        "id": new_job_id(),
        "tenant": asked.tenant_id,
        "kind": asked.kind.value,
        "repository": asked.repository,
        "repository_id": repository_id(asked.tenant_id, asked.repository),
        "payload": Jsonb(asked.payload.model_dump(mode="json")),
        "dedupe_key": dedupe_key(asked.kind, asked.repository, asked.payload, asked.needs.model_dump_json()),
        "priority": int(asked.priority),
        "needs": Jsonb(asked.needs.model_dump(mode="json", exclude_defaults=True)),
        "ttl_ms": asked.ttl_ms,
        "cap": cap,
        "key": key,
        "fingerprint": fingerprint,
    }

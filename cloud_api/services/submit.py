"""Submitting work: a typed request becomes one row in the ledger and one id on a lane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict, Unpack
from uuid import UUID

from cloud_api.board import Board
from cloud_api.delivery import Delivery
from cloud_api.dispatch import Dispatch
from cloud_api.intake import Intake
from shared.errors import IdempotencyConflict, LedgerUnavailable, LivesElsewhere, NotEnded, NotFound, QueueFull
from shared.faults import fault
from shared.jobs.kinds import NEVER_EXPIRES, Kind, Priority
from shared.jobs.payloads import (
    EPOCHS,
    PAYLOADS,
    Content,
    Include,
    IngestPayload,
    Method,
    Payload,
    Preset,
    RemovePayload,
)
from shared.jobs.states import State
from shared.ledger.keeper import Keeper, Submission, Submitted
from shared.ledger.records import Job
from shared.ledger.repositories import RepositoryReader
from shared.logs import get_logger
from shared.nodes.capabilities import Needs
from shared.repositories import parse_repository

log = get_logger(__name__)

#: More waiting jobs than there will ever be.
UNCAPPED = 2**31 - 1
#: Seconds after which a full queue is worth another try.
_RETRY_AFTER = 60


@dataclass(frozen=True, kw_only=True)
class SubmitAnswer:
    """The job that was asked for, new or already known. ``position`` is its place in the queue, 0 when not waiting."""

    job: Job
    position: int
    outcome: Literal["created", "deduplicated", "replayed"]


@dataclass(frozen=True, kw_only=True)
class SubmitRules:
    """What may be submitted."""

    git_hosts: tuple[str, ...]
    local_roots: tuple[str, ...]
    cap: int
    #: Seconds that a job may wait for its first start.
    ttl: float


class IngestTerms(TypedDict):
    """What is to be indexed for whom, and how."""

    tenant: UUID
    address: str
    ref: str | None
    epochs: NotRequired[int]
    preset: NotRequired[Preset]
    method: NotRequired[Method]
    include: NotRequired[Include]
    force: bool
    content: NotRequired[Content]
    priority: Priority
    needs: Needs
    idempotency: tuple[bytes, bytes] | None


class Submit:
    """Takes requests for work."""

    def __init__(
        self,
        *,
        keeper: Keeper,
        repositories: RepositoryReader,
        delivery: Delivery,
        dispatch: Dispatch,
        board: Board,
        remind: Callable[[], None],
        rules: SubmitRules,
    ) -> None:
        self._keeper = keeper
        self._intake = Intake(self._record, deliver=self._put_on_lanes)
        self._repositories = repositories
        self._delivery = delivery
        self._dispatch = dispatch
        self._board = board
        self._remind = remind
        self._rules = rules

    def ingest(self, **how: Unpack[IngestTerms]) -> SubmitAnswer:
        """Ask for a repository to be indexed.

        Raises:
            InvalidRepository: the address is not one that may be read.
            QueueFull, IdempotencyConflict, LedgerUnavailable: as their messages say; nothing was added.
        """
        return self._submit(self._wanted(**how))

    async def ingest_soon(self, **how: Unpack[IngestTerms]) -> SubmitAnswer:
        """As ``ingest``, for a coroutine, which holds no thread while it waits."""
        asked = self._wanted(**how)
        done = await self._intake.enter(asked, cap=self._cap(asked))
        if done.outcome == "created":
            return self._judge(asked, done)
        # Others may have to be put on their lanes.
        return await asyncio.to_thread(self._judge, asked, done)

    def _wanted(
        self,
        *,
        tenant: UUID,
        address: str,
        ref: str | None,
        epochs: int = EPOCHS,
        preset: Preset = "balanced",
        method: Method = "node2vec",
        include: Include = (),
        force: bool,
        content: Content = "structure",
        priority: Priority,
        needs: Needs,
        idempotency: tuple[bytes, bytes] | None,
    ) -> Submission:
        found = parse_repository(address, hosts=self._rules.git_hosts, local_roots=self._rules.local_roots)
        payload = IngestPayload(
            url=found.url,
            ref=ref,
            epochs=epochs,
            preset=preset,
            method=method,
            include=include,
            force=force,
            content=content,
        )
        return Submission(
            tenant_id=tenant,
            kind=Kind.INGEST,
            repository=found.name,
            payload=payload,
            priority=priority,
            needs=needs,
            ttl_ms=self._ttl(Kind.INGEST),
            idempotency=idempotency,
        )

    def remove(self, repository_id: str, *, tenant: UUID) -> SubmitAnswer:
        """Make a repository vanish now, stop what indexes it, and have its vectors deleted by the node that has them.

        Raises:
            NotFound: there is no such repository, or it is gone already.
        """
        removed = self._repositories.remove(repository_id, tenant=tenant)
        if removed is None:
            raise NotFound("There is no such repository. Nothing was removed.")
        for job in self._keeper.cancel_ingests(repository_id, tenant=tenant):
            self._board.note(job)
        return self._submit(
            Submission(
                tenant_id=tenant,
                kind=Kind.REMOVE,
                repository=removed.name,
                payload=RemovePayload(),
                needs=Needs(node=removed.home),
                ttl_ms=self._ttl(Kind.REMOVE),
            )
        )

    def again(self, job: Job, *, idempotency: tuple[bytes, bytes] | None) -> SubmitAnswer:
        """Ask for the work of an ended job once more: the same kind, payload, needs and priority, as a new job.

        One that succeeded is forced, since its commit is published already.

        Raises:
            NotEnded: it waits or runs; nothing was added.
            InvalidRepository: its address is one that may not be read any more.
            QueueFull, IdempotencyConflict, LedgerUnavailable: as their messages say; nothing was added.
        """
        if not job.state.ended:
            raise NotEnded(f"This job is {job.state}, so there is nothing to run again yet. Nothing was changed.")
        payload: Payload = PAYLOADS[job.kind].model_validate(job.payload)
        if isinstance(payload, IngestPayload):
            parse_repository(payload.url, hosts=self._rules.git_hosts, local_roots=self._rules.local_roots)
            payload = payload.model_copy(update={"force": payload.force or job.state is State.SUCCEEDED})
        return self._submit(
            Submission(
                tenant_id=job.tenant_id,
                kind=job.kind,
                repository=job.repository,
                payload=payload,
                priority=job.priority,
                needs=job.needs,
                ttl_ms=self._ttl(job.kind),
                idempotency=idempotency,
            )
        )

    def _submit(self, asked: Submission) -> SubmitAnswer:
        return self._judge(asked, self._intake.submit(asked, cap=self._cap(asked)))

    def _cap(self, asked: Submission) -> int:
        # A promise to delete is never refused: what was removed is gone already, and there is one job a repository.
        return UNCAPPED if asked.kind in NEVER_EXPIRES else self._rules.cap

    def _judge(self, asked: Submission, done: Submitted) -> SubmitAnswer:
        """Return what became of a submission; raise where nothing did."""
        if done.outcome == "full":
            raise QueueFull(
                f"{asked.kind} is full ({done.waiting} waiting). Nothing was added. Try again in about a minute, or "
                "raise PHAROS_QUEUE_CAP.",
                queue=str(asked.kind),
                waiting=done.waiting,
                cap=self._rules.cap,
                retry_after=_RETRY_AFTER,
            )
        if done.outcome == "elsewhere":
            raise LivesElsewhere(
                f"The vectors of this repository do not lie on {asked.needs.node}, and its jobs go where they are. "
                "Nothing was queued. Leave out needs.node, or remove the repository first.",
            )
        if done.outcome == "conflict" or done.job is None:
            raise IdempotencyConflict
        if done.outcome != "created" and done.job.state is State.QUEUED:
            # It may be more urgent than it was, or known to the ledger alone, when an answer was lost.
            self._board.note(done.job)
            self._delivery.ensure((done.job,))
        return SubmitAnswer(job=done.job, position=done.position, outcome=done.outcome)

    def _record(self, asked: Sequence[tuple[Submission, int]]) -> Sequence[Submitted]:
        """Record those that came together."""
        try:
            done = self._keeper.submit_all(asked)
        except LedgerUnavailable:
            # It may have been recorded all the same: then the next pass finds it.
            self._remind()
            raise
        fault("submit.recorded")
        for job in _created(done):
            log.info("job_submitted", job_id=job.id, kind=job.kind, repository=job.repository, lane=job.lane)
            self._board.note(job)
        return done

    def _put_on_lanes(self, done: Sequence[Submitted]) -> None:
        """Put those on their lanes together that were recorded together."""
        jobs = _created(done)
        if not jobs:
            return
        on_lane = self._delivery.push(jobs)
        fault("submit.pushed")
        self._dispatch.ring(jobs, on_lane=on_lane)
        # The next pass sees to it that somebody takes them, whatever became of the ids on their lanes.
        self._remind()

    def _ttl(self, kind: Kind) -> int | None:
        return None if kind in NEVER_EXPIRES else round(self._rules.ttl * 1000)


def _created(done: Sequence[Submitted]) -> list[Job]:
    return [one.job for one in done if one.job is not None and one.outcome == "created"]

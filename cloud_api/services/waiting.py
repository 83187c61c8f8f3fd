"""Why jobs wait: what the board, presence and delivery know, as the plain facts that the answer is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median

from cloud_api.board import Board
from cloud_api.delivery import Delivery
from cloud_api.presence import Presence
from cloud_api.refusal import UPDATE
from cloud_api.workers import WorkerView
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.migrate import latest_version
from shared.ledger.records import Job
from shared.nodes.facts import JobFacts, MailboxState, QueueFacts, Waiting, WorkerFacts
from shared.nodes.waiting import Lineup
from shared.timing import Timing

#: With more open jobs than this, a submission is not kept waiting for its reason.
_AT_ONCE = 200


class Reasons:
    """Says of any open job why it waits, from memory alone."""

    def __init__(
        self,
        *,
        board: Board,
        presence: Presence,
        delivery: Delivery,
        timing: Timing,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._board = board
        self._presence = presence
        self._delivery = delivery
        self._timing = timing
        self._now = now

    def look(self, fresh: Iterable[Job] = ()) -> Look:
        """Look around once. ``fresh`` are jobs that somebody has just read in the ledger; they are believed first."""
        view, now = self._board.snapshot(), self._now()
        known = {job.id: job for job in (*view.open_jobs, *fresh)}
        jobs = sorted(
            (job for job in known.values() if not job.state.ended),
            key=lambda job: (job.priority, job.created_at, job.id),
        )
        typical = _Typical(view.ended)
        facts = [self._job(job, now, typical) for job in jobs]
        workers = [self._worker(worker) for worker in self._presence.workers()]
        return Look(Lineup(facts, workers, self._queue()), {one.id: one for one in facts})

    def why(self, job: Job, *, position: int) -> Waiting | None:
        """Return why one job waits that was just read in the ledger, at the place that it has there."""
        found = self.look((job,)).why(job)
        return None if found is None else replace(found, position=position)

    def at_once(self, job: Job, *, position: int) -> Waiting | None:
        """Return the same of a job that was just submitted; ``None`` also where it would hold up the answer."""
        return self.why(job, position=position) if self._board.open_count <= _AT_ONCE else None

    def _queue(self) -> QueueFacts:
        timing, listened = self._timing, self._presence.clock() - self._presence.born
        known: MailboxState = "works" if self._delivery.works else "down"
        return QueueFacts(
            mailbox=known if self._delivery.configured else "none",
            # It was ordered to look after the first, and hears of it within the second.
            patience=timing.look_after + 2 * timing.heartbeat,
            listening=max(0.0, timing.lost_after - listened),
            update=UPDATE,
        )

    def _job(self, job: Job, now: datetime, typical: _Typical) -> JobFacts:
        running_for = _since(job.started_at, now)
        held = True
        if job.state is State.RUNNING and job.worker_id is not None:
            held = self._presence.holds(job.worker_id, job.id, job.attempt, since=running_for)
        waits = job.deadline_at is not None and job.first_started_at is None
        return JobFacts(
            id=job.id,
            kind=job.kind,
            repository=job.repository,
            repository_id=job.repository_id,
            state=job.state,
            needs=job.needs,
            due_in=max(0.0, (job.run_after - now).total_seconds()),
            waited=_since(job.run_after, now),
            deadline_in=(job.deadline_at - now).total_seconds() if waits and job.deadline_at is not None else None,
            started=job.first_started_at is not None,
            failures=job.failures,
            detail=job.detail,
            typical=typical.seconds(job),
            cancelling=job.cancel_requested_at is not None,
            worker=job.worker_id,
            node=job.node,
            running_for=running_for,
            held=held,
            share=self._share(job) if job.state is State.RUNNING else None,
        )

    def _share(self, job: Job) -> float | None:
        report = self._presence.progress(job.id)
        return report.done / report.total if report is not None and 0 < report.done <= report.total else None

    def _worker(self, view: WorkerView) -> WorkerFacts:
        return WorkerFacts(
            worker=view.worker,
            capabilities=view.capabilities,
            state=view.state,
            version=view.version,
            since=view.since,
            free_for=self._presence.free_for(view.worker),
            slots=view.slots,
            # One that sleeps still lists what another may have taken over.
            held=frozenset(report.job_id for report in view.attempts) if view.there else frozenset(),
            mailbox=view.mailbox,
            goodbye=view.goodbye,
            newer=view.schema_version > latest_version(),
            note=view.duty.note,
            seconds_left=view.duty.seconds_left,
        )


@dataclass(frozen=True)
class Look:
    """What was seen at one moment, to be asked about any job that was open then."""

    _lineup: Lineup
    _facts: dict[str, JobFacts]

    def why(self, job: Job) -> Waiting | None:
        """Return why a job waits; ``None`` when it runs as it should, or has ended."""
        facts = self._facts.get(job.id)
        return None if facts is None else self._lineup.why(facts)


class _Typical:
    """What jobs took that succeeded lately: the median of the same repository, else of the same kind."""

    def __init__(self, ended: Sequence[Job]) -> None:
        taken: dict[tuple[Kind, str | None], list[float]] = defaultdict(list)
        for job in ended:
            if job.state is State.SUCCEEDED and job.seconds is not None:
                taken[job.kind, job.repository_id].append(job.seconds)
                taken[job.kind, None].append(job.seconds)
        self._medians = {key: median(seconds) for key, seconds in taken.items()}

    def seconds(self, job: Job) -> float | None:
        """Return what such a job takes; ``None`` when none has ended."""
        return self._medians.get((job.kind, job.repository_id), self._medians.get((job.kind, None)))


def _since(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())

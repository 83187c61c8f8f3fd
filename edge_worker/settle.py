"""Settling an attempt: what the ledger is told about how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from edge_worker.attempt.messages import Done, Ended
from shared.errors import LedgerRefused, LedgerUnavailable
from shared.jobs.kinds import Kind
from shared.jobs.retry import backoff
from shared.jobs.states import State
from shared.knowledge import Knowledge
from shared.ledger.keeper import Keeper
from shared.ledger.publish import Publisher, Refused
from shared.ledger.records import Job
from shared.logs import get_logger
from shared.nodes.heartbeat import EndReport
from shared.timing import Timing

log = get_logger(__name__)

#: What of a payload does not shape the result.
_NOT_PARAMETERS = frozenset({"url", "ref", "force"})


@dataclass(frozen=True, kw_only=True)
class Settler:
    """Writes ends into the ledger. Where it does not answer, the lease runs out and reconcile takes over."""

    keeper: Keeper
    publisher: Publisher
    vector_store: str
    timing: Timing

    def published(self, job: Job, done: Done) -> EndReport:
        """Publish what the attempt learned and end its job as succeeded, both or neither."""
        try:
            for attempt in Retrying(
                retry=retry_if_exception_type(LedgerUnavailable),
                stop=stop_after_delay(self.timing.lease),
                wait=wait_exponential(multiplier=0.5, max=10),
                reraise=True,
            ):
                with attempt:
                    self._write(job, done)
        except Refused as refused:
            return self._refused(job, refused)
        except LedgerRefused as error:
            return self._end(job, State.FAILED, error.code.lower(), error.message)
        except LedgerUnavailable as error:
            return self.failed(job, reason=error.code.lower(), detail=error.message)
        return _report(job, State.SUCCEEDED, None)

    def settled(self, job: Job, ended: Ended, *, stopping: bool) -> EndReport:
        """Record an end without a result; one that was cancelled because the worker stops goes back to the queue."""
        if ended.signal == "permanent":
            return self._end(job, State.FAILED, ended.reason, ended.detail)
        if ended.signal == "transient":
            return self.failed(job, reason=ended.reason, detail=ended.detail)
        if ended.signal == "snooze":
            return self._snooze(job, ended.reason, ended.detail)
        if stopping:
            return self._snooze(job, "worker_stopping", "The worker was asked to stop; the job waits for the next one.")
        return self._end(job, State.CANCELLED, ended.reason, ended.detail)

    def failed(self, job: Job, *, reason: str, detail: str) -> EndReport:
        """Count a failure: the job is tried again after a pause, or ends when its attempts are spent."""
        delay = backoff(job.failures + 1, self.timing.retry_base)
        return _told(
            job,
            lambda: self.keeper.retry(job.id, attempt=job.attempt, reason=reason, detail=detail, delay=delay),
            detail,
        )

    def _write(self, job: Job, done: Done) -> None:
        if job.kind is Kind.REMOVE:
            self.publisher.bury(job, result=done.summary)
        elif done.knowledge is None:
            self.publisher.succeed(job, result=done.summary)
        else:
            self.publisher.publish(
                job,
                Knowledge.read(done.knowledge),
                vector_store=self.vector_store,
                parameters={key: value for key, value in job.payload.items() if key not in _NOT_PARAMETERS},
                result=done.summary,
            )

    def _refused(self, job: Job, refused: Refused) -> EndReport:
        log.info("publish_refused", job_id=job.id, attempt=job.attempt, reason=refused.reason)
        if refused.reason == "stale":
            return _report(job, State.QUEUED, "Another attempt took over. Nothing of this one is visible.")
        reason = "cancel_requested" if refused.reason == "cancelled" else "superseded"
        return self._end(job, State.CANCELLED, reason, "Nothing of this run is visible.")

    def _snooze(self, job: Job, reason: str, detail: str) -> EndReport:
        return _told(job, lambda: self.keeper.snooze(job.id, attempt=job.attempt, reason=reason, detail=detail), detail)

    def _end(self, job: Job, state: State, reason: str, detail: str) -> EndReport:
        def move() -> State | None:
            held = self.keeper.end(job.id, attempt=job.attempt, state=state, reason=reason, detail=detail)
            return state if held else None

        return _told(job, move, detail)


def _told(job: Job, move: Callable[[], State | None], detail: str) -> EndReport:
    try:
        state = move()
    except LedgerUnavailable:
        log.warning("end_not_recorded", job_id=job.id, attempt=job.attempt)
        state = None
    return _report(job, state or State.QUEUED, detail)


def _report(job: Job, state: State, detail: str | None) -> EndReport:
    log.info("attempt_ended", job_id=job.id, attempt=job.attempt, state=state, detail=detail)
    return EndReport(job_id=job.id, attempt=job.attempt, state=state, detail=detail and detail[:500])

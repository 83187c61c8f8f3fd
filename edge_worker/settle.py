"""Settling an attempt: what the ledger is told about how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_exponential

from edge_worker.attempt.messages import Done, Ended
from edge_worker.stops import Stops
from shared.errors import LedgerRefused, LedgerUnavailable
from shared.jobs.kinds import Kind
from shared.jobs.retry import MAX_FAILURES, backoff
from shared.jobs.states import State
from shared.knowledge import Knowledge
from shared.ledger.keeper import Keeper
from shared.ledger.publish import Publisher, Refused
from shared.ledger.records import Job
from shared.logs import get_logger
from shared.nodes.heartbeat import EndReport
from shared.timing import Timing

log = get_logger(__name__)

#: Why a worker gives a job back that could have gone on.
GiveBack = Literal["worker_stopping", "worker_paused"]
_GIVEN_BACK: dict[GiveBack, str] = {
    "worker_stopping": "The worker was asked to stop; the job waits for the next one.",
    "worker_paused": "The worker was paused; the job waits for the next one.",
}
#: What of a payload does not shape the result.
_NOT_PARAMETERS = frozenset({"url", "ref", "force"})
#: A handler that says "not now" is asked again after so many first back-offs: ten minutes.
_NOT_NOW = 20


_TAKEN_OVER = "Another attempt took over. Nothing of this one is visible."


@dataclass(frozen=True, kw_only=True)
class Settler:
    """Writes ends into the ledger. Where it does not answer, the lease runs out and reconcile takes over."""

    keeper: Keeper
    publisher: Publisher
    vector_store: str
    timing: Timing

    def published(self, job: Job, done: Done, *, renew: Callable[[], object], stops: Stops) -> EndReport:
        """Publish what the attempt learned and end its job as succeeded, both or neither.

        While the ledger does not take it, it is tried again for as long as a lease lasts, and the lease renewed.
        """
        try:
            for attempt in self._tries(renew, stops):
                with attempt:
                    self._write(job, done)
        except Refused as refused:
            return self._refused(job, refused)
        except LedgerRefused as error:
            return self._end(job, State.FAILED, error.code.lower(), error.message)
        except LedgerUnavailable as error:
            if stops.stopping:
                return self._snooze(job, "worker_stopping", _GIVEN_BACK["worker_stopping"])
            return self._failed(job, reason=error.code.lower(), detail=error.message)
        return self.succeeded(job)

    def succeeded(self, job: Job) -> EndReport:
        """Return the report of an attempt whose end is recorded."""
        return _report(job, State.SUCCEEDED, None)

    def _tries(self, renew: Callable[[], object], stops: Stops) -> Retrying:
        def wait(seconds: float) -> None:
            renew()
            stops.wait(seconds)

        out_of_time = stop_after_delay(self.timing.lease)
        return Retrying(
            retry=retry_if_exception_type(LedgerUnavailable),
            stop=lambda state: stops.stopping or out_of_time(state),
            wait=wait_exponential(multiplier=0.5, max=10),
            sleep=wait,
            reraise=True,
        )

    def settled(self, job: Job, ended: Ended, *, give_back: GiveBack | None) -> EndReport:
        """Record an end without a result; what broke off because the worker gives the job back is not counted."""
        if ended.signal == "permanent":
            return self._end(job, State.FAILED, ended.reason, ended.detail)
        if ended.signal == "snooze":
            return self._snooze(job, ended.reason, ended.detail, delay=_NOT_NOW * self.timing.retry_base)
        if give_back is not None:
            return self._snooze(job, give_back, _GIVEN_BACK[give_back])
        if ended.signal == "transient":
            return self._failed(job, reason=ended.reason, detail=ended.detail)
        return self._end(job, State.CANCELLED, ended.reason, ended.detail)

    def lost(self, job: Job) -> EndReport:
        """Leave the ledger as it is: the job is another attempt's."""
        return _report(job, State.QUEUED, _TAKEN_OVER)

    def _failed(self, job: Job, *, reason: str, detail: str) -> EndReport:
        """Count a failure: the job is tried again after a pause, or ends when its attempts are spent."""
        failures = job.failures + 1
        delay = backoff(failures, self.timing.retry_base)
        last = f" That was the last of {MAX_FAILURES} tries." if failures >= MAX_FAILURES else ""
        said = f"{detail}{last}"
        return _told(
            job,
            lambda: self.keeper.retry(job.id, attempt=job.attempt, reason=reason, detail=said, delay=delay),
            said,
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
            return self.lost(job)
        reason = "cancel_requested" if refused.reason == "cancelled" else "superseded"
        return self._end(job, State.CANCELLED, reason, "Nothing of this run is visible.")

    def _snooze(self, job: Job, reason: str, detail: str, *, delay: float = 0.0) -> EndReport:
        return _told(
            job,
            lambda: self.keeper.snooze(job.id, attempt=job.attempt, reason=reason, detail=detail, delay=delay),
            detail,
        )

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

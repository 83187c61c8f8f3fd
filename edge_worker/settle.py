"""Settling an attempt: what the ledger is told about how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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
from shared.ledger.turns import Finished
from shared.logs import get_logger
from shared.nodes.heartbeat import EndReport
from shared.textual import Textual
from shared.timing import Timing

log = get_logger(__name__)

#: Why a worker gives a job back that could have gone on.
GiveBack = Literal["worker_stopping", "worker_paused", "started_ahead"]
_GIVEN_BACK: dict[GiveBack, str] = {
    "worker_stopping": "The worker was asked to stop; the job waits for the next one.",
    "worker_paused": "The worker was paused; the job waits for the next one.",
    "started_ahead": "It was started ahead of its turn and is not begun yet; it waits for the next free worker.",
}
#: What of a payload does not shape the graph, as ``IngestPayload.parameters`` has it.
_NOT_PARAMETERS = frozenset({"url", "ref", "force", "content"})
#: A handler that says "not now" is asked again after so many first back-offs: ten minutes.
_NOT_NOW = 20


_TAKEN_OVER = "Another attempt took over. Nothing of this one is visible."


@dataclass(frozen=True, kw_only=True)
class GivenBack:
    """What came of giving jobs back."""

    reports: tuple[EndReport, ...]
    #: Whether the ledger answered.
    heard: bool


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
            return self._published(job, done, self._tries(renew, stops, within=self.timing.lease))
        except LedgerUnavailable as error:
            return self._unpublished(job, error, stops)

    def all_published(
        self, done: Sequence[Finished], *, renew: Callable[[Job], object], stops: Stops
    ) -> list[EndReport]:
        """End jobs that have nothing to publish as ``published`` does, one by one, within one lease for all of them.

        When it is over the others are not asked for: nobody has them in hand any more, and they are rescued.
        """
        reports, until = list[EndReport](), time.monotonic() + self.timing.lease
        for number, one in enumerate(done):
            within = max(0.0, until - time.monotonic())
            tries = self._tries(partial(renew, one.job), stops, within=within)
            try:
                reports.append(self._published(one.job, Done(summary=one.result, knowledge=None), tries))
            except LedgerUnavailable as error:
                reports.append(self._unpublished(one.job, error, stops))
                return reports + [_report(rest.job, State.QUEUED, error.message) for rest in done[number + 1 :]]
        return reports

    def _published(self, job: Job, done: Done, tries: Retrying) -> EndReport:
        try:
            for attempt in tries:
                with attempt:
                    self._write(job, done)
        except Refused as refused:
            return self._refused(job, refused)
        except LedgerRefused as error:
            return self._end(job, State.FAILED, error.code.lower(), error.message)
        return self.succeeded(job)

    def _unpublished(self, job: Job, error: LedgerUnavailable, stops: Stops) -> EndReport:
        if stops.stopping:
            return self._snooze(job, "worker_stopping", _GIVEN_BACK["worker_stopping"])
        return self._failed(job, reason=error.code.lower(), detail=error.message)

    def succeeded(self, job: Job) -> EndReport:
        """Return the report of an attempt whose end is recorded."""
        return _report(job, State.SUCCEEDED, None)

    def _tries(self, renew: Callable[[], object], stops: Stops, *, within: float) -> Retrying:
        def wait(seconds: float) -> None:
            renew()
            stops.wait(seconds)

        out_of_time = stop_after_delay(within)
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

    def given_back(self, jobs: Sequence[Job], why: GiveBack) -> GivenBack:
        """Give back what was not begun, all in one statement, as if it had not been started.

        When the ledger is silent nobody has them in hand any more, and they are rescued.
        """
        states, heard = dict[str, State](), True
        try:
            if jobs:
                states = self.keeper.give_back(jobs, reason=why, detail=_GIVEN_BACK[why])
        except LedgerUnavailable:
            log.warning("ends_not_recorded", job_ids=[job.id for job in jobs])
            heard = False
        reports = (_report(job, states.get(job.id, State.QUEUED), _GIVEN_BACK[why]) for job in jobs)
        return GivenBack(reports=tuple(reports), heard=heard)

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
        elif not done.publishes:
            self.publisher.succeed(job, result=done.summary)
        else:
            self.publisher.publish(
                job,
                None if done.knowledge is None else Knowledge.read(done.knowledge),
                None if done.text is None else Textual.read(done.text),
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

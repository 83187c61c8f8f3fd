"""One attempt, from the moment it is ours to the moment it is somebody else's problem."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_worker.attempt.ends import broken
from edge_worker.attempt.messages import Done, Ended, Progress, RunTask, StopTask, Tidied, TidyUp, Up
from edge_worker.attempt.process import ComputeDied, ComputeProcess
from edge_worker.attempt.tasks import write_task
from edge_worker.handlers.base import Published, Task
from edge_worker.settle import GiveBack, Settler
from edge_worker.stops import Stop, Stops
from shared.errors import LedgerUnavailable, PharosError, Transient
from shared.faults import fault
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.keeper import Keeper
from shared.ledger.publish import Publisher
from shared.ledger.records import Job
from shared.logs import get_logger
from shared.nodes.heartbeat import AttemptReport, EndReport
from shared.timing import Timing, elapsed

log = get_logger(__name__)

_POLL = 0.2
#: Seconds that deleting superseded vectors may take before it is left for another time.
_TIDY = 300.0


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What holds for every attempt of this worker."""

    worker: str
    work_dir: Path
    job_timeout: float
    timing: Timing


class Runner:
    """Runs attempts one after another in one compute process."""

    def __init__(
        self,
        *,
        process: ComputeProcess,
        keeper: Keeper,
        publisher: Publisher,
        settler: Settler,
        stops: Stops,
        conditions: Conditions,
        report: Callable[[AttemptReport], None],
        clock: Callable[[], float] = time.monotonic,
        lease_clock: Callable[[], float] = elapsed,
    ) -> None:
        self._process = process
        self._keeper = keeper
        self._publisher = publisher
        self._settler = settler
        self._stops = stops
        self._conditions = conditions
        self._report = report
        self._clock = clock
        # A lease goes on while a lid is closed, the time that a job may take does not.
        self._lease_clock = lease_clock
        #: When the attempt in hand was last known to be ours; ``None`` without one.
        self._held_at: float | None = None
        self._asked: Stop | None = None
        self._wrote = False
        self._job: Job | None = None
        self._lost = False

    @property
    def pid(self) -> int | None:
        """The compute process's id while it lives."""
        return self._process.pid

    @property
    def overdue(self) -> bool:
        """Whether the attempt in hand should have been renewed by now, as after a sleep of the machine."""
        held_at = self._held_at
        return held_at is not None and self._lease_clock() - held_at > self._conditions.timing.renew

    def kill(self) -> None:
        """End the compute process, and with it what it does."""
        self._process.kill()

    def yield_to(self, job: Job) -> None:
        """Give up an older attempt of the same job: this worker was taken for lost, and was given the job again."""
        mine = self._job
        if mine is not None and mine.id == job.id and mine.attempt < job.attempt:
            self._lost = True

    def run(self, job: Job) -> EndReport:
        """Run a started job to its end and return how it ended. What it left on this disk is deleted."""
        folder = self._conditions.work_dir / f"{job.id}.{job.attempt}"
        self._held_at, self._asked, self._wrote = self._lease_clock(), None, False
        self._job, self._lost = job, False
        try:
            return self._attempt(job, folder)
        except Exception as error:  # an unknown error is transient until the attempts are spent
            log.exception("attempt_broke", job_id=job.id, attempt=job.attempt)
            self._process.kill()
            return self._settler.settled(job, broken(error), give_back=self._give_back(job))
        finally:
            self._held_at = self._job = None
            self._stops.forget(job.id)
            shutil.rmtree(folder, ignore_errors=True)

    def _attempt(self, job: Job, folder: Path) -> EndReport:
        self._tell(job, "start", 0, 0)
        folder.mkdir(parents=True, mode=0o700)
        ended = self._compute(job, folder)
        # What ended before it said that it is done may have written vectors.
        self._wrote = isinstance(ended, Ended) or ended.knowledge is not None
        if self._lost:
            return self._settler.lost(job)
        if isinstance(ended, Ended):
            if ended.reason == "training_failed":
                # A device that failed once may be of no more use to this process; a fresh one starts clean.
                self._process.kill()
            return self._settler.settled(job, ended, give_back=self._give_back(job))
        if ended.knowledge is not None:
            self._tell(job, "publish", 0, 0)
        fault("worker.publishing")
        report = self._settler.published(job, ended, renew=lambda: self._renew(job), stops=self._stops)
        fault("worker.published")
        return report

    def _compute(self, job: Job, folder: Path) -> Done | Ended:
        """Have the compute process run it; whatever happens to that process is an end like any other."""
        try:
            task = self._task(job, folder)
            self._process.warm()
            self._process.say(RunTask(task=write_task(task)))
            return self._follow(job)
        except ComputeDied as error:
            self._process.kill()
            detail = f"The compute process ended with {error.code}; nothing half-done is visible."
            return Ended(signal="transient", reason="compute_died", detail=detail)
        except (Transient, LedgerUnavailable) as error:
            reason = error.reason if isinstance(error, Transient) else error.code.lower()
            return Ended(signal="transient", reason=reason, detail=error.message)

    def _give_back(self, job: Job) -> GiveBack | None:
        """Return why the job goes back uncounted, unless somebody wants it to end."""
        # What was asked holds, also when its reason is over by now: a pause may end while the attempt still stops.
        why = self._stops.why(job.id) or self._asked
        match why:
            case "worker_stopping" | "worker_paused":
                return why
        return None

    def _task(self, job: Job, folder: Path) -> Task:
        known = self._publisher.published(job)
        published = None
        if known is not None:
            published = Published(
                commit=known.commit or "",
                generation=known.generation,
                parameters=known.parameters,
                removed=known.removed,
                vector_store=known.vector_store,
                node=known.node,
            )
        return Task(
            job_id=job.id,
            attempt=job.attempt,
            kind=job.kind,
            tenant_id=str(job.tenant_id),
            repository_id=job.repository_id,
            repository=job.repository,
            generation=job.generation or 0,
            payload=job.payload,
            work_dir=folder,
            published=published,
        )

    def _follow(self, job: Job) -> Done | Ended:
        """Listen until the attempt ends; renew it; end it by force when it is over time or does not stop."""
        began, renewed = self._clock(), self._lease_clock()
        stop_asked: float | None = None
        while True:
            message = self._process.hear(_POLL)
            if isinstance(message, Done | Ended):
                return message
            if isinstance(message, Progress):
                self._tell(job, message.stage, message.done, message.total)
            now = self._clock()
            if now - began > self._conditions.job_timeout:
                self._process.kill()
                return Ended(signal="transient", reason="timed_out", detail="It took longer than PHAROS_JOB_TIMEOUT.")
            if stop_asked is None and (why := self._why_stop(job)) is not None:
                stop_asked, self._asked = now, why
                self._process.say(StopTask())
            if stop_asked is not None and now - stop_asked > self._conditions.timing.grace:
                self._process.kill()
                return Ended(signal="cancelled", reason="cancel_requested", detail="Its process was ended on request.")
            if self._lease_clock() - renewed > self._conditions.timing.renew:
                renewed = self._renew(job)

    def _renew(self, job: Job) -> float:
        """Renew the lease; return the moment from which the next renewal is counted."""
        timing, now = self._conditions.timing, self._lease_clock()
        try:
            renewal = self._keeper.renew(
                job.id, attempt=job.attempt, worker=self._conditions.worker, lease=timing.lease
            )
        except LedgerUnavailable:
            # The lease outlasts a renewal: ask again soon, and let the fence decide if it was too late.
            log.warning("renewal_put_off", job_id=job.id)
            return now - timing.renew + timing.heartbeat
        self._held_at = now
        if not renewal.held:
            # Whoever has it now, it is not for us to end.
            self._lost = True
        elif renewal.cancel_requested:
            self._stops.cancel(job.id)
        return now

    def _why_stop(self, job: Job) -> Stop | None:
        return "lost" if self._lost else self._stops.why(job.id)

    def _tell(self, job: Job, stage: str, done: int, total: int) -> None:
        self._report(
            AttemptReport(
                job_id=job.id,
                attempt=job.attempt,
                kind=job.kind,
                repository=job.repository,
                stage=stage,
                done=done,
                total=total,
            )
        )

    def tidy(self, job: Job, ended: EndReport) -> None:
        """Have vectors deleted that this attempt left behind: superseded ones after a publish, else its own.

        What stays is invisible, and the next publish of the repository takes it along.
        """
        if not self._wrote or job.kind is not Kind.INGEST or not ended.state.ended or self._stops.stopping:
            return
        problem: str | None
        try:
            self._process.warm()
            self._process.say(self._rubbish(job, published=ended.state is State.SUCCEEDED))
            answer = self._answer(_TIDY)
            problem = answer.problem if isinstance(answer, Tidied) else "no answer in time"
        except (ComputeDied, PharosError) as error:
            problem = str(error)
        if problem is not None:
            log.warning("tidying_put_off", job_id=job.id, problem=problem)
            self._process.kill()

    def _answer(self, patience: float) -> Up | None:
        """Return the next message; ``None`` after ``patience`` seconds, or when this worker is to stop."""
        end = self._clock() + patience
        while self._clock() < end and not self._stops.stopping:
            message = self._process.hear(_POLL)
            if message is not None:
                return message
        return None

    def _rubbish(self, job: Job, *, published: bool) -> TidyUp:
        """Say what may go: all up to this attempt's own generation, but never what is visible."""
        generation = job.generation or 0
        visible = self._publisher.published(job)
        return TidyUp(
            tenant_id=str(job.tenant_id),
            repository_id=job.repository_id,
            below=generation if published else generation + 1,
            keep=None if visible is None or visible.removed else visible.generation,
        )

"""One attempt, from the moment it is ours to the moment it is somebody else's problem."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_worker.attempt.messages import Done, Ended, Progress, RunTask, StopTask, Tidied, TidyUp, Up
from edge_worker.attempt.process import ComputeDied, ComputeProcess
from edge_worker.attempt.tasks import write_task
from edge_worker.handlers.base import Published, Task
from edge_worker.settle import Settler
from shared.errors import LedgerUnavailable, PharosError, Transient
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.keeper import Keeper
from shared.ledger.publish import Publisher
from shared.ledger.records import Job
from shared.logs import get_logger
from shared.nodes.heartbeat import AttemptReport, EndReport
from shared.text import plain
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


class Stops:
    """Why an attempt should stop: asked from any thread, seen by the one that runs it."""

    def __init__(self) -> None:
        self._cancelled: set[str] = set()
        self._stopping = threading.Event()

    def cancel(self, job_id: str) -> None:
        """Somebody cancelled this job, or it is not ours any more."""
        self._cancelled.add(job_id)

    def shut_down(self) -> None:
        """This worker is to stop."""
        self._stopping.set()

    def forget(self, job_id: str) -> None:
        """The attempt is over."""
        self._cancelled.discard(job_id)

    def stopping_only(self, job_id: str) -> bool:
        """Whether the worker stops and nobody asked for the job itself to end."""
        return self._stopping.is_set() and job_id not in self._cancelled

    @property
    def stopping(self) -> bool:
        """Whether this worker is to stop."""
        return self._stopping.is_set()

    def wanted(self, job_id: str) -> bool:
        """Whether the attempt should stop at all."""
        return self._stopping.is_set() or job_id in self._cancelled


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

    def run(self, job: Job) -> EndReport:
        """Run a started job to its end and return how it ended. What it left on this disk is deleted."""
        folder = self._conditions.work_dir / f"{job.id}.{job.attempt}"
        try:
            folder.mkdir(parents=True, mode=0o700)
            return self._attempt(job, folder)
        except Exception as error:  # an unknown error is transient until the attempts are spent
            log.exception("attempt_broke", job_id=job.id, attempt=job.attempt)
            self._process.kill()
            detail = plain(f"{type(error).__name__}: {error}")[:400]
            return self._settler.failed(job, reason="unknown_error", detail=detail)
        finally:
            self._stops.forget(job.id)
            shutil.rmtree(folder, ignore_errors=True)

    def _attempt(self, job: Job, folder: Path) -> EndReport:
        self._tell(job, "start", 0, 0)
        try:
            task = self._task(job, folder)
            self._process.warm()
            self._process.say(RunTask(task=write_task(task)))
            ended = self._follow(job)
        except ComputeDied as error:
            self._process.kill()
            detail = f"The compute process ended with {error.code}; nothing half-done is visible."
            return self._settler.failed(job, reason="compute_died", detail=detail)
        except (Transient, LedgerUnavailable) as error:
            reason = error.reason if isinstance(error, Transient) else error.code.lower()
            return self._settler.failed(job, reason=reason, detail=error.message)
        if isinstance(ended, Ended):
            if ended.reason == "training_failed":
                # A device that failed once may be of no more use to this process; a fresh one starts clean.
                self._process.kill()
            return self._settler.settled(job, ended, stopping=self._stops.stopping_only(job.id))
        self._tell(job, "publish", 0, 0)
        return self._settler.published(job, ended)

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
            if stop_asked is None and self._stops.wanted(job.id):
                stop_asked = now
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
        if renewal.cancel_requested or not renewal.held:
            self._stops.cancel(job.id)
        return now

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
        if job.kind is not Kind.INGEST or not ended.state.ended or self._stops.stopping:
            return
        problem: str | None
        try:
            self._process.warm()
            self._process.say(self._rubbish(job, published=ended.state is State.SUCCEEDED))
            answer: Up | None = self._process.hear(_TIDY)
            problem = answer.problem if isinstance(answer, Tidied) else "no answer in time"
        except (ComputeDied, PharosError) as error:
            problem = str(error)
        if problem is not None:
            log.warning("tidying_put_off", job_id=job.id, problem=problem)
            self._process.kill()

    def _rubbish(self, job: Job, *, published: bool) -> TidyUp:
        """Say what may go: all up to this attempt's own generation, but never what is visible.

        An attempt may succeed without publishing: then what was visible before still is.
        """
        generation = job.generation or 0
        visible = self._publisher.published(job)
        return TidyUp(
            tenant_id=str(job.tenant_id),
            repository_id=job.repository_id,
            below=generation if published else generation + 1,
            keep=None if visible is None or visible.removed else visible.generation,
        )

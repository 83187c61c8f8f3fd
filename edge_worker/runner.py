"""One attempt, from the moment it is ours to the moment it is somebody else's problem."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_worker.attempt.ends import broken
from edge_worker.attempt.messages import Done, Ended, Progress, RunTask, StopTask
from edge_worker.attempt.process import ComputeDied, ComputeProcess
from edge_worker.attempt.tasks import make_task, write_task
from edge_worker.relay import Following, Relay
from edge_worker.settle import GiveBack, Settler
from edge_worker.stops import Stop, Stops
from edge_worker.tidying import Tidying
from shared.errors import LedgerUnavailable, Transient
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


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What holds for every attempt of this worker."""

    worker: str
    work_dir: Path
    job_timeout: float
    timing: Timing


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How an attempt ended."""

    report: EndReport
    #: What was started in the same move: reported already, and to be run at once.
    following: Following | None = None


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
        relay: Relay | None = None,
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
        self._relay = relay
        self._clock = clock
        # A lease goes on while a lid is closed, the time that a job may take does not.
        self._lease_clock = lease_clock
        #: When the attempt in hand was last known to be ours; ``None`` without one.
        self._held_at: float | None = None
        self._asked: Stop | None = None
        self._wrote = False
        self._job: Job | None = None
        self._lost = False
        #: A job that came by the relay, of which the mailbox still has a record.
        self._recorded: str | None = None

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

    def run(self, job: Job, *, after: Following | None = None) -> Ran:
        """Run a started job to its end and return how it ended. What it left on this disk is deleted.

        ``after`` is what the attempt before this one returned as following, when that is this one.
        """
        folder = self._conditions.work_dir / f"{job.id}.{job.attempt}"
        if after is None:
            self._take(job, self._lease_clock())
        self._asked, self._wrote = None, False
        self._recorded = self._relay.recorded(job, followed=after is not None) if self._relay is not None else None
        ran: Ran | None = None
        try:
            ran = self._attempt(job, folder, after)
        except Exception as error:  # an unknown error is transient until the attempts are spent
            log.exception("attempt_broke", job_id=job.id, attempt=job.attempt)
            self._process.kill()
            ran = Ran(report=self._settler.settled(job, broken(error), give_back=self._give_back(job)))
        finally:
            if ran is None or ran.following is None:
                self._held_at = self._job = None
            self._stops.forget(job.id)
            self._forget()
            _clear(folder)
        return ran

    def _take(self, job: Job, held_at: float) -> None:
        """Have an attempt in hand from now on."""
        self._held_at, self._lost, self._job = held_at, False, job
        self._tell(job, "start", 0, 0)

    def _attempt(self, job: Job, folder: Path, after: Following | None) -> Ran:
        folder.mkdir(parents=True, mode=0o700)
        ended = self._compute(job, folder, after)
        # What ended before it said that it is done may have written vectors.
        self._wrote = isinstance(ended, Ended) or ended.knowledge is not None
        if self._lost:
            return Ran(report=self._settler.lost(job))
        if isinstance(ended, Ended):
            if ended.reason == "training_failed":
                # A device that failed once may be of no more use to this process; a fresh one starts clean.
                self._process.kill()
            return Ran(report=self._settler.settled(job, ended, give_back=self._give_back(job)))
        if ended.knowledge is not None:
            self._tell(job, "publish", 0, 0)
        fault("worker.publishing")
        ran = self._settle(job, ended)
        fault("worker.published")
        if ran.following is not None:
            fault("worker.started")
        return ran

    def _settle(self, job: Job, done: Done) -> Ran:
        """Publish and end; with nothing to publish, go on with another job in the same move if there is one."""
        if self._relay is not None and done.knowledge is None and job.kind is not Kind.REMOVE:
            asked_at = self._lease_clock()
            recorded, self._recorded = self._recorded, None
            ended, following = self._relay.end(job, done.summary, forget=recorded)
            if following is not None:
                # It is ours since a moment ago: from here on it is renewed, reported, and given back.
                self._take(following.job, asked_at)
            if ended:
                return Ran(report=self._settler.succeeded(job), following=following)
        report = self._settler.published(job, done, renew=lambda: self._renew(job), stops=self._stops)
        return Ran(report=report)

    def _compute(self, job: Job, folder: Path, after: Following | None) -> Done | Ended:
        """Have the compute process run it; whatever happens to that process is an end like any other."""
        try:
            visible = self._publisher.published(job) if after is None else after.visible
            self._process.warm()
            self._process.say(RunTask(task=write_task(make_task(job, folder, visible))))
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
            # A job of milliseconds has this done on the way to the next one.
            self._forget()
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

    def _forget(self) -> None:
        recorded, self._recorded = self._recorded, None
        if recorded is not None and self._relay is not None:
            self._relay.forget(recorded)

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
        if self._wrote and job.kind is Kind.INGEST and ended.state.ended and not self._stops.stopping:
            work = Tidying(process=self._process, publisher=self._publisher, stops=self._stops, clock=self._clock)
            work.after(job, published=ended.state is State.SUCCEEDED)


def _clear(folder: Path) -> None:
    """Delete what an attempt left; most leave nothing, and a tree is walked for the others alone."""
    try:
        folder.rmdir()
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)

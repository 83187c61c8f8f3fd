"""One attempt, from the moment it is ours to the moment it is somebody else's problem."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_worker.attempt.ends import broken
from edge_worker.attempt.messages import Done, Ended, Progress, RunTask, StopTask
from edge_worker.attempt.process import ComputeDied, ComputeProcess
from edge_worker.attempt.tasks import make_task, write_task
from edge_worker.conditions import Conditions
from edge_worker.handful import UNBEGUN, Handful, Ran
from edge_worker.relay import Relay
from edge_worker.scratch import clear
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
from shared.ledger.turns import Finished, Following
from shared.logs import get_logger
from shared.nodes.heartbeat import AttemptReport, EndReport
from shared.timing import elapsed

log = get_logger(__name__)

_POLL = 0.2


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
        ended: Callable[[EndReport], None],
        relay: Relay,
        clock: Callable[[], float] = time.monotonic,
        lease_clock: Callable[[], float] = elapsed,
    ) -> None:
        """``report`` hears of what is in hand, ``ended`` of what is over before the attempt that runs."""
        self._process = process
        self._keeper = keeper
        self._publisher = publisher
        self._settler = settler
        self._stops = stops
        self._conditions = conditions
        self._report = report
        self._ended = ended
        self._handful = Handful(
            most=conditions.most, soon=conditions.soon, relay=relay, settler=settler, stops=stops, renew=self._renew
        )
        self._clock = clock
        # A lease goes on while a lid is closed, the time that a job may take does not.
        self._lease_clock = lease_clock
        #: When the attempt in hand was last known to be ours; ``None`` without one.
        self._held_at: float | None = None
        self._asked: Stop | None = None
        self._wrote = False
        self._job: Job | None = None
        #: Jobs in hand whose attempts are not ours any more.
        self._lost = set[str]()

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
        for mine in (*self._handful.jobs, self._job):
            if mine is not None and mine.id == job.id and mine.attempt < job.attempt:
                self._lost.add(mine.id)

    def run(self, job: Job, *, after: Following | None = None) -> Ran:
        """Run a started job to its end and return how it ended. What it left on this disk is deleted.

        ``after`` is what the attempt before this one returned as following, when that is this one.
        """
        folder = self._conditions.work_dir / f"{job.id}.{job.attempt}"
        if after is None:
            self._held_at = self._lease_clock()
            self._lost.clear()
            self._tell(job, "start", 0, 0)
        self._job, self._asked, self._wrote = job, None, False
        self._handful.begin(job, followed=after is not None)
        ran: Ran | None = None
        try:
            ran = self._attempt(job, folder, after)
        except Exception as error:  # an unknown error is transient until the attempts are spent
            log.exception("attempt_broke", job_id=job.id, attempt=job.attempt)
            self._process.kill()
            self._handful.drop(job)
            ran = self._alone(job, broken(error))
        finally:
            if ran is None or ran.following is None:
                self._held_at = self._job = None
                self._handful.forget()
            self._stops.forget(job.id)
            clear(folder)
        return ran

    def _attempt(self, job: Job, folder: Path, after: Following | None) -> Ran:
        if after is not None and (why := self._why_stop(job)) is not None:
            self._asked = why
            return self._not_begun(job)
        began = self._clock()
        folder.mkdir(parents=True, mode=0o700)
        ended = self._compute(job, folder, after)
        # What ended before it said that it is done may have written vectors.
        self._wrote = isinstance(ended, Ended) or ended.publishes
        if isinstance(ended, Ended) or ended.publishes or job.kind is Kind.REMOVE:
            return self._alone(job, ended)
        if job.id in self._lost:
            return self._without(self._settler.lost(job))
        fault("worker.publishing")
        following = self._handful.add(Finished(job=job, result=ended.summary), self._clock() - began)
        return self._turn() if following is None else Ran(following=following)

    def _turn(self) -> Ran:
        """Record the ends in hand, and go on with other jobs in the same move if there are any."""
        asked_at = self._lease_clock()
        # What was done is the ledger's to judge now.
        self._lost.clear()

        def listed(started: Sequence[Following]) -> None:
            # They are ours since a moment ago: from here on they are renewed, reported, and given back.
            self._held_at = asked_at
            for one in started:
                self._tell(one.job, "start", 0, 0)

        ran = self._handful.turn(listed)
        fault("worker.published")
        if ran.following is not None:
            fault("worker.started")
        return ran

    def _not_begun(self, job: Job) -> Ran:
        """End an attempt that is to stop before it was begun; with a worker that gives back go the others in hand."""
        why = self._give_back(job)
        if why is None:
            return self._without(self._settle(job, UNBEGUN))
        reports = self._handful.let_go(why, unbegun=job)
        return Ran(reports=(*reports, *self._handful.finish()))

    def _without(self, report: EndReport) -> Ran:
        """Go on with what is in hand after one that came to nothing and left nothing behind."""
        if self._handful.done and self._handful.following is None:
            ran = self._turn()
            return Ran(reports=(*ran.reports, report), following=ran.following)
        return Ran(reports=(report,), following=self._handful.following)

    def _alone(self, job: Job, ended: Done | Ended) -> Ran:
        """End an attempt that takes an end of its own; nothing follows it."""
        self._let_go(job)
        report = self._settle(job, ended)
        return Ran(reports=(*self._handful.finish(), report))

    def _settle(self, job: Job, ended: Done | Ended) -> EndReport:
        if job.id in self._lost:
            return self._settler.lost(job)
        if isinstance(ended, Ended):
            if ended.reason == "training_failed":
                # A device that failed once may be of no more use to this process; a fresh one starts clean.
                self._process.kill()
            return self._settler.settled(job, ended, give_back=self._give_back(job))
        fault("worker.publishing")
        if ended.publishes:
            self._tell(job, "publish", 0, 0)
        report = self._settler.published(job, ended, renew=lambda: self._renew(job), stops=self._stops)
        fault("worker.published")
        return report

    def _let_go(self, job: Job) -> None:
        """Have nothing in hand but this job."""
        if not self._handful.empty:
            for report in self._handful.let_go(self._give_back(job) or "started_ahead"):
                self._ended(report)

    def _compute(self, job: Job, folder: Path, after: Following | None) -> Done | Ended:
        """Have the compute process run it; whatever happens to that process is an end like any other."""
        try:
            visible = self._publisher.published(job) if after is None else after.visible
            if self._process.pid is None:  # it may take minutes to come up
                self._let_go(job)
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
        return why if why == "worker_stopping" or why == "worker_paused" else None  # noqa: PLR1714  # narrows its type

    def _follow(self, job: Job) -> Done | Ended:
        """Listen until the attempt ends; renew it; end it by force when it is over time or does not stop."""
        began, renewed = self._clock(), self._lease_clock()
        let_go_at, again = began + self._conditions.soon, self._conditions.timing.heartbeat
        stop_asked: float | None = None
        while True:
            message = self._process.hear(_POLL if self._handful.empty else min(_POLL, self._conditions.soon))
            if isinstance(message, Done | Ended):
                return message
            if isinstance(message, Progress):
                self._tell(job, message.stage, message.done, message.total)
            # A job of milliseconds has this done on the way to the next one.
            self._handful.forget()
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
            if stop_asked is None and now >= let_go_at:
                # A ledger that is silent takes a while to say so, in which nobody looks whether the job is to stop.
                self._let_go(job)
                let_go_at, again = self._clock() + again, 2 * again
            if self._lease_clock() - renewed > self._conditions.timing.renew:
                renewed = self._renew(job)

    def _renew(self, job: Job) -> float:
        """Renew the lease; return the moment from which the next renewal is counted."""
        timing, now = self._conditions.timing, self._lease_clock()
        try:
            held = self._keeper.renew(job.id, attempt=job.attempt, worker=self._conditions.worker, lease=timing.lease)
        except LedgerUnavailable:
            # The lease outlasts a renewal: ask again soon, and let the fence decide if it was too late.
            log.warning("renewal_put_off", job_id=job.id)
            return now - timing.renew + timing.heartbeat
        self._held_at = now
        if not held.held:
            # Whoever has it now, it is not for us to end.
            self._lost.add(job.id)
        elif held.cancel_requested:
            self._stops.cancel(job.id)
        return now

    def _why_stop(self, job: Job) -> Stop | None:
        return "lost" if job.id in self._lost else self._stops.why(job.id)

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

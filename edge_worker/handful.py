"""The handful: the jobs that a slot has in hand beside the one that it runs, while jobs are shorter than a commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_worker.attempt.messages import Ended
from edge_worker.relay import Relay
from edge_worker.settle import GiveBack, Settler
from edge_worker.stops import Stops
from shared.ledger.records import Job
from shared.ledger.turns import Finished, Following
from shared.nodes.heartbeat import EndReport

#: Seconds: a job that takes longer runs alone. What was done before it is recorded, what was to follow it goes back.
SOON = 0.05
#: Jobs in one hand at most, over all slots of a worker; with more of them a commit is no longer what a job costs. For a
#: moment a heartbeat lists twice as many: those that were done, and those that were started as they ended.
MOST = 16
#: How an attempt ends that was not begun.
UNBEGUN = Ended(signal="cancelled", reason="cancel_requested", detail="It was stopped before it was begun.")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of an attempt."""

    #: The ends that are recorded with it: its own is the last. None while its own end waits for those of the next jobs.
    reports: tuple[EndReport, ...] = ()
    #: What is in hand already, and to be run at once.
    following: Following | None = None


class Handful:
    """Jobs that were started in one commit, are run one after the other, and end in one commit with the next starts.

    Each promise is kept as for one job at a time. Every one of them is running under an attempt, a generation and a
    lease of its own, is listed in each heartbeat from the moment that its start is known, and has not succeeded before
    its own end is committed; a job that was cancelled meanwhile does not. When the worker is killed nobody lists them
    any more, neither what was done nor what was to follow: each is rescued, and what was done runs again, as after any
    kill before the commit. The ledger starts several only if this is the first attempt of each, so that what takes its
    worker down does so to others once.

    What holding several costs others is bounded: a hand holds what should be done within ``soon``, as long as the
    slowest of the last hand took, and the first job that takes longer ends it; an id that a turn could not start lies
    on its lane again. So a more urgent job, or another worker that is free, waits for about ``soon``, and for ``most``
    times that when each job turns out slower than any before. What was done is told for one lease at most, together.
    A hand grows from one job, to twice what was started last. One thread calls; any may ask for ``jobs``.
    """

    def __init__(
        self, *, most: int, soon: float, relay: Relay, settler: Settler, stops: Stops, renew: Callable[[Job], object]
    ) -> None:
        """It holds ``most`` jobs at most, for ``soon`` s; ``renew`` renews a lease while the ledger is waited for."""
        self._limit = most
        self._soon = soon
        self._relay = relay
        self._settler = settler
        self._stops = stops
        self._renew = renew
        self._waiting: deque[Following] = deque()
        self._done: tuple[Finished, ...] = ()
        self._most = 1
        self._slowest = 0.0
        #: Jobs of which the mailbox still has its record.
        self._recorded: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is in hand but the job that runs."""
        return not self._waiting and not self._done

    @property
    def done(self) -> bool:
        """Whether ends are in hand that are not recorded yet."""
        return bool(self._done)

    @property
    def following(self) -> Following | None:
        """The job that is to be run next. It stays in hand until it is begun: who asks in between is to find it."""
        return self._waiting[0] if self._waiting else None

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All that is in hand but the job that runs."""
        return (*(one.job for one in self._done), *(one.job for one in self._waiting.copy()))

    def begin(self, job: Job, *, followed: bool) -> None:
        """Take in that a job runs: the next one in hand, if it ``followed`` another."""
        if followed:
            self._waiting.popleft()
        else:
            self._recorded = (job.id,) if self._relay.records_stay else ()

    def add(self, done: Finished, seconds: float) -> Following | None:
        """Keep an end that is to be recorded with those of the next jobs; return the one that is to be run now.

        ``None``: there is none, and a ``turn`` is due.
        """
        self._done = (*self._done, done)
        self._slowest = max(self._slowest, seconds)
        return self.following

    def turn(self, listed: Callable[[Sequence[Following]], None]) -> Ran:
        """Record the ends and start what lies on a lane.

        ``listed`` is called with all that was started, before anything else is done.
        """
        recorded, self._recorded = self._recorded, ()
        turned = self._relay.end(self._done, most=self._next_most(), forget=recorded)
        started = turned.started if turned is not None else ()
        # In hand first: who is told of one may ask for it at once.
        self._waiting.extend(started)
        self._recorded, self._most = tuple(one.job.id for one in started), max(1, len(started))
        listed(started)
        reports = self._reports(turned.ended if turned is not None else frozenset())
        return Ran(reports=tuple(reports), following=self.following)

    def let_go(self, why: GiveBack = "started_ahead", *, unbegun: Job | None = None) -> list[EndReport]:
        """Give back what was not begun, ``unbegun`` too, and try once to record what was done; return the reports.

        What was done stays in hand as long as the ledger is silent.
        """
        self.forget()
        waiting, self._waiting, self._most = self._waiting, deque(), 1
        jobs = [*([unbegun] if unbegun is not None else []), *(one.job for one in waiting)]
        back = self._settler.given_back(jobs, why)
        for job in jobs:
            self._stops.forget(job.id)
        # A ledger that is silent is not waited for twice.
        turned = self._relay.end(self._done, most=0) if self._done and back.heard else None
        return [*back.reports, *(self._reports(turned.ended) if turned is not None else [])]

    def drop(self, job: Job) -> None:
        """Leave the end of a job to somebody else."""
        self._done = tuple(one for one in self._done if one.job.id != job.id)

    def finish(self) -> list[EndReport]:
        """Record what is left by the ordinary way, which tries for one lease over all of them; return the reports."""
        self.forget()
        return self._reports(frozenset())

    def forget(self) -> None:
        """Have the mailbox forget its records of what is in hand."""
        recorded, self._recorded = self._recorded, ()
        self._relay.forget(recorded)

    def _next_most(self) -> int:
        within = int(self._soon / self._slowest) if self._slowest > 0 else self._limit
        self._most, self._slowest = max(1, min(2 * self._most, within, self._limit)), 0.0
        return self._most

    def _reports(self, ended: frozenset[str]) -> list[EndReport]:
        """Return how everything done ended; what is not known to be recorded is recorded the ordinary way."""
        done, missing = self._done, [one for one in self._done if one.job.id not in ended]
        told = self._settler.all_published(missing, renew=self._renew, stops=self._stops)
        self._done = ()
        for one in done:
            # A cancel that came after it was done has nothing left to stop.
            self._stops.forget(one.job.id)
        return [self._settler.succeeded(one.job) for one in done if one.job.id in ended] + told

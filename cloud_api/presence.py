"""Presence: who is there and what they are doing, in this process's memory, fed by heartbeats."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cloud_api.workers import WorkerStatus, WorkerView, least_loaded, state_of, view_of
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.nodes.capabilities import Needs
from shared.nodes.heartbeat import AttemptReport, Heartbeat
from shared.timing import Timing

_DOING = {Kind.INGEST: "Training Graph on {}", Kind.REMOVE: "Removing {}"}
#: Seconds for which the last process of a node is remembered.
_DAY = 86_400.0
#: Workers that are remembered, at most: a token in wrong hands must not fill the memory.
_MOST = 200


@dataclass(frozen=True)
class _Heard:
    heartbeat: Heartbeat
    at: float
    #: When it came into the state that this heartbeat shows.
    since: float
    last_error: str | None = None
    free_since: float | None = None
    #: When the heartbeat before this one was heard: this one was composed after that.
    before: float | None = None


@dataclass
class Presence:
    """What the workers last said. Lost on a restart, back within one heartbeat."""

    timing: Timing
    clock: Callable[[], float] = time.monotonic
    _heard: dict[str, _Heard] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    #: The order in which several that could do a thing are asked.
    least_loaded = staticmethod(least_loaded)

    def __post_init__(self) -> None:
        self.born = self.clock()

    def hear(self, heartbeat: Heartbeat) -> bool:
        """Take in what a worker says; return whether its coming, going, duty, attempts, slots or abilities changed."""
        with self._lock:
            before = self._heard.get(heartbeat.worker)
            self._heard[heartbeat.worker] = self._next(before, heartbeat)
            self._forget_old(heartbeat)
        if before is None or heartbeat.ended or self.clock() - before.at > self.timing.lost_after:
            return True
        return _shape(heartbeat) != _shape(before.heartbeat)

    def workers(self) -> tuple[WorkerView, ...]:
        """Return every worker that was heard in the last day, by node and name."""
        with self._lock:
            heard = list(self._heard.values())
        return tuple(sorted((self._view(one) for one in heard), key=lambda view: (view.node, view.worker)))

    def find(self, worker: str) -> WorkerView | None:
        """Return one worker, by its id."""
        with self._lock:
            heard = self._heard.get(worker)
        return None if heard is None else self._view(heard)

    def status(self) -> WorkerStatus:
        """Return the line that a person looks at first."""
        views = self.workers()
        there = sorted((view for view in views if view.there), key=lambda view: not view.takes)
        if not there:
            latest = min((view.seen_seconds_ago for view in views), default=None)
            return WorkerStatus(status="Offline", seen_seconds_ago=latest)
        view = next((view for view in there if view.attempts), there[0])
        failed = next((view for view in there if view.last_error), None)
        if view.attempts:
            report = view.attempts[0]
            return WorkerStatus(
                status=_DOING[report.kind].format(report.repository),
                node=view.node,
                worker=view.worker,
                repository=report.repository,
                stage=report.stage,
                done=report.done,
                total=report.total,
                seen_seconds_ago=view.seen_seconds_ago,
            )
        if failed is not None:
            view = failed
        status = f"Error: {view.last_error}" if view.last_error else "Idle"
        return WorkerStatus(status=status, node=view.node, worker=view.worker, seen_seconds_ago=view.seen_seconds_ago)

    def progress(self, job_id: str) -> AttemptReport | None:
        """Return how far the worker that holds a job is, if one does."""
        reports = [report for view in self.workers() for report in view.attempts if report.job_id == job_id]
        # One that sleeps still lists what another has taken over.
        return max(reports, key=lambda report: report.attempt, default=None)

    def holds(self, worker: str, job_id: str, attempt: int, *, since: float) -> bool:
        """Return whether a worker may still have an attempt that began ``since`` seconds ago.

        It may until it is lost, goes to sleep, says goodbye, or sends a heartbeat after the start that does not list
        the attempt. A worker that was not heard since this process began has ``lost_after`` seconds to speak up.
        """
        with self._lock:
            heard = self._heard.get(worker)
        if heard is None:
            return self.clock() - self.born < self.timing.lost_after
        view = self._view(heard)
        if view.state == "offline" or view.goodbye == "sleeping":
            return False
        if any(report.job_id == job_id and report.attempt == attempt for report in view.attempts):
            return True
        if view.goodbye is not None:
            return False
        # A heartbeat may be long under way, so the time of its arrival proves nothing; but a worker sends one after the
        # other, so this one was composed after the one before it was heard.
        return heard.before is None or self.clock() - heard.before >= since

    def grace(self, worker: str) -> float | None:
        """Return the seconds that a worker has left to speak up since this process began; ``None`` once it has."""
        with self._lock:
            heard = worker in self._heard
        return None if heard else max(0.0, self.timing.lost_after - (self.clock() - self.born))

    def capable(self, needs: Needs, kind: str) -> list[WorkerView]:
        """Return the workers that take jobs and may run such a one, whether or not they are busy."""
        return [
            view
            for view in self.workers()
            if view.takes and kind in view.capabilities.kinds and needs.met_by(view.capabilities)
        ]

    def free_for(self, worker: str) -> float:
        """Return for how many seconds a worker has had a free slot; 0 when it has none."""
        with self._lock:
            heard = self._heard.get(worker)
        if heard is None or heard.free_since is None:
            return 0.0
        return self.clock() - heard.free_since

    def reaches_mailbox(self, worker: str) -> bool:
        """Return whether a worker said that it reaches the mailbox."""
        with self._lock:
            heard = self._heard.get(worker)
        return heard is not None and heard.heartbeat.mailbox

    def alive(self) -> frozenset[str]:
        """Return the workers that are there, also those that take no jobs: what they hold is lost with them."""
        return frozenset(view.worker for view in self.workers() if view.there)

    def next_loss(self) -> float | None:
        """Return the seconds until the next worker counts as lost, if it says nothing more."""
        ages = [view.seen_seconds_ago for view in self.workers() if view.there]
        return max(0.0, self.timing.lost_after - max(ages)) if ages else None

    def said(self) -> list[tuple[Heartbeat, float]]:
        """Return what each worker said last, and how many seconds ago."""
        with self._lock:
            return [(one.heartbeat, self.clock() - one.at) for one in self._heard.values()]

    def recall(self, heartbeat: Heartbeat, age: float) -> None:
        """Take in what a worker told the process before this one, unless it has spoken since."""
        at = self.clock() - age
        with self._lock:
            self._heard.setdefault(heartbeat.worker, _Heard(heartbeat=heartbeat, at=at, since=at))

    def _next(self, before: _Heard | None, heartbeat: Heartbeat) -> _Heard:
        now = self.clock()
        error = before.last_error if before else None
        for end in heartbeat.ended:
            error = end.detail or "the last job failed" if end.state is State.FAILED else None
        if heartbeat.attempts:
            error = None
        state = state_of(heartbeat, age=0.0, lost_after=self.timing.lost_after)
        free = state in {"ready", "working"} and heartbeat.busy < heartbeat.slots
        since, free_since = now, now
        if before is not None and now - before.at <= self.timing.lost_after:
            was = state_of(before.heartbeat, age=now - before.at, lost_after=self.timing.lost_after)
            since = before.since if was == state else now
            free_since = now if before.free_since is None else before.free_since
        return _Heard(
            heartbeat=heartbeat,
            at=now,
            since=since,
            last_error=error,
            free_since=free_since if free else None,
            before=before.at if before else None,
        )

    def _view(self, heard: _Heard) -> WorkerView:
        now = self.clock()
        return view_of(
            heard.heartbeat,
            age=now - heard.at,
            since=now - heard.since,
            lost_after=self.timing.lost_after,
            last_error=heard.last_error,
        )

    def _forget_old(self, speaker: Heartbeat) -> None:
        """Forget who was replaced by the speaker, and who was silent for a day."""
        now = self.clock()
        for worker, one in list(self._heard.items()):
            said, age = one.heartbeat, now - one.at
            gone = said.goodbye is not None or age > self.timing.lost_after
            # A process that was replaced on its node tells nobody anything; the last one of a node stays for a day.
            # Several that go to sleep together do not replace each other.
            same_node = worker != speaker.worker and said.capabilities.node == speaker.capabilities.node
            if (gone and same_node and speaker.goodbye != "sleeping") or age > _DAY:
                del self._heard[worker]
        while len(self._heard) > _MOST:
            del self._heard[min(self._heard, key=lambda worker: self._heard[worker].at)]


def _shape(said: Heartbeat) -> tuple[object, ...]:
    """Return the part of a heartbeat in which any difference is news for who hands out jobs."""
    held = frozenset((report.job_id, report.attempt) for report in said.attempts)
    return said.goodbye, said.mailbox, said.slots, said.busy, said.duty.state, said.duty.order, said.capabilities, held

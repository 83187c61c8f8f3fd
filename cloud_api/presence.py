"""Presence: who is there and what they are doing, in this process's memory, fed by heartbeats."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.migrate import latest_version
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.heartbeat import AttemptReport, Heartbeat
from shared.timing import Timing

WorkerState = Literal["ready", "working", "left", "offline", "too_old"]


_DOING = {Kind.INGEST: "Training Graph on {}", Kind.REMOVE: "Removing {}"}


@dataclass(frozen=True, kw_only=True)
class WorkerView:
    """One worker as people see it."""

    worker: str
    node: str
    version: str
    capabilities: Capabilities
    state: WorkerState
    seen_seconds_ago: float
    attempts: tuple[AttemptReport, ...]
    slots: int
    memory_mib: int
    last_error: str | None

    @property
    def free(self) -> bool:
        """Whether it could start a job now."""
        return self.state in {"ready", "working"} and len(self.attempts) < self.slots


@dataclass(frozen=True, kw_only=True)
class WorkerStatus:
    """The one line about the worker that is busiest: ``Idle``, ``Training Graph on …``, ``Error: …`` or ``Offline``."""

    status: str
    node: str | None = None
    worker: str | None = None
    repository: str | None = None
    stage: str | None = None
    done: int = 0
    total: int = 0
    seen_seconds_ago: float | None = None


@dataclass(frozen=True)
class _Heard:
    heartbeat: Heartbeat
    at: float
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

    def __post_init__(self) -> None:
        self.born = self.clock()

    def hear(self, heartbeat: Heartbeat) -> bool:
        """Take in what a worker says; return whether its coming, going, attempts or slots changed."""
        with self._lock:
            before = self._heard.get(heartbeat.worker)
            self._heard[heartbeat.worker] = self._next(before, heartbeat)
            self._forget_old()
        if before is None or heartbeat.ended or heartbeat.goodbye != before.heartbeat.goodbye:
            return True
        if self.clock() - before.at > self.timing.lost_after or heartbeat.mailbox != before.heartbeat.mailbox:
            return True
        if heartbeat.slots != before.heartbeat.slots:
            return True
        held = {(report.job_id, report.attempt) for report in heartbeat.attempts}
        return held != {(report.job_id, report.attempt) for report in before.heartbeat.attempts}

    def workers(self) -> tuple[WorkerView, ...]:
        """Return every worker that was heard in the last day, by node and name."""
        with self._lock:
            heard = list(self._heard.values())
        return tuple(sorted((self._view(one) for one in heard), key=lambda view: (view.node, view.worker)))

    def status(self) -> WorkerStatus:
        """Return the line that a person looks at first."""
        views = self.workers()
        alive = [view for view in views if view.state in {"ready", "working"}]
        if not alive:
            latest = min((view.seen_seconds_ago for view in views), default=None)
            return WorkerStatus(status="Offline", seen_seconds_ago=latest)
        view = next((view for view in alive if view.attempts), alive[0])
        failed = next((view for view in alive if view.last_error), None)
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
        reports = (report for view in self.workers() for report in view.attempts)
        return next((report for report in reports if report.job_id == job_id), None)

    def holds(self, worker: str, job_id: str, attempt: int, *, since: float) -> bool:
        """Return whether a worker may still have an attempt that began ``since`` seconds ago.

        It may until it is lost, says goodbye, or sends a heartbeat after the start that does not list the attempt.
        A worker that was not heard since this process began has ``lost_after`` seconds to speak up.
        """
        with self._lock:
            heard = self._heard.get(worker)
        if heard is None:
            return self.clock() - self.born < self.timing.lost_after
        view = self._view(heard)
        if any(report.job_id == job_id and report.attempt == attempt for report in view.attempts):
            return view.state != "offline"
        if view.state in {"offline", "left"}:
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
        """Return the workers that are there and may run such a job, whether or not they are busy."""
        return [
            view
            for view in self.workers()
            if view.state in {"ready", "working"}
            and kind in view.capabilities.kinds
            and needs.met_by(view.capabilities)
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
        """Return the workers that are there."""
        return frozenset(view.worker for view in self.workers() if view.state in {"ready", "working"})

    def next_loss(self) -> float | None:
        """Return the seconds until the next worker counts as lost, if it says nothing more."""
        ages = [view.seen_seconds_ago for view in self.workers() if view.state in {"ready", "working"}]
        return max(0.0, self.timing.lost_after - max(ages)) if ages else None

    def said(self) -> list[tuple[Heartbeat, float]]:
        """Return what each worker said last, and how many seconds ago."""
        with self._lock:
            return [(one.heartbeat, self.clock() - one.at) for one in self._heard.values()]

    def recall(self, heartbeat: Heartbeat, age: float) -> None:
        """Take in what a worker told the process before this one, unless it has spoken since."""
        with self._lock:
            self._heard.setdefault(heartbeat.worker, _Heard(heartbeat=heartbeat, at=self.clock() - age))

    def _next(self, before: _Heard | None, heartbeat: Heartbeat) -> _Heard:
        now = self.clock()
        error = before.last_error if before else None
        for end in heartbeat.ended:
            error = end.detail or "the last job failed" if end.state is State.FAILED else None
        if heartbeat.attempts:
            error = None
        free = len(heartbeat.attempts) < heartbeat.slots and heartbeat.goodbye is None
        since = before.free_since if before and before.free_since is not None else now
        heard = _Heard(
            heartbeat=heartbeat,
            at=now,
            last_error=error,
            free_since=since if free else None,
            before=before.at if before else None,
        )
        if before is None or now - before.at > self.timing.lost_after:
            heard = replace(heard, free_since=now if free else None)
        return heard

    def _view(self, heard: _Heard) -> WorkerView:
        said, age = heard.heartbeat, self.clock() - heard.at
        return WorkerView(
            worker=said.worker,
            node=said.capabilities.node,
            version=said.version,
            capabilities=said.capabilities,
            state=self._state(said, age),
            seen_seconds_ago=age,
            attempts=said.attempts if age <= self.timing.lost_after else (),
            slots=said.slots,
            memory_mib=said.memory_mib,
            last_error=heard.last_error,
        )

    def _state(self, said: Heartbeat, age: float) -> WorkerState:
        if said.goodbye is not None:
            return "left"
        if age > self.timing.lost_after:
            return "offline"
        if said.schema_version != latest_version():
            return "too_old"
        return "working" if said.attempts else "ready"

    def _forget_old(self) -> None:
        now = self.clock()
        nodes = {
            one.heartbeat.capabilities.node for one in self._heard.values() if now - one.at < self.timing.lost_after
        }
        for worker, one in list(self._heard.items()):
            gone = one.heartbeat.goodbye is not None or now - one.at > self.timing.lost_after
            # A process that was replaced on its node tells nobody anything; the last one of a node stays for a day.
            if (gone and one.heartbeat.capabilities.node in nodes and now - one.at > 0) or now - one.at > 86_400:
                del self._heard[worker]

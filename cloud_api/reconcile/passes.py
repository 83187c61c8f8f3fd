"""One pass: load what is open, decide, act, and show the board what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cloud_api.board import KEPT, Board
from cloud_api.delivery import Delivery
from cloud_api.dispatch import Dispatch
from cloud_api.presence import Presence
from cloud_api.reconcile.decide import Plan, Sight, decide
from cloud_api.usage import Usage
from shared.faults import fault
from shared.jobs.kinds import Priority
from shared.jobs.states import State
from shared.ledger.jobs import JobReader
from shared.ledger.keeper import Keeper
from shared.ledger.records import DEFAULT_TENANT, Job, OpenJob
from shared.logs import get_logger
from shared.nodes.capabilities import Needs
from shared.timing import Timing

log = get_logger(__name__)

#: Seconds.
_BREATH = 0.002
#: Capable workers that have a free slot, as in ``Sight``.
_Free = tuple[tuple[str, float, bool], ...]


@dataclass
class Pass:
    """The parts that a pass works on."""

    keeper: Keeper
    reader: JobReader
    delivery: Delivery
    presence: Presence
    board: Board
    dispatch: Dispatch
    usage: Usage
    timing: Timing
    retention: float
    clock: Callable[[], float] = time.monotonic
    #: Called often in a long pass, which shares its process with those who wait for an answer.
    breathe: Callable[[], None] = lambda: time.sleep(_BREATH)
    _forgot_at: float | None = None

    def run(self) -> float:
        """Repair what needs it; return the seconds until the next pass is due.

        Raises:
            LedgerUnavailable: Postgres does not answer; nothing is half-done, the next pass starts afresh.
        """
        self.keeper.end_hopeless()
        jobs = self.keeper.open_jobs(breathe=self.breathe)
        if any(one.job.priority is Priority.LOW and one.age > self.timing.promote_after for one in jobs):
            self.keeper.promote(self.timing.promote_after)
        plan = decide(jobs, self._sights(), timing=self.timing, mailbox=self.delivery.works)
        fault("pass.decided")
        changed = self._rescue(plan)
        fault("pass.rescued")
        self._show(jobs)
        self.dispatch.ring(self.delivery.ensure(plan.deliver), on_lane=True)
        fault("pass.delivered")
        self.dispatch.look(plan.look)
        self.dispatch.cancel(frozenset(one.job.id for one in jobs if one.job.cancel_requested_at is not None))
        self._forget()
        self._count()
        return 0.05 if changed else plan.next_in

    def _forget(self) -> None:
        now = self.clock()
        if self._forgot_at is None or now - self._forgot_at >= self.timing.reconcile_every:
            # Noted first: one that fails is for another day.
            self._forgot_at = now
            self.keeper.forget(self.retention)

    def _count(self) -> None:
        """Keep what the month has used where it outlasts Redis, now that Postgres is awake anyway."""
        if self.usage.due():
            month, totals = self.usage.totals()
            self.usage.merge(month, self.keeper.use(month, totals))

    def _rescue(self, plan: Plan) -> bool:
        for job in plan.rescue:
            state = self.keeper.rescue(
                job.id,
                attempt=job.attempt,
                reason="worker_lost",
                detail=f"The worker on {job.node} was lost while it had this job. Nothing half-done is visible.",
            )
            log.info("job_rescued", job_id=job.id, attempt=job.attempt, node=job.node, state=state)
        return bool(plan.rescue)

    def _sights(self) -> Callable[[OpenJob], Sight]:
        """Return what one pass sees of a job: who could take it is asked once for all that need the same."""
        free: dict[tuple[str, Needs], _Free] = {}

        def sight(one: OpenJob) -> Sight:
            job = one.job
            asked = (job.kind, job.needs)
            if asked not in free:
                free[asked] = self._free(job)
            if job.state is not State.RUNNING or job.worker_id is None:
                return Sight(held=False, free=free[asked])
            listed = self.presence.holds(job.worker_id, job.id, job.attempt, since=one.running_for or 0.0)
            return Sight(held=listed, free=free[asked], grace=self.presence.grace(job.worker_id))

        return sight

    def _free(self, job: Job) -> _Free:
        return tuple(
            (view.worker, self.presence.free_for(view.worker), self.presence.reaches_mailbox(view.worker))
            for view in self.presence.capable(job.needs, job.kind)
            if view.free
        )

    def _show(self, jobs: list[OpenJob]) -> None:
        mine = tuple(one.job for one in jobs if one.job.tenant_id == DEFAULT_TENANT)
        self.board.load(mine, tuple(self.reader.ended(tenant=DEFAULT_TENANT, limit=KEPT)))

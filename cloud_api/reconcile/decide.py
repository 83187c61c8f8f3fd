"""What one pass should do, as a pure function of the ledger's open jobs and of presence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.jobs.kinds import Priority
from shared.jobs.states import State
from shared.ledger.records import Job, OpenJob
from shared.timing import Timing


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What presence says about one open job."""

    #: A worker that may still have the attempt in its hand.
    held: bool
    #: Seconds after which a worker that says nothing does not hold it any more; ``None`` where that is told as a loss.
    grace: float | None = None
    #: Capable workers that have a free slot, with the seconds that they have had it and whether they reach the mailbox.
    free: tuple[tuple[str, float, bool], ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to do now, and when to look again."""

    rescue: tuple[Job, ...]
    #: Jobs that belong on a lane now, whether or not they are on one.
    deliver: tuple[Job, ...]
    #: Workers that should look in the ledger, since a lane did not bring them what is theirs.
    look: frozenset[str]
    #: Seconds until something changes by itself.
    next_in: float


def decide(jobs: Sequence[OpenJob], sight: Callable[[OpenJob], Sight], *, timing: Timing, mailbox: bool) -> Plan:
    """Return the plan of one pass over ``jobs``, which come most urgent first.

    A running job whose worker is lost, or whose lease is over while nobody lists it, is rescued only when a capable
    worker with a free slot is there to take it; until then a renewal revives it.
    """
    seen = [(one, sight(one)) for one in jobs]
    rescue = tuple(one.job for one, view in seen if one.job.state is State.RUNNING and not view.held and view.free)
    rescued = {job.id for job in rescue}
    busy = {one.job.repository_id for one, _ in seen if one.job.state is State.RUNNING and one.job.id not in rescued}
    deliver: list[OpenJob] = []
    # One of a repository on each lane: the first may wait for a worker that is not there, and the next need not.
    taken: set[tuple[str, str]] = set()
    for one, _ in seen:
        place = (one.job.repository_id, one.job.lane)
        if one.job.state is State.QUEUED and one.due and one.job.repository_id not in busy and place not in taken:
            taken.add(place)
            deliver.append(one)
    settled = tuple(one.job for one in deliver if one.job.attempt > 0 or one.age >= timing.settle)
    ready = {one.job.id for one in deliver}
    look: set[str] = set()
    waits = [timing.reconcile_every, *(timing.settle for _ in deliver[len(settled) :])]
    for one, view in seen:
        if one.job.id in ready:
            for worker, free_for, reaches in view.free:
                patience = timing.look_after if mailbox and reaches else 0.0
                overdue = min(free_for, one.age) - patience
                if overdue >= 0:
                    look.add(worker)
                waits.append(-overdue if overdue < 0 else timing.look_after)
        waits.extend(_own_times(one, timing.promote_after))
        if view.held and view.grace is not None:
            waits.append(view.grace)
    return Plan(
        rescue=rescue,
        deliver=settled,
        look=frozenset(look),
        next_in=max(0.05, min(waits)),
    )


def _own_times(one: OpenJob, promote_after: float) -> list[float]:
    if one.job.state is State.RUNNING:
        return [one.lease_in] if one.lease_in is not None and one.lease_in > 0 else []
    times = [] if one.due else [one.due_in]
    if one.job.priority is Priority.LOW:
        times.append(max(0.0, promote_after - one.age))
    if one.job.first_started_at is None and one.deadline_in is not None and one.deadline_in > 0:
        times.append(one.deadline_in)
    return times

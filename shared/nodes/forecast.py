"""When each open job will probably start: the line played through once, on the slots that there are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapreplace

from shared.jobs.states import State
from shared.nodes.facts import JobFacts, WorkerFacts

Able = Callable[[JobFacts], Sequence[WorkerFacts]]
#: A job that runs for longer than such jobs do is given this share of their time more.
_OVERTIME = 0.1
#: One that has run for so many times as long is nothing that the others tell about.
_FAR = 3.0


@dataclass(frozen=True, kw_only=True)
class Start:
    """When a job will start, and what keeps it from starting now."""

    #: Seconds; infinite when nobody can tell.
    seconds: float
    #: It is kept back by another job of its repository, not for want of a worker.
    repository: bool = False


@dataclass
class _Slots:
    """For each worker, when its slots are free, soonest first; for each repository, when its job will have ended."""

    free: dict[str, list[float]] = field(default_factory=dict)
    repositories: dict[str, float] = field(default_factory=dict)


def forecast(jobs: Sequence[JobFacts], workers: Sequence[WorkerFacts], able: Able) -> Mapping[str, Start]:
    """Return the start of every job that somebody who takes jobs, or will at a known time, is able to run.

    ``jobs`` come most urgent and oldest first. A job whose repository is taken lets others pass, as on the lanes.
    """
    slots = _slots(jobs, workers)
    running = frozenset(job.repository_id for job in jobs if job.state is State.RUNNING)
    line = sorted(_line(jobs, workers), key=lambda job: job.due_in)
    starts: dict[str, Start] = {}
    first: dict[str, JobFacts] = {}
    later: list[JobFacts] = []
    for job in line:
        taken = job.repository_id in running and not job.lost
        if taken or first.setdefault(job.repository_id, job) is not job:
            later.append(job)
            continue
        _place(job, slots, able, starts)
    for job in later:
        ahead = first.get(job.repository_id)
        # Where the one before it waits for a worker itself, that is what this one waits for, too.
        taken = job.repository_id in running or (ahead is not None and starts.get(ahead.id) == Start(seconds=0.0))
        _place(job, slots, able, starts, repository=taken)
    return starts


def _place(job: JobFacts, slots: _Slots, able: Able, starts: dict[str, Start], *, repository: bool = False) -> None:
    options = [slots.free[one.worker] for one in able(job) if one.worker in slots.free]
    if not options:
        return
    free = min(options, key=lambda times: times[0])
    at = max(free[0], job.due_in, slots.repositories.get(job.repository_id, 0.0))
    end = at + (math.inf if job.typical is None else job.typical)
    starts[job.id] = Start(seconds=at, repository=repository)
    heapreplace(free, end)
    slots.repositories[job.repository_id] = end


def _line(jobs: Sequence[JobFacts], workers: Sequence[WorkerFacts]) -> Iterator[JobFacts]:
    """Yield what wants a slot: what is queued and in nobody's hand, and what was lost."""
    held = frozenset().union(*(worker.held for worker in workers))
    for job in jobs:
        if (job.lost or (job.state is State.QUEUED and job.id not in held)) and not job.cancelling:
            yield job


def _slots(jobs: Sequence[JobFacts], workers: Sequence[WorkerFacts]) -> _Slots:
    slots, known = _Slots(), {job.id: job for job in jobs}
    for worker in workers:
        ends = {job_id: _left(known.get(job_id)) for job_id in worker.held}
        for job_id in ends.keys() & known.keys():
            slots.repositories[known[job_id].repository_id] = ends[job_id]
        opens = _opens(worker)
        if opens is not None:
            # What a pause gives back keeps no slot; with more in hand than there are slots, as many must end first.
            taken = [] if worker.state == "paused" else [max(end, opens) for end in ends.values()]
            slots.free[worker.worker] = sorted(taken + [opens] * (worker.slots - len(taken)))[-worker.slots :]
    return slots


def _opens(worker: WorkerFacts) -> float | None:
    """Return the seconds until a worker takes jobs; ``None`` when nobody knows."""
    if worker.here:
        return 0.0
    return worker.seconds_left if worker.state in {"paused", "draining"} else None


def _left(job: JobFacts | None) -> float:
    """Return the seconds that a job in somebody's hand will still take; infinite when nobody can tell."""
    if job is None:
        return math.inf
    ran = job.running_for if job.state is State.RUNNING else 0.0
    # What it says of itself goes before what others took: a large repository is no typical one.
    said = ran * (1 - job.share) / job.share if job.share else None
    if job.typical is None:
        return math.inf if said is None else max(said, 1.0)
    if said is None and ran > _FAR * job.typical:
        return math.inf
    return max(job.typical - ran, job.typical * _OVERTIME, 1.0, said or 0.0)

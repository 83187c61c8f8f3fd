"""Killing a worker at a named point, with another one there to take over."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.history import Change
from tests.faults.house import House

#: Points at which a job is not over yet, and how often it will have begun when it is.
BEFORE_THE_END = {
    "worker.popped": 1,
    "worker.started": 2,
    "compute.fetch": 2,
    "compute.train": 2,
    "compute.done": 2,
    "worker.publishing": 2,
}


@dataclass(frozen=True, kw_only=True)
class Rescue:
    """A job whose worker was killed, and what became of it."""

    job_id: str
    #: Seconds, on the ledger's clock, from the death of its worker until it ran on another one.
    seconds: float
    end: Change


def strike(house: House, point: str) -> Rescue:
    """Kill the worker ``attic`` at a point; return when the worker ``den`` has ended its job."""
    computes = point.startswith("compute.")
    house.start_plane()
    # A compute process cannot take its supervisor along, which beats on: it stands still, and the supervisor is killed.
    attic = house.ready_worker("attic", PHAROS_FAULT_AT=f"{point}:{'stop' if computes else 'kill'}")
    job_id = house.submit()
    if computes:
        house.until(lambda: attic.frozen, bool)
        house.ready_worker("den")
        attic.kill()
    else:
        attic.wait()
    died = house.now()
    if not computes:
        house.ready_worker("den")
    end = house.wait(job_id, within=200)
    taken = next(one for one in house.life(job_id) if (one.worker or "").startswith("den."))
    return Rescue(job_id=job_id, seconds=taken.seconds - died, end=end)

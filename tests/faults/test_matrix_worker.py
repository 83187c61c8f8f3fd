"""A worker dies, freezes or kills itself, at every point at which that matters."""

from __future__ import annotations

import signal

import psutil
import pytest

from tests.chaos.checker import check
from tests.chaos.history import Ask
from tests.faults.conftest import Build
from tests.faults.house import House
from tests.faults.strike import BEFORE_THE_END, strike

#: Seconds that a job of a killed worker may take until it runs elsewhere, on the product's own clock.
_PROMISE = 75.0
#: Seconds of this machine, which no scale makes faster: a worker has to start. ``benchmarks/recovery.py`` measures.
_SLACK = 3.0

_AFTER = ("worker.published", "worker.ended")


def _right(house: House, job_id: str, *, name: str = "a", fate: str = "succeed") -> None:
    """Nothing was lost, nothing was doubled, and nothing strange happened on the way."""
    ask = Ask(key=name, job_id=job_id, repository=name, fate="fail" if fate == "fail" else "succeed")
    asked = [ask, *(Ask(key=one, job_id=one, repository=one, fate="succeed") for one in _others(house, job_id))]
    assert check(house.history(asked)).problems == ()


def _others(house: House, job_id: str) -> set[str]:
    return {change.job_id for change in house.history().changes} - {job_id}


@pytest.mark.parametrize("transport", ["tcp", "rest", "none"])
@pytest.mark.parametrize("point", BEFORE_THE_END)
def test_a_killed_workers_job_runs_elsewhere_in_75_seconds(build: Build, point: str, transport: str) -> None:
    """Killed at any point before the end, with another worker there, its job runs on that one within 75 s."""
    house = build(transport=transport)

    rescue = strike(house, point)

    print(f"{point} over {transport}: {rescue.seconds:.2f} s, {rescue.seconds / house.scale:.0f} s unscaled")
    assert rescue.seconds <= _PROMISE * house.scale + _SLACK
    assert (rescue.end.state, rescue.end.attempt) == ("succeeded", BEFORE_THE_END[point])
    _right(house, rescue.job_id)


@pytest.mark.parametrize("point", _AFTER)
def test_a_worker_killed_after_the_commit_leaves_one_effect(build: Build, point: str) -> None:
    """Killed between its commit and telling anybody, it leaves a job that succeeded once and is not run again."""
    house = build()
    house.start_plane()
    house.ready_worker("attic", PHAROS_FAULT_AT=f"{point}:kill")
    job_id = house.submit()

    house.workers["attic"].wait()
    house.ready_worker("den")
    after = house.submit("b", fate="kept")
    house.wait(after)

    assert house.states(job_id) == ["queued", "running", "succeeded"]
    _right(house, job_id)


def test_a_compute_process_dies_with_its_worker(build: Build) -> None:
    """When the supervisor is killed in mid-job nothing of it computes on, and nothing of the attempt is published."""
    house = build()
    house.start_plane()
    worker = house.ready_worker("attic")
    job_id = house.submit(epochs=100)
    house.wait(job_id, "running")
    children = worker.family()

    worker.kill()

    _, left = psutil.wait_procs(children, timeout=5)
    assert children
    assert left == []
    assert house.history().publications == ()


def test_two_workers_never_run_one_job(build: Build) -> None:
    """An id that lies twice on a lane is started once; who comes second drops it."""
    house = build()
    house.start_plane()
    for node in ("attic", "den"):
        house.ready_worker(node)
    job_id = house.submit(epochs=50)
    house.wait(job_id, "running")

    for _ in range(3):
        house.push(job_id)
    last = house.wait(job_id)
    house.until(house.on_lane, lambda count: count == 0)

    assert (last.state, last.attempt) == ("succeeded", 1)
    _right(house, job_id)


def test_a_poisonous_job_ends_after_three_attempts(build: Build) -> None:
    """A job that kills its compute process each time is failed after three, and the others run as ever."""
    house = build(scale=0.01)
    house.start_plane()
    house.ready_worker("attic")
    poison = house.submit(fate="dies")
    others = [house.submit(f"b{number}") for number in range(5)]

    ends = [house.wait(job_id) for job_id in others]
    last = house.wait(poison)

    assert [end.state for end in ends] == ["succeeded"] * 5
    assert (last.state, last.failures, last.attempt, last.reason) == ("failed", 3, 3, "compute_died")
    _right(house, poison, fate="fail")


def test_a_job_that_kills_its_machine_ends_after_ten_rescues(build: Build) -> None:
    """A job that takes its worker with it each time is given to the next one ten times, and then no more."""
    house = build(scale=0.005)
    house.start_plane()
    poison = house.submit(fate="kills")
    for _ in range(11):
        house.start_worker("attic").wait(within=30)
    house.ready_worker("attic")

    last = house.wait(poison)

    assert (last.state, last.attempt, last.reason) == ("failed", 11, "worker_lost")
    assert last.failures == 0
    _right(house, poison, fate="fail")


def test_a_lid_that_was_closed_resumes_its_attempt(build: Build) -> None:
    """Frozen for three leases while no other worker is there, an attempt goes on where it was, and nothing counts."""
    house = build(scale=0.005)
    house.start_plane()
    house.ready_worker("attic")
    job_id = house.submit(epochs=100)
    house.wait(job_id, "running")

    house.freeze("attic")
    house.pause(3 * house.timing.lease)
    house.thaw("attic")
    last = house.wait(job_id)

    assert house.states(job_id) == ["queued", "running", "succeeded"]
    assert (last.attempt, last.rescues, last.failures) == (1, 0, 0)
    _right(house, job_id)


def test_a_frozen_workers_job_is_handed_over(build: Build) -> None:
    """Frozen for three leases while another worker is there, its job is given to that one, and its end is refused."""
    house = build(scale=0.005)
    house.start_plane()
    worker = house.ready_worker("attic")
    job_id = house.submit(epochs=60)
    house.wait(job_id, "running")
    # Its compute process goes on and ends, so that a finished attempt waits to be published when it wakes.
    worker.send(signal.SIGSTOP)
    house.ready_worker("den")

    last = house.wait(job_id)
    house.pause(3 * house.timing.lease)
    worker.send(signal.SIGCONT)
    after = house.submit("b", needs={"node": "attic"})
    end = house.wait(after)

    assert (last.state, last.attempt, last.rescues) == ("succeeded", 2, 1)
    assert end.state == "succeeded"
    assert "Another attempt took over" in worker.log.read_text()
    _right(house, job_id)


@pytest.mark.parametrize(
    ("point", "attempts"),
    [
        ("worker.popped:kill@2", (2, 1)),
        ("worker.published:kill", (1, 2)),
        ("worker.started:kill@2", (1, 2)),
        ("worker.ended:kill", (1, 2)),
    ],
    ids=lambda one: one.partition(":")[0] if isinstance(one, str) else "",
)
def test_a_worker_killed_between_two_jobs_loses_neither(build: Build, point: str, attempts: tuple[int, int]) -> None:
    """Killed while one job ends and the next one starts in the same commit, it leaves each to end once."""
    house = build()
    house.start_plane()
    attic = house.ready_worker("attic", PHAROS_FAULT_AT=point)
    # Neither has anything to publish; while the first one takes its time, the second one comes on its lane.
    first = house.submit("a", fate="idle", epochs=60)
    house.wait(first, "running")
    second = house.submit("b", fate="idle")
    attic.wait()
    house.ready_worker("den")

    ends = [house.wait(job_id, within=200) for job_id in (first, second)]

    assert [(end.state, end.attempt) for end in ends] == [("succeeded", attempt) for attempt in attempts]
    asked = [Ask(key=one, job_id=one, repository=one, fate="idle") for one in (first, second)]
    assert check(house.history(asked)).problems == ()


@pytest.mark.parametrize(
    "point",
    [
        "worker.popped:kill@4",
        "worker.started:kill@4",
        "worker.publishing:kill@6",
        "worker.publishing:kill@9",
        "worker.published:kill@4",
        "worker.ended:kill@4",
    ],
)
def test_a_worker_killed_with_its_hands_full_loses_nothing(build: Build, point: str) -> None:
    """Killed with several short jobs in hand, done and waiting ones, it leaves each to succeed once."""
    house = build()
    house.start_plane()
    # All of them lie on their lane before the first one is begun, and none is too slow: hands of 1, 2, 4, 8 and 10.
    jobs = [house.submit(f"b{number}", fate="brisk") for number in range(25)]
    attic = house.start_worker("attic", short=60.0, PHAROS_FAULT_AT=point)
    attic.wait(within=30)
    house.ready_worker("den", short=60.0)

    ends = [house.wait(job_id, within=200) for job_id in jobs]

    assert {end.state for end in ends} == {"succeeded"}
    assert max(end.attempt for end in ends) == 2
    # Each of them was in the hand of the one that was killed.
    assert sum(end.attempt == 2 for end in ends) > 2
    asked = [Ask(key=one, job_id=one, repository=one, fate="idle") for one in jobs]
    assert check(house.history(asked)).problems == ()

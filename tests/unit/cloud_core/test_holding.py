"""Holding: which worker may still have an attempt in its hand."""

from __future__ import annotations

import pytest
from plane_factories import a_heartbeat, a_report, a_running_job
from presence_house import DEN, House


def test_listed_attempt_is_held(house: House) -> None:
    """What a worker lists it has, until it is lost."""
    job = a_running_job()
    house.hear(attempts=(a_report(job),))

    house.now += 60
    held = house.holds(job, since=600)
    house.now += 1

    assert held
    assert not house.holds(job, since=600)


def test_attempt_that_is_listed_no_longer_is_lost(house: House) -> None:
    """A heartbeat that was composed after the start and does not list the attempt ends it at once."""
    job = a_running_job()
    house.hear(after=20, attempts=(a_report(job),))
    house.hear(after=20)

    assert not house.holds(job, since=30)


def test_other_attempt_of_the_same_job_is_another(house: House) -> None:
    """A worker that lists attempt 2 does not have attempt 1."""
    job = a_running_job()
    house.hear()
    house.hear(after=20, attempts=(a_report(job, attempt=2),))

    assert not house.holds(job, since=30)
    assert house.presence.holds(DEN, job.id, 2, since=30)


@pytest.mark.parametrize(("since", "held"), [(0.0, True), (19.9, True), (20.0, True), (20.1, False), (600.0, False)])
def test_heartbeat_under_way_does_not_know_a_new_job(house: House, since: float, held: bool) -> None:
    """However long a heartbeat was under way, it was composed after its predecessor was heard, and proves no more."""
    house.hear()
    house.hear(after=20)

    assert house.holds(a_running_job(), since=since) is held


def test_first_heartbeat_proves_nothing(house: House) -> None:
    """A heartbeat without a predecessor may be from before any start, so an attempt that it does not list is held."""
    house.hear()

    assert house.holds(a_running_job(), since=600)


def test_recalled_heartbeat_is_a_predecessor(house: House) -> None:
    """What a worker told the process before is told before what it tells this one."""
    house.presence.recall(a_heartbeat(), 30.0)
    house.hear()

    assert house.holds(a_running_job(), since=30)
    assert not house.holds(a_running_job(), since=31)


def test_start_after_the_last_heartbeat_is_held(house: House) -> None:
    """A job that began after the worker last spoke is the worker's until its next word."""
    house.hear()
    house.now += 15

    assert house.holds(a_running_job(), since=10)


def test_worker_that_stops_holds_what_it_lists_alone(house: House) -> None:
    """After a goodbye only what was listed in it may still be there, and not for longer than a loss takes."""
    listed, other = a_running_job(), a_running_job()
    house.hear(attempts=(a_report(listed),), goodbye="stopping")

    held = house.holds(listed, since=600), house.holds(other, since=0)
    house.now += 61

    assert held == (True, False)
    assert not house.holds(listed, since=600)


def test_sleeping_worker_holds_nothing_until_it_wakes(house: House) -> None:
    """What a sleeping worker lists may go to another at once; when it wakes with it in its hand, it holds it again."""
    job = a_running_job()
    house.hear(attempts=(a_report(job),))
    told = house.hear(after=20, attempts=(a_report(job),), goodbye="sleeping")
    asleep = house.holds(job, since=600)
    woke = house.hear(after=3600, attempts=(a_report(job),))

    assert (told, asleep, woke) == (True, False, True)
    assert house.holds(job, since=4200)


def test_unheard_worker_has_a_minute_after_the_planes_start(house: House) -> None:
    """A plane that has just begun believes that a job is held, until every worker could have spoken."""
    job = a_running_job()

    early = house.holds(job, since=600)
    house.now += 60

    assert early
    assert not house.holds(job, since=600)

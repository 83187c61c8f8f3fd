"""Redis is away, empty, slow, full, or behind a link that went dead: jobs are accepted and run all the same."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from pharos.stack.redis import EmbeddedRedis
from tests.chaos.checker import check
from tests.chaos.history import Ask
from tests.faults.conftest import Build
from tests.faults.house import House

#: Seconds of this machine, which no scale makes faster.
_SLACK = 1.5
#: Seconds that a worker is given to notice a wake before its connection is broken (edge_worker/claims.py).
_NOTICE = 2.0


def _ended_well(house: House, *job_ids: str) -> None:
    """Each of these jobs, and no other, succeeded once."""
    house.until(lambda: house.open_jobs(job_ids), lambda count: count == 0, within=120)
    asks = [Ask(key=job_id, job_id=job_id, repository=job_id, fate="succeed") for job_id in job_ids]
    assert check(house.history(asks)).problems == ()


def _began(house: House, job_id: str) -> float:
    """Return the seconds that a job waited for its first start."""
    asked, began = house.life(job_id)[:2]
    return began.seconds - asked.seconds


def test_a_redis_that_restarts_in_mid_job_costs_nothing(build: Build) -> None:
    """Gone for five seconds while a job runs, Redis is back for the next one; worker and plane stay up throughout."""
    house = build()
    house.start_plane()
    worker = house.ready_worker()
    first = house.submit(epochs=60)
    house.wait(first, "running")

    house.proxies["redis"].refuse()
    second = house.submit("b")
    house.pause(5 * house.scale)
    house.proxies["redis"].accept()
    _ended_well(house, first, second)
    house.until(lambda: house.health("redis"), "connected".__eq__)
    third = house.submit("c")

    _ended_well(house, first, second, third)
    assert worker.alive
    assert house.life(third)[-1].attempt == 1


@pytest.mark.parametrize("moment", [None, "pass.decided", "pass.delivered"], ids=["before", "during", "after"])
def test_an_emptied_redis_has_every_job_on_its_lane_again(build: Build, moment: str | None) -> None:
    """Emptied with 100 waiting before, during or after a reconcile, Redis has them 30 s after a worker came."""
    house = build()
    house.start_plane()
    waiting = [house.submit(f"b{number}", epochs=1) for number in range(100)]
    house.kill_plane()
    if moment is None:
        house.flush()
        house.start_plane()
    else:
        plane = house.start_plane(ready=False, PHAROS_FAULT_AT=f"{moment}:stop")
        house.until(lambda: plane.frozen, bool)
        house.flush()
        plane.send(signal.SIGCONT)

    house.ready_worker()
    came = time.monotonic()
    house.until(lambda: house.on_lane() + len(_begun(house)), lambda count: count >= 100)

    assert time.monotonic() - came <= 30 * house.scale + _SLACK
    _ended_well(house, *waiting)


def _begun(house: House) -> set[str]:
    return {change.job_id for change in house.history().changes if change.state == "running"}


def test_a_dead_link_is_found_out(build: Build) -> None:
    """A worker that waits on a connection which the router forgot has the next job within a minute."""
    house = build()
    house.start_plane()
    house.ready_worker()
    warm = house.submit("warm")
    _ended_well(house, warm)
    house.until(house.idle, bool)

    assert house.proxies["redis"].deaden() > 0
    job_id = house.submit()
    _ended_well(house, warm, job_id)

    # The order to look comes after 20 s; the word on the dead link gets its own two seconds.
    assert _began(house, job_id) <= 60 * house.scale + _NOTICE + _SLACK


@pytest.mark.parametrize("milliseconds", [30, 300])
def test_a_slow_network_makes_submits_slow_and_nothing_else(build: Build, milliseconds: int) -> None:
    """With latency and jitter to Redis and Postgres every submit is answered within ten round trips, and done once."""
    house = build()
    house.start_plane()
    house.ready_worker()
    trip = 2 * milliseconds / 1000
    for place in ("redis", "postgres"):
        house.proxies[place].latency = trip / 2
        house.proxies[place].jitter = trip / 10
    jobs, took = [house.submit("warm")], []

    for number in range(5):
        began = time.monotonic()
        jobs.append(house.submit(f"b{number}", epochs=1))
        took.append(time.monotonic() - began)
    for place in ("redis", "postgres"):
        house.proxies[place].latency = house.proxies[place].jitter = 0.0

    _ended_well(house, *jobs)
    assert max(took) <= 10 * trip + 0.5


@pytest.mark.parametrize("pattern", [b"RPUSH", b"BLPOP"], ids=["push", "pop"])
def test_a_lost_reply_of_redis_neither_loses_nor_doubles(build: Build, pattern: bytes) -> None:
    """A push that was done and not confirmed, and an id that was popped into a torn connection, are one run each."""
    house = build()
    house.start_plane()
    house.ready_worker()
    warm = house.submit("warm")
    _ended_well(house, warm)

    trap = house.proxies["redis"].drop_reply(pattern)
    jobs = [house.submit(f"b{number}") for number in range(3)]
    _ended_well(house, warm, *jobs)

    assert trap.sprung.is_set()
    assert [house.life(job_id)[-1].attempt for job_id in jobs] == [1, 1, 1]


@contextmanager
def _full(server: EmbeddedRedis) -> Iterator[None]:
    """A Redis that takes no more: its memory is used up and it may not forget anything."""
    with redis.Redis.from_url(server.url) as link:
        link.config_set("maxmemory-policy", "noeviction")
        link.config_set("maxmemory", 1)
        try:
            yield
        finally:
            link.config_set("maxmemory", 0)


def test_a_full_redis_refuses_nobody(build: Build, redis_server: EmbeddedRedis) -> None:
    """With Redis full a submit is answered 202 and its job runs; what lay there is drained, and the worker stays up."""
    house = build()
    house.start_plane()
    before = house.submit("before")

    with _full(redis_server):
        worker = house.ready_worker()
        during = house.submit("during")
        _ended_well(house, before, during)

    after = house.submit("after")
    _ended_well(house, before, during, after)
    assert worker.alive


def test_without_redis_everything_is_done(build: Build) -> None:
    """With no Redis at all submits are accepted, and jobs begin at once, most urgent first."""
    house = build(transport="none")
    house.start_plane()
    slow = house.submit("slow", epochs=10)
    low, urgent = house.submit("low", priority="low"), house.submit("urgent", priority="urgent")
    house.ready_worker()

    _ended_well(house, slow, low, urgent)

    begun = sorted((house.life(job_id)[1].seconds, job_id) for job_id in (slow, low, urgent))
    assert [job_id for _, job_id in begun] == [urgent, slow, low]

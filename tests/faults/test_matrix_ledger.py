"""Postgres sleeps, hangs up, swallows answers; the plane dies in mid-submit: one request is one job, none is lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.chaos.checker import check
from tests.chaos.history import Ask
from tests.faults.conftest import Build
from tests.faults.house import House

#: What a person is told to expect of a Postgres that has to wake up first.
_WAKES, _ANSWERED = 5.0, 8.0


def _one_job(house: House, *job_ids: str) -> None:
    """The ledger holds these jobs and no other, and each succeeded once."""
    for job_id in job_ids:
        assert house.wait(job_id).state == "succeeded"
    asks = [Ask(key=job_id, job_id=job_id, repository=job_id, fate="succeed") for job_id in job_ids]
    assert check(house.history(asks)).problems == ()


def _insist(house: House, name: str, key: str) -> str:
    """Ask under one key until there is an answer of 202, as a client does; 503 and a torn connection are no answers."""
    for _ in range(100):
        try:
            answer = house.ask(name, key=key)
        except httpx2.HTTPError:
            time.sleep(0.05)
            continue
        if answer.status_code == 202:
            return str(answer.json()["data"]["job_id"])
        assert answer.status_code == 503, answer.text
        time.sleep(0.05)
    raise AssertionError("it was never answered")


def _warm(house: House) -> None:
    """Have the plane open every connection to Postgres that it may."""
    with ThreadPoolExecutor(16) as threads:
        looks = [threads.submit(house.http.get, "/api/v1/jobs") for _ in range(48)]
        asks = [threads.submit(house.ask, f"warm{number}") for number in range(16)]
    assert {one.result().status_code for one in (*looks, *asks)} == {200, 202}


def _at_once(house: House) -> list[int]:
    """Return what eight people are told who submit, and eight who look, all at the same time."""
    with ThreadPoolExecutor(16) as threads:
        asks = [threads.submit(house.ask, f"b{number}") for number in range(8)]
        looks = [threads.submit(house.http.get, "/api/v1/jobs") for _ in range(8)]
    return [one.result().status_code for one in (*asks, *looks)]


def test_a_sleeping_postgres_is_waited_for(build: Build) -> None:
    """With every connection gone and five seconds to wake, the first requests are answered in eight, and none fails."""
    house = build()
    house.start_plane()
    house.ready_worker()
    _warm(house)
    proxy = house.proxies["postgres"]
    proxy.hold_new = _WAKES
    proxy.reset()

    began = time.monotonic()
    answers = _at_once(house)
    took = time.monotonic() - began
    proxy.hold_new = 0.0

    assert answers == [202] * 8 + [200] * 8
    assert _WAKES <= took <= _ANSWERED


def test_dead_idle_connections_fail_nobody(build: Build) -> None:
    """After every idle connection to Postgres was torn, one person alone, and then many, are answered at once."""
    house = build()
    house.start_plane()
    _warm(house)

    assert house.proxies["postgres"].reset() > 4
    began = time.monotonic()
    first = house.http.get("/api/v1/jobs").status_code
    alone = time.monotonic() - began
    assert house.proxies["postgres"].reset() > 0
    answers = _at_once(house)

    assert first == 200
    assert alone < 1
    assert answers == [202] * 8 + [200] * 8
    assert time.monotonic() - began < 4


def test_a_postgres_that_hangs_up_makes_one_job_of_one_key(build: Build) -> None:
    """Torn off again and again in mid-request, submits say 202 or 503, and each key ends as one job that ran once."""
    house = build()
    house.start_plane()
    house.ready_worker()
    over = threading.Event()

    def tear() -> None:
        while not over.wait(0.2):
            house.proxies["postgres"].reset()

    with ThreadPoolExecutor(5) as threads:
        threads.submit(tear)
        asked = [threads.submit(_insist, house, f"b{number}", f"key-{number}") for number in range(60)]
        try:
            jobs = [one.result(timeout=60) for one in asked]
        finally:
            over.set()

    assert len(set(jobs)) == 60
    _one_job(house, *jobs)


def test_a_postgres_that_says_nothing_is_given_up(build: Build) -> None:
    """While Postgres swallows everything a submit is told so with 503 in time; afterwards all is as before."""
    house = build()
    house.start_plane()
    house.ready_worker()
    before = house.submit("before")
    _one_job(house, before)

    house.proxies["postgres"].blackhole = True
    began = time.monotonic()
    answer = house.ask("during", key="k")
    took = time.monotonic() - began
    house.proxies["postgres"].blackhole = False
    after = _insist(house, "during", "k")

    assert answer.status_code == 503
    assert took <= 30
    _one_job(house, before, after)


@pytest.mark.parametrize("pattern", [b"pharos.submit_job", b"COMMIT"], ids=["submit", "commit"])
def test_a_lost_confirmation_is_one_job(build: Build, pattern: bytes) -> None:
    """A submit or a publish that was committed and not confirmed leads, asked again, to one job with one effect."""
    house = build()
    house.start_plane()
    house.ready_worker()

    trap = house.proxies["postgres"].drop_reply(pattern)
    job_id = _insist(house, "a", "the-key")
    again = _insist(house, "a", "the-key")

    house.until(trap.sprung.is_set, bool)
    assert again == job_id
    _one_job(house, job_id)


def test_the_cap_is_exact_for_200_submitters_far_away(build: Build) -> None:
    """Two hundred at once, 30 ms from Redis and Postgres, cap 20: twenty are accepted, and the rest are told 429."""
    house = build(PHAROS_QUEUE_CAP="20")
    house.start_plane(PHAROS_QUEUE_CAP="20")
    for place in ("redis", "postgres"):
        house.proxies[place].latency = 0.015

    with ThreadPoolExecutor(200) as threads:
        answers = Counter(threads.map(lambda number: house.ask(f"b{number}").status_code, range(200)))

    assert answers == {202: 20, 429: 180}
    assert len({change.job_id for change in house.history().changes}) == 20


@pytest.mark.parametrize("point", ["submit.recorded", "submit.pushed"])
def test_a_plane_killed_in_mid_submit_has_recorded_one_job(build: Build, point: str) -> None:
    """Killed between recording and answering, the plane that comes back leads the same key to the same one job."""
    house = build()
    plane = house.start_plane(PHAROS_FAULT_AT=f"{point}:kill")
    house.ready_worker()
    with pytest.raises(httpx2.HTTPError):
        house.ask("a", key="the-key")
    plane.wait()

    house.start_plane()
    job_id = _insist(house, "a", "the-key")

    _one_job(house, job_id)


@pytest.mark.parametrize("point", ["pass.decided", "pass.rescued", "pass.delivered"])
def test_a_plane_killed_in_mid_repair_is_taken_over_from(build: Build, point: str) -> None:
    """Killed in the middle of a pass over a lost job and a waiting one, the next plane brings both to their end."""
    house = build()
    house.start_plane()
    lost = house.ready_worker("attic")
    first = house.submit("first", epochs=100)
    house.wait(first, "running")
    second = house.submit("second")
    house.kill_plane()
    lost.kill()

    house.start_plane(ready=False, PHAROS_FAULT_AT=f"{point}:kill").wait(within=30)
    house.start_plane()
    house.ready_worker("den")

    _one_job(house, first, second)
    assert house.life(first)[-1].rescues == 1

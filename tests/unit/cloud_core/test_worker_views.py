"""Workers as they are seen: their state and since when, why they are away, and who is asked first."""

from __future__ import annotations

from typing import Any

import pytest
from plane_factories import a_report, a_running_job
from presence_house import ATTIC, DEN, House

from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.heartbeat import Duty


@pytest.mark.parametrize("goodbye", ["stopping", "sleeping"])
def test_goodbye_is_no_loss(house: House, goodbye: str) -> None:
    """A worker that took its leave has left; it never becomes offline, and gets nothing."""
    house.hear(goodbye=goodbye)
    left = house.states()
    house.now += 3600

    assert left == house.states() == {DEN: "left"}
    assert house.presence.status().status == "Offline"
    assert house.presence.capable(Needs(), "ingest") == []
    assert house.presence.free_for(DEN) == 0.0


@pytest.mark.parametrize(
    ("goodbye", "why"), [("stopping", "asked to stop"), ("sleeping", "going to sleep"), (None, "lost: no goodbye")]
)
def test_why_a_worker_is_away_is_known(house: House, goodbye: str | None, why: str) -> None:
    """What a worker said last tells a goodbye from a loss, and since when."""
    house.hear()
    house.hear(after=100, goodbye=goodbye)
    house.now += 2400

    view = house.view()

    assert (view.why, view.since, view.there, view.free) == (why, 2400.0, False, False)


def test_worker_of_another_version_gets_nothing(house: House) -> None:
    """A worker whose schema differs is shown as too old, with what to run, and given no job."""
    house.hear(schema_version=1)

    assert house.states() == {DEN: "too_old"}
    assert "git pull && python bootstrap.py" in (house.view().why or "")
    assert house.presence.capable(Needs(), "ingest") == []


def test_worker_that_left_as_too_old_is_shown_for_a_day(house: House) -> None:
    """A worker that found itself too old has ended, and is shown with what to run until the day is over."""
    house.hear(goodbye="too_old", schema_version=1)
    house.now += 86_000

    assert house.states() == {DEN: "too_old"}
    assert "ledger schema 1" in (house.view().why or "")
    assert house.presence.alive() == frozenset()


@pytest.mark.parametrize("duty", ["paused", "draining"])
def test_duty_keeps_jobs_away_and_the_worker_there(house: House, duty: str) -> None:
    """A worker that pauses or drains takes nothing and is not free, but it is there, and its loss is one."""
    house.hear()
    house.hear(after=20, duty=Duty(state=duty, note="gaming", seconds_left=600))
    house.now += 30

    view = house.view()

    assert (view.state, view.since, view.free, view.there) == (duty, 30.0, False, True)
    assert (view.duty.note, view.duty.seconds_left) == ("gaming", 570.0)
    assert house.presence.capable(Needs(), "ingest") == []
    assert house.presence.free_for(DEN) == 0.0
    assert house.presence.alive() == {DEN}
    assert house.presence.next_loss() == 30.0
    assert house.presence.status().status == "Idle"


def test_resumed_worker_is_free_from_then_on(house: House) -> None:
    """Time in which a worker took nothing was no time that it was free."""
    house.hear()
    house.hear(after=20, duty=Duty(state="paused"))
    house.hear(after=20, duty=Duty(order="1"))
    house.now += 4

    assert house.presence.free_for(DEN) == 4.0
    assert [view.worker for view in house.presence.capable(Needs(), "ingest")] == [DEN]


def test_since_counts_from_the_change(house: House) -> None:
    """A worker is in its state since the heartbeat that first showed it, or since its last word when it is lost."""
    house.hear()
    house.hear(after=20)
    house.hear(after=20, attempts=(a_report(a_running_job()),))
    house.hear(after=20, attempts=(a_report(a_running_job()),))
    house.now += 5
    working = house.view().since
    house.now += 60

    assert working == 25.0
    assert (house.view().state, house.view().since) == ("offline", 65.0)


def test_what_a_worker_says_of_its_machine_is_shown(house: House) -> None:
    """Transport, line, load, GPUs, power and charge are those of the last heartbeat; without it there is no line."""
    gpu = {"name": "RTX 3070", "use": 0.9, "memory_used_mib": 5222, "memory_mib": 8192}
    said: dict[str, Any] = {"transport": "rest", "line": "open", "load": 0.4, "power": "battery", "battery": 0.6}
    house.hear(mailbox=True, gpus=(gpu,), **said)

    view = house.view()
    house.now += 61

    assert {name: getattr(view, name) for name in said} == said
    assert (view.gpus[0].use, view.mailbox) == (0.9, True)
    assert house.view().line == "closed"


def test_sleeping_worker_keeps_what_it_has(house: House) -> None:
    """A worker that went to sleep is listed with its attempt, but the progress shown is that of who took it over."""
    job = a_running_job()
    house.hear(attempts=(a_report(job),), goodbye="sleeping")
    house.now += 3600
    asleep = house.view().attempts, house.presence.progress(job.id)
    house.hear(worker=ATTIC, capabilities=Capabilities(node="attic"), attempts=(a_report(job, attempt=2, done=9),))

    assert asleep == ((a_report(job),), a_report(job))
    assert house.presence.progress(job.id) == a_report(job, attempt=2, done=9)


def test_least_loaded_goes_first(house: House) -> None:
    """The share of slots in use decides, then the load of the cores (unknown: all busy), then mains before battery."""
    ordered = {
        "a": {"slots": 2},
        "b": {"slots": 4, "attempts": (a_report(a_running_job()),), "load": 0.1},
        "c": {
            "slots": 2,
            "attempts": tuple(a_report(a_running_job()) for _ in range(8)),
            "at_work": 1,
            "load": 0.1,
            "power": "mains",
        },
        "d": {"slots": 2, "attempts": (a_report(a_running_job()),), "load": 0.1, "power": "battery"},
        "e": {"slots": 2, "attempts": (a_report(a_running_job()),), "load": 0.9},
        "f": {"slots": 1, "attempts": (a_report(a_running_job()),), "load": 0.0},
    }
    for name, said in reversed(ordered.items()):
        house.hear(worker=f"{name}.0123456789ab", capabilities=Capabilities(node=name), **said)

    views = house.presence.least_loaded(house.presence.workers()[::-1])

    assert [view.node for view in views] == list(ordered)

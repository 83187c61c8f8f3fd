"""Delivery: a Redis that is away costs one try, then nothing until its pause is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from plane_factories import NOON, a_job
from structlog.testing import capture_logs

from cloud_api.delivery import Delivery
from shared.errors import MailboxUnavailable
from shared.jobs.kinds import Priority
from shared.mailbox.lanes import Mailbox


class Box:
    """A mailbox in memory that can be taken away."""

    def __init__(self) -> None:
        self.there = True
        self.calls = 0
        self.lanes: list[tuple[str, str, float]] = []
        #: Jobs whose id is gone and whose record is still there.
        self.orphans: set[str] = set()
        self.refuses = False
        self.transport = "rest"
        self.commands = 7

    def _call(self) -> None:
        self.calls += 1
        if not self.there:
            raise MailboxUnavailable(cause="ConnectionError")
        if self.refuses:
            raise MailboxUnavailable(cause="OutOfMemoryError", refused=True)

    def push(self, jobs: Sequence[tuple[str, str, float]]) -> None:
        """Keep ids."""
        self._call()
        self.lanes.extend(jobs)

    def waiting(self, lanes: Collection[str]) -> frozenset[str]:
        """Return the ids; of no lane without asking."""
        if lanes:
            self._call()
        return frozenset(job_id for job_id, lane, _ in self.lanes if lane in lanes)

    def record(self, jobs: Sequence[tuple[str, str, float]]) -> None:
        """Write records anew."""
        if jobs:
            self._call()

    def recorded(self, job_ids: Collection[str]) -> int:
        """Return how many of them are on a lane, or were taken off by somebody who died before he said so."""
        self._call()
        return len(({job_id for job_id, _, _ in self.lanes} | self.orphans) & set(job_ids))

    def ping(self) -> None:
        """Answer."""
        self._call()

    def read_note(self, name: str) -> str:
        """Return a note."""
        self._call()
        return f"a note of {name}"


class House:
    """A delivery on a clock that is moved by hand."""

    def __init__(self) -> None:
        self.box, self.now = Box(), 100.0
        self.delivery = Delivery(cast(Mailbox, self.box), pause=5.0, ttl=90.0, clock=lambda: self.now, now=lambda: NOON)


def test_nothing_is_known_before_the_first_command() -> None:
    """A Redis that was not asked yet is taken to work."""
    house = House()

    assert (house.delivery.configured, house.delivery.works, house.delivery.known) == (True, True, (None, None))


def test_push_goes_to_the_jobs_lane() -> None:
    """An id goes on the lane of its needs and priority with the ttl."""
    house, job = House(), a_job()

    assert house.delivery.push((job,)) is True

    house.now += 3
    assert house.box.lanes == [(job.id, "ingest", 90.0)]
    assert house.delivery.known == (True, 3.0)


@pytest.mark.parametrize(
    ("deadline", "started", "ttl"),
    [(30, False, 30.0), (300, False, 90.0), (-5, False, 1.0), (30, True, 90.0), (None, False, 90.0)],
)
def test_redis_forgets_an_id_with_its_deadline(deadline: float | None, started: bool, ttl: float) -> None:
    """An id lives until the first start's deadline, and for a fresh while once the job was started or has none."""
    house = House()
    at = None if deadline is None else NOON + timedelta(seconds=deadline)

    house.delivery.push((a_job(deadline_at=at, first_started_at=NOON if started else None),))

    assert house.box.lanes[0][2] == ttl


def test_lost_redis_is_left_alone_for_the_pause() -> None:
    """After one failure nothing is sent for five seconds, then one command tries again."""
    house, job = House(), a_job()
    house.box.there = False

    pushed = [house.delivery.push((job,)) for _ in range(3)]
    during = house.box.calls, house.delivery.works, house.delivery.known
    house.now += 4.9
    house.delivery.probe()
    early = house.box.calls
    house.now += 0.2
    house.delivery.probe()

    assert pushed == [False, False, False]
    assert during == (1, False, (False, 0.0))
    assert (early, house.box.calls) == (1, 2)


def test_redis_that_is_back_works_at_once() -> None:
    """The first command that is answered ends the outage."""
    house = House()
    house.box.there = False
    house.delivery.probe()
    house.box.there = True
    house.now += 5

    assert house.delivery.probe() is True

    assert house.delivery.works is True
    assert house.delivery.push((a_job(),)) is True


def test_outage_is_logged_once() -> None:
    """One line when Redis goes, one when it is back."""
    house = House()
    house.box.there = False

    with capture_logs() as entries:
        for _ in range(3):
            house.delivery.probe()
            house.now += 6
        house.box.there = True
        house.delivery.probe()
        house.delivery.probe()

    assert [(entry["event"], entry["log_level"]) for entry in entries] == [
        ("mailbox_lost", "warning"),
        ("mailbox_back", "info"),
    ]


def test_only_missing_ids_are_delivered() -> None:
    """An id that lies on its lane already is not put there twice; one on another lane does not count."""
    house = House()
    there, missing = a_job(), a_job()
    house.box.push([(there.id, "ingest", 1)])
    house.box.push([(missing.id, "node:attic", 1)])

    house.delivery.ensure([there, missing])
    house.delivery.ensure([there, missing])

    assert [(job_id, lane) for job_id, lane, _ in house.box.lanes[2:]] == [(missing.id, "ingest")]


def test_jobs_that_redis_still_has_cost_one_command() -> None:
    """What was put or seen on its lane is asked for with one command; the lanes are not read again."""
    house, jobs = House(), [a_job(priority=priority) for priority in Priority]
    for job in jobs[1:]:
        house.delivery.push((job,))
    house.box.push([(jobs[0].id, jobs[0].lane, 1)])
    house.delivery.ensure(jobs)
    before = house.box.calls

    for _ in range(3):
        house.delivery.ensure(jobs)

    assert house.box.calls - before == 3
    assert len(house.box.lanes) == len(jobs) == len({job.lane for job in jobs})


def test_an_emptied_redis_is_noticed() -> None:
    """When one job is missing every lane is read, and all that are on none are delivered."""
    house, jobs = House(), [a_job(), a_job(), a_job()]
    house.delivery.ensure(jobs)
    house.box.lanes = house.box.lanes[1:2]

    house.delivery.ensure(jobs)

    assert sorted(job_id for job_id, _, _ in house.box.lanes) == sorted(job.id for job in jobs)


def test_a_job_that_moved_goes_to_its_new_lane() -> None:
    """A job whose priority was raised is looked for on the lane that is its own now."""
    house, job = House(), a_job(priority=Priority.LOW)
    house.delivery.push((job,))
    moved = replace(job, priority=Priority.NORMAL)

    house.delivery.ensure([moved])
    house.delivery.ensure([moved])

    assert [lane for _, lane, _ in house.box.lanes] == ["ingest@low", "ingest"]


def test_no_more_than_ten_thousand_jobs_are_remembered() -> None:
    """The memory of lanes is bounded; what fell out of it is looked for on its lane and not put there twice."""
    house, first = House(), a_job()
    house.delivery.push((first,))
    for _ in range(10_000):
        house.delivery.push((a_job(),))
    delivered = len(house.box.lanes)

    house.delivery.ensure([first])

    assert len(house.box.lanes) == delivered


def test_transport_and_commands_are_the_mailboxs() -> None:
    """Delivery tells how Redis is reached and how many commands were sent."""
    house, none = House(), Delivery(None, pause=5, ttl=90)

    assert (house.delivery.transport, house.delivery.commands) == ("rest", 7)
    assert (none.transport, none.commands) == (None, 0)


def test_nothing_to_deliver_costs_nothing() -> None:
    """Without jobs no command is sent."""
    house = House()

    house.delivery.ensure([])

    assert house.box.calls == 0


def test_notes_need_a_redis() -> None:
    """A note is read while Redis answers, and is none when it does not."""
    house = House()
    read = house.delivery.read_note("presence")
    house.box.there = False

    assert read == "a note of presence"
    assert house.delivery.read_note("presence") is None


def test_house_without_redis_is_calm() -> None:
    """With no Redis at all nothing works and nothing complains."""
    delivery = Delivery(None, pause=5, ttl=90)

    assert (delivery.configured, delivery.works, delivery.push((a_job(),)), delivery.probe()) == (False,) * 4
    assert delivery.read_note("presence") is None
    assert delivery.known == (None, None)
    delivery.ensure([a_job()])
    delivery.close()


def test_an_id_that_died_with_its_taker_is_put_back_in_a_minute() -> None:
    """A record without its id is believed for a minute, and then the lane itself is read."""
    house, job = House(), a_job()
    house.delivery.push((job,))
    house.box.lanes.clear()
    house.box.orphans.add(job.id)

    put = []
    for _ in range(4):
        put.append(len(house.delivery.ensure([job])))
        house.now += 25.0

    assert put == [0, 0, 0, 1]


def test_a_redis_that_refuses_is_asked_less_and_less() -> None:
    """One that answers and refuses is left alone for longer each time, up to five minutes; one that is away is not."""
    house = House()
    house.box.refuses = True
    pauses = []
    for _ in range(8):
        asked_at = house.now
        house.delivery.push((a_job(),))
        calls = house.box.calls
        while house.box.calls == calls:
            house.now += 1.0
            house.delivery.probe()
        pauses.append(house.now - asked_at)

    assert pauses[0] < pauses[1] < pauses[2]
    assert max(pauses) <= 300.0

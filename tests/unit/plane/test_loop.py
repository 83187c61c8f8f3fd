"""The loop: a pass runs when something happened or is due, and no pass that breaks is the last."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import cast

import pytest
from asyncio_apart import run_apart
from plane_factories import a_heartbeat

from cloud_api.delivery import Delivery
from cloud_api.presence import Presence
from cloud_api.reconcile.loop import Reconciler, rest_after
from cloud_api.reconcile.passes import Pass
from shared.errors import LedgerUnavailable, MailboxUnavailable
from shared.mailbox.lanes import Mailbox
from shared.timing import Timing

#: So far away that a test in which it passes has failed.
NEVER = 3600.0


class Work:
    """A pass that says when the next one is due, and notes who was there while it ran."""

    def __init__(self, presence: Presence) -> None:
        self.presence = presence
        #: What each pass answers or raises; after that, that nothing is due.
        self.script: list[float | Exception] = []
        self.passes: list[frozenset[str]] = []
        self.threads: set[int] = set()
        #: What happens in the middle of the first pass.
        self.during: Callable[[], object] = lambda: None

    def run(self) -> float:
        """Run a pass."""
        self.threads.add(threading.get_ident())
        self.passes.append(self.presence.alive())
        if len(self.passes) == 1:
            self.during()
        step = self.script.pop(0) if self.script else NEVER
        if isinstance(step, Exception):
            raise step
        return step


class Box:
    """A mailbox that can be taken away."""

    def __init__(self) -> None:
        self.there = True
        self.pings = 0

    def ping(self) -> None:
        """Answer, if it is there."""
        self.pings += 1
        if not self.there:
            raise MailboxUnavailable(cause="ConnectionError")


class House:
    """A reconciler over passes of the test's."""

    def __init__(self) -> None:
        timing = Timing(lost_after=0.6, reconnect=0.01)
        self.presence, self.box = Presence(timing=timing), Box()
        self.work = Work(self.presence)
        self.delivery = Delivery(cast(Mailbox, self.box), pause=0.0, ttl=90.0)
        self.reconciler = Reconciler(
            cast(Pass, self.work), presence=self.presence, delivery=self.delivery, timing=timing
        )

    def live(self, *works: Callable[[], Awaitable[None]]) -> None:
        """Run the loop while these happen one after another, then cancel it."""

        async def life() -> None:
            running = [asyncio.create_task(self.reconciler.run())]
            try:
                for work in works:
                    await asyncio.wait_for(work(), 10)
                assert not running[0].done(), "the loop ended"
            finally:
                running[0].cancel()
                with suppress(asyncio.CancelledError):
                    await running[0]

        run_apart(life())

    def passed(self, count: int) -> Callable[[], Awaitable[None]]:
        """Return what waits until so many passes ran."""

        async def wait() -> None:
            while len(self.work.passes) < count:  # noqa: ASYNC110 - it changes on a thread
                await asyncio.sleep(0.005)

        return wait

    async def settle(self) -> None:
        """Give a pass that should not run the time to do so."""
        await asyncio.sleep(0.05)


@pytest.fixture
def house() -> House:
    """A plane that nobody has spoken to."""
    return House()


def test_the_first_pass_runs_at_once(house: House) -> None:
    """A plane that starts looks after its jobs before anybody asks, once, on a thread of its own."""
    house.live(house.passed(1), house.settle)

    assert len(house.work.passes) == 1
    assert threading.get_ident() not in house.work.threads


def test_a_poke_runs_a_pass(house: House) -> None:
    """Whoever pokes, on whatever thread, gets a pass."""

    async def poke() -> None:
        await asyncio.to_thread(house.reconciler.poke)

    house.live(house.passed(1), poke, house.passed(2), house.settle)

    assert len(house.work.passes) == 2


def test_many_pokes_are_one_pass(house: House) -> None:
    """What happened before a pass began is seen by that pass."""

    async def poke() -> None:
        for _ in range(100):
            house.reconciler.poke()

    house.live(house.passed(1), house.settle, poke, house.passed(2), house.settle)

    assert len(house.work.passes) == 2


def test_a_poke_before_the_start_is_no_error(house: House) -> None:
    """Who pokes a plane that does not run yet is served by its first pass."""
    house.reconciler.poke()

    house.live(house.passed(1))

    assert len(house.work.passes) == 1


def test_a_pass_runs_when_the_last_one_said(house: House) -> None:
    """The next pass is due at the time that the one before named."""
    house.work.script = [0.01, 0.01]

    house.live(house.passed(3), house.settle)

    assert len(house.work.passes) == 3


def test_a_worker_that_is_lost_runs_a_pass(house: House) -> None:
    """A pass runs when a worker's time is up, and sees that it is gone."""
    house.presence.hear(a_heartbeat())

    house.live(house.passed(2), house.settle)

    assert [len(alive) for alive in house.work.passes] == [1, 0]


def test_a_worker_that_might_have_been_lost_runs_none(house: House) -> None:
    """A worker that speaks in time moves its own end: no pass runs until it is silent."""
    house.presence.hear(a_heartbeat())

    async def speak() -> None:
        for _ in range(8):
            await asyncio.sleep(0.12)
            house.presence.hear(a_heartbeat())

    house.live(house.passed(1), speak, house.passed(2), house.settle)

    assert [len(alive) for alive in house.work.passes] == [1, 0]


def test_a_worker_that_is_lost_during_a_pass_runs_another(house: House) -> None:
    """A loss that the running pass may have missed is not forgotten."""
    house.presence.hear(a_heartbeat())
    house.work.during = lambda: house.presence.hear(a_heartbeat(goodbye="stopping"))

    house.live(house.passed(2), house.settle)

    assert [len(alive) for alive in house.work.passes] == [1, 0]


@pytest.mark.parametrize("error", [LedgerUnavailable(cause="OperationalError"), RuntimeError("broken"), KeyError("x")])
def test_a_pass_that_breaks_is_not_the_last(house: House, error: Exception) -> None:
    """Whatever a pass raises, another one runs a little later."""
    house.work.script = [error, error]

    house.live(house.passed(3), house.settle)

    assert len(house.work.passes) == 3


def _watch(house: House, *works: Callable[[], Awaitable[None]]) -> None:
    """Run the loop, and beside it what watches Redis, while these happen."""

    async def watched() -> None:
        watching = asyncio.create_task(house.reconciler.watch_mailbox())
        try:
            for work in works:
                await work()
            assert not watching.done()
        finally:
            watching.cancel()

    house.live(house.passed(1), watched)


def test_a_redis_that_is_back_runs_a_pass(house: House) -> None:
    """While Redis is away nothing runs; when it answers again what waits is put on its lanes."""
    house.box.there = False
    house.delivery.probe()
    during: list[int] = []

    async def come_back() -> None:
        while house.box.pings < 4:  # noqa: ASYNC110 - it changes on a thread
            await asyncio.sleep(0.005)
        during.append(len(house.work.passes))
        house.box.there = True

    _watch(house, come_back, house.passed(2), house.settle)

    assert during == [1]
    assert len(house.work.passes) == 2


def test_a_redis_that_works_is_left_alone(house: House) -> None:
    """Watching a mailbox that answers costs no command and no pass."""
    _watch(house, house.settle)

    assert (house.box.pings, len(house.work.passes)) == (0, 1)


@pytest.mark.parametrize(("took", "rest"), [(0.0, 0.2), (0.04, 0.2), (0.1, 0.4), (0.5, 2.0), (30.0, 2.0)])
def test_a_pass_is_followed_by_a_rest_of_two_seconds_at_most(took: float, rest: float) -> None:
    """A pass that takes long leaves four fifths of the time to requests, and the next one still comes soon."""
    assert rest_after(took, pace=0.2) == pytest.approx(rest)

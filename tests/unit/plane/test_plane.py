"""The life of the plane: it serves at once, takes over when it can, and does not live on half broken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from asyncio_apart import run_apart
from fastapi import FastAPI
from plane_factories import a_heartbeat

from cloud_api.board import Board
from cloud_api.budget import Plan
from cloud_api.delivery import Delivery
from cloud_api.dispatch import Dispatch
from cloud_api.duties import Duties
from cloud_api.keepsake import Keepsake
from cloud_api.lines import Lines
from cloud_api.plane import Plane
from cloud_api.presence import Presence
from cloud_api.reconcile.loop import Reconciler
from cloud_api.reconcile.passes import Pass
from cloud_api.tally import Tally
from cloud_api.usage import Usage
from shared.errors import ConfigurationError, LedgerUnavailable
from shared.ledger.keeper import Keeper
from shared.ledger.postgres import Database
from shared.mailbox.lanes import Mailbox
from shared.timing import Timing


@dataclass
class Ledger:
    """Database, keeper and pass in one."""

    #: What each check raises, before it finds everything well.
    problems: list[Exception] = field(default_factory=list)
    checks: int = 0
    epochs: int = 41
    passes: int = 0
    closed: bool = False

    def check(self) -> None:
        """Find the database well, or not."""
        self.checks += 1
        if self.problems:
            raise self.problems.pop(0)

    def close(self) -> None:
        """Close it."""
        self.closed = True

    def next_epoch(self) -> int:
        """Count one up."""
        self.epochs += 1
        return self.epochs

    def run(self) -> float:
        """Run a pass."""
        self.passes += 1
        return 3600.0


@dataclass
class Notes:
    """A mailbox that keeps notes, or breaks."""

    notes: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None
    closed: bool = False

    def read_note(self, name: str) -> str | None:
        """Return a note."""
        if self.error is not None:
            raise self.error
        return self.notes.get(name)

    def keep_note(self, name: str, text: str) -> None:
        """Keep a note."""
        self.notes[name] = text

    def close(self) -> None:
        """Close it."""
        self.closed = True


class BrokenPresence(Presence):
    """A presence in which nobody can be counted."""

    def alive(self) -> frozenset[str]:
        """Break."""
        raise RuntimeError("presence broke")


class House:
    """A plane over twins of its ledger and mailbox."""

    def __init__(self, presence: type[Presence] = Presence) -> None:
        timing = Timing(reconnect=0.01)
        self.ledger, self.notes, self.presence = Ledger(), Notes(), presence(timing=timing)
        self.given_up: list[Exception] = []
        delivery = Delivery(cast(Mailbox, self.notes), pause=0.0, ttl=90.0)
        work = cast(Pass, self.ledger)
        reconciler = Reconciler(work, presence=self.presence, delivery=delivery, timing=timing)
        duties = Duties(self.presence)
        self.dispatch = Dispatch(
            presence=self.presence, board=Board(), lines=Lines(timing=timing), duty=duties.order_for
        )
        plan = Plan(redis_commands=500_000, postgres_hours=400, host_hours=750)
        self.usage = Usage(plan=plan, commands=lambda: 0, ledger_idle=lambda: [None])
        self.plane = Plane(
            databases=(cast(Database, self.ledger),),
            keeper=cast(Keeper, self.ledger),
            delivery=delivery,
            keepsake=Keepsake(self.presence, delivery, duties),
            usage=self.usage,
            tally=Tally(self.usage, delivery),
            dispatch=self.dispatch,
            reconciler=reconciler,
            timing=timing,
            give_up=self.given_up.append,
        )

    def live(self, until: Callable[[], object], then: Callable[[], Awaitable[None]] | None = None) -> None:
        """Let the plane live until it is true."""

        async def life() -> None:
            async with self.plane.lifespan(FastAPI()):
                async with asyncio.timeout(10):
                    while not until():  # noqa: ASYNC110 - it changes on a thread
                        await asyncio.sleep(0.005)
                if then is not None:
                    await then()

        run_apart(life())


@pytest.fixture
def house() -> House:
    """A plane that was not started yet."""
    return House()


def test_a_plane_takes_over_and_reconciles(house: House) -> None:
    """A plane that finds its ledger well takes the next number, and looks after the jobs."""
    house.live(until=lambda: house.ledger.passes)

    assert (house.dispatch.epoch, house.ledger.passes) == (42, 1)
    assert house.given_up == []


def test_a_plane_serves_before_its_ledger_is_there(house: House) -> None:
    """The application is up at once; a ledger that sleeps is asked until it wakes."""
    house.ledger.problems = [LedgerUnavailable(cause="OperationalError") for _ in range(3)]
    served: list[int] = []

    house.live(until=lambda: served.append(house.ledger.checks) or house.ledger.passes)

    assert served[0] == 0
    assert (house.ledger.checks, house.dispatch.epoch) == (4, 42)
    assert house.given_up == []


def test_a_wrong_schema_ends_the_plane(house: House) -> None:
    """A plane whose ledger is another version's gives up with what to do, and neither takes over nor reconciles."""
    error = ConfigurationError("The ledger's schema is newer than this program. Update it.")
    house.ledger.problems = [error]

    house.live(until=lambda: house.given_up)

    assert house.given_up == [error]
    assert (house.ledger.epochs, house.ledger.passes) == (41, 0)


def test_a_part_that_breaks_ends_the_plane() -> None:
    """When the loop itself breaks the process is given up: it would serve on and repair nothing."""
    house = House(BrokenPresence)

    house.live(until=lambda: house.given_up)

    assert [str(error) for error in house.given_up] == ["presence broke"]


def test_a_start_that_breaks_ends_the_plane(house: House) -> None:
    """An error before the plane took over is not lost in a task that nobody awaits."""
    house.notes.error = RuntimeError("the driver broke")

    house.live(until=lambda: house.given_up)

    assert house.given_up == [house.notes.error]
    assert house.ledger.passes == 0


def test_an_end_on_request_is_no_break(house: House) -> None:
    """A plane that is stopped closes what it opened, leaves its note, and gives nothing up."""

    async def somebody_comes() -> None:
        house.presence.hear(a_heartbeat())

    house.live(until=lambda: house.ledger.passes, then=somebody_comes)

    assert house.given_up == []
    assert (house.ledger.closed, house.notes.closed) == (True, True)
    assert "den.0123456789ab" in house.notes.notes["presence"]


def test_a_plane_counts_on_where_the_one_before_stopped(house: House) -> None:
    """A plane that is stopped leaves the month's usage behind, and its successor goes on from there."""

    async def somebody_comes() -> None:
        house.usage.hear(a_heartbeat(redis_commands=12))

    house.live(until=lambda: house.ledger.passes, then=somebody_comes)
    successor = House()
    successor.notes.notes = house.notes.notes

    successor.live(until=lambda: successor.ledger.passes)
    successor.usage.hear(a_heartbeat(redis_commands=15))

    assert successor.usage.totals()[1]["redis_commands"] == 15


def test_a_plane_knows_whom_the_one_before_heard(house: House) -> None:
    """What a plane left behind is there for its successor before that reconciles."""

    async def somebody_comes() -> None:
        house.presence.hear(a_heartbeat())

    house.live(until=lambda: house.ledger.passes, then=somebody_comes)
    successor = House()
    successor.notes.notes = house.notes.notes

    successor.live(until=lambda: successor.ledger.passes)

    assert [view.worker for view in successor.presence.workers()] == ["den.0123456789ab"]

"""Lines: held one for each worker, open once both ways are free, and gone with their peer or the process."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from cloud_api.lines import Lines
from shared.errors import NotAnswered, Unavailable
from shared.nodes.heartbeat import DutyOrder, Orders
from shared.timing import Timing
from tests.unit.cloud_core.line_world import ATTIC, DEN, EPOCH, Peer, ask
from tests.unit.plane.asyncio_apart import run_apart

JOB, OTHER_JOB = f"job_{'0' * 26}", f"job_{'1' * 26}"


@pytest.fixture
def lines() -> Lines:
    """Lines with the product's times."""
    return Lines(timing=Timing())


def _orders(**changes: Any) -> Orders:
    return Orders.model_validate({"epoch": EPOCH, "lanes": ("ingest",), **changes})


def test_a_line_opens_when_its_hello_is_acknowledged(lines: Lines) -> None:
    """The hello comes first; the line counts as open, and its round trip is known, once that is acknowledged."""

    async def life() -> None:
        with Peer(lines) as den:
            name, hello = await den.event()
            before = (lines.is_open(DEN), lines.round_trip(DEN))
            await asyncio.sleep(0.02)
            den.acknowledge(hello["id"])

            assert (name, hello["epoch"], hello["ping"]) == ("hello", EPOCH, 15.0)
            assert before == (False, None)
            assert lines.is_open(DEN)
            assert 0.02 <= (lines.round_trip(DEN) or 0) < 2
        assert not lines.is_open(DEN)

    run_apart(life())


def test_a_hello_may_be_acknowledged_twice(lines: Lines) -> None:
    """An acknowledgement that was sent again, since its reply was lost, changes nothing."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            first = lines.round_trip(DEN)
            await asyncio.sleep(0.01)

            den.acknowledge(den.held.hello.id)

            assert lines.round_trip(DEN) == first

    run_apart(life())


def test_pings_come_when_nothing_else_does() -> None:
    """A line on which nothing is said is pinged; one whose hello nobody acknowledges ends after the silence."""
    lines = Lines(timing=Timing(ping=0.01, line_silence=0.03))

    async def life() -> None:
        with Peer(lines, ATTIC) as heard, Peer(lines, DEN) as unheard:
            await heard.open()
            await unheard.event()

            pings = [await unheard.event() for _ in range(5)] + [await heard.event() for _ in range(2)]

            assert pings == [("ping", {})] * 7
            assert unheard.held.ended.result() == "unheard"
            assert heard.held.open

    run_apart(life())


def test_orders_arrive_from_every_thread(lines: Lines) -> None:
    """What another thread tells an open line is said on it; a line that is not open takes nothing."""

    async def life() -> None:
        with Peer(lines) as den:
            early = lines.tell(DEN, _orders())
            await den.open()
            told: list[bool] = []
            thread = threading.Thread(target=lambda: told.append(lines.tell(DEN, _orders(look="mailbox"))))
            thread.start()
            name, orders = await den.event()
            thread.join()

            assert (early, told, lines.tell(ATTIC, _orders())) == (False, [True], False)
            assert (name, orders["look"], orders["lanes"]) == ("orders", "mailbox", ["ingest"])

    run_apart(life())


def test_waiting_orders_become_one(lines: Lines) -> None:
    """Several orders that wait are said as the newest, with every cancel, and with the look that finds most."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            lines.tell(DEN, _orders(look="ledger", cancel=(JOB,), duty=DutyOrder(id="1", state="paused")))
            lines.tell(DEN, _orders(look="mailbox", cancel=(OTHER_JOB,)))
            lines.tell(DEN, _orders(lanes=("ingest", "ingest+gpu6")))
            # Orders are handed to the loop, which has not run yet.
            await asyncio.sleep(0)

            _, said = await den.event()

            assert (said["look"], said["cancel"], said["duty"]) == ("ledger", [JOB, OTHER_JOB], None)
            assert said["lanes"] == ["ingest", "ingest+gpu6"]
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(den.event(), 0.05)

    run_apart(life())


def test_a_newer_line_replaces_the_older(lines: Lines) -> None:
    """A worker's second line ends its first; the first one's end leaves the second alone."""

    async def life() -> None:
        with Peer(lines) as second:
            with Peer(lines) as first:
                await first.open()
                with Peer(lines) as third:
                    await third.open()

                    assert first.held.ended.result() == second.held.ended.result() == "replaced"
                    assert lines.is_open(DEN)
            assert not lines.is_open(DEN)

    run_apart(life())


def test_there_is_room_for_so_many_and_no_more() -> None:
    """Beyond its room a plane says no at once, to lines and to requests; a worker's next line needs none."""
    lines = Lines(timing=Timing(), most_lines=1, most_requests=1)

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.open()
            asking = ask(lines, DEN)
            await den.request()
            with pytest.raises(Unavailable, match="1 requests"):
                await ask(lines, DEN)
            with pytest.raises(Unavailable, match="1 lines"):
                lines.check_room(ATTIC)
            lines.check_room(DEN)
            asking.cancel()

    run_apart(life())


def test_nothing_stays_on_the_line_of_a_worker_that_does_not_read(lines: Lines) -> None:
    """A request that is over is let go, body and all, though its worker never took it off the line."""

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.open()
            for _ in range(2):
                with pytest.raises(NotAnswered):
                    await ask(lines, DEN, seconds=0.02)

            assert den.held.waiting == 0

    run_apart(life())


def test_a_stop_ends_everything_at_once(lines: Lines) -> None:
    """When the process stops, lines end, who asked is told, and nothing new is taken."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            asking = ask(lines, DEN)
            await den.request()

            lines.close()

            assert den.held.ended.result() == "stopping"
            with pytest.raises(Unavailable, match="stopping"):
                await asking
            with pytest.raises(Unavailable, match="stopping"):
                lines.check_room(ATTIC)

    run_apart(life())


def test_the_round_trip_follows_down_fast_and_up_slowly(lines: Lines) -> None:
    """The first measurement counts the opening of a connection too, so a lower one is believed sooner than a higher."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.event()
            for seconds in (0.4, 0.2, 0.38):
                den.held.heard(seconds)

            assert den.held.round_trip == pytest.approx(0.31)

    run_apart(life())

"""Lines: orders and requests go down them, acknowledgements and answers come up, and nobody waits past the deadline."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from cloud_api.line.asked import Answered
from cloud_api.lines import Lines
from shared.errors import InvalidRequest, NotAnswered, NoWorker, TooLate, Unavailable
from shared.nodes.heartbeat import DutyOrder, Orders
from shared.nodes.line import MAX_BODY
from shared.timing import Timing
from tests.unit.cloud_core.line_world import ATTIC, CELLAR, DEN, EPOCH, Peer
from tests.unit.plane.asyncio_apart import run_apart

JOB, OTHER_JOB = f"job_{'0' * 26}", f"job_{'1' * 26}"


@pytest.fixture
def lines() -> Lines:
    """Lines with the product's times."""
    return Lines(timing=Timing())


def _ask(lines: Lines, *order: str, seconds: float = 5.0, body: dict[str, Any] | None = None) -> asyncio.Task[Answered]:
    return asyncio.create_task(lines.ask("echo", body or {"text": "hi"}, seconds=seconds, order=lambda: order))


def _together(*peers: Peer) -> Coroutine[Any, Any, Sequence[Peer]]:
    return asyncio.gather(*(peer.open() for peer in peers))


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


def test_an_answer_reaches_who_asked(lines: Lines) -> None:
    """The first worker that holds a line is asked, with the milliseconds that are left, and its answer comes back."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await _together(den, attic)
            asking = _ask(lines, CELLAR, ATTIC, DEN, seconds=3.0)
            request = await attic.request()
            attic.acknowledge(request.id)
            attic.acknowledge(request.id)
            in_hand = lines.in_hand(ATTIC)
            attic.answer(request.id, body={"text": "hi"})
            answered = await asking

            assert (request.kind, request.body) == ("echo", {"text": "hi"})
            assert 2000 < request.milliseconds <= 3000
            assert (answered.worker, answered.body, answered.hops) == (ATTIC, {"text": "hi"}, 0)
            assert (in_hand, lines.in_hand(ATTIC), lines.in_hand(DEN)) == (1, 0, 0)

    run_apart(life())


def test_an_answer_needs_no_acknowledgement(lines: Lines) -> None:
    """A worker that answers at once need not say first that the request arrived."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            asking = _ask(lines, DEN)

            den.answer((await den.request()).id, body={"text": "hi"})

            assert (await asking).worker == DEN

    run_apart(life())


def test_a_silent_worker_is_backed_up_once(lines: Lines) -> None:
    """Without an acknowledgement in two round trips and 100 ms the next worker is asked too; a third one never is."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic, Peer(lines, CELLAR) as cellar:
            await _together(den, attic, cellar)
            began = time.monotonic()
            asking = _ask(lines, DEN, ATTIC, CELLAR, seconds=1.0)
            await den.request()
            request = await attic.request()
            after = time.monotonic() - began
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(cellar.event(), 0.4)
            attic.answer(request.id, body={"by": "attic"})
            answered = await asking

            assert 0.1 <= after < 0.5
            assert (answered.worker, answered.hops) == (ATTIC, 1)

    run_apart(life())


def test_half_of_the_time_is_for_who_stands_in(lines: Lines) -> None:
    """However long a line's round trip was found to be, the next worker is asked while there is time to answer."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await _together(den, attic)
            den.held.round_trip = 60.0
            asking = _ask(lines, DEN, ATTIC, seconds=0.5)
            await attic.serve_one()

            assert (await asking).worker == ATTIC

    run_apart(life())


def test_the_first_answer_wins(lines: Lines) -> None:
    """A worker that was late to acknowledge may still win; the other one's answer is too late then."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await _together(den, attic)
            asking = _ask(lines, DEN, ATTIC)
            request = await den.request()
            assert (await attic.request()).id == request.id
            attic.acknowledge(request.id)
            den.answer(request.id, body={"by": "den"})

            answered = await asking
            with pytest.raises(TooLate):
                attic.answer(request.id, body={"by": "attic"})

            assert (answered.worker, answered.hops) == (DEN, 0)

    run_apart(life())


def test_a_line_that_breaks_hands_its_request_on_at_once(lines: Lines) -> None:
    """Where a line breaks with a request in hand the next worker is asked without waiting for anything."""

    async def life() -> None:
        with Peer(lines, ATTIC) as attic:
            await attic.open()
            with Peer(lines, DEN) as den:
                await den.open()
                asking = _ask(lines, DEN, ATTIC)
                den.acknowledge((await den.request()).id)
            async with asyncio.timeout(0.09):
                await attic.serve_one()

            assert (await asking).worker == ATTIC

    run_apart(life())


def test_a_request_that_breaks_workers_does_not_go_through_the_house(lines: Lines) -> None:
    """After two workers that had it broke, no third one is asked."""

    async def life() -> None:
        with Peer(lines, CELLAR) as cellar:
            await cellar.open()
            with Peer(lines, ATTIC) as attic:
                await attic.open()
                with Peer(lines, DEN) as den:
                    await den.open()
                    asking = _ask(lines, DEN, ATTIC, CELLAR, seconds=0.4)
                    den.acknowledge((await den.request()).id)
                attic.acknowledge((await attic.request()).id)
            with pytest.raises(NotAnswered):
                await asking
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(cellar.event(), 0.05)

    run_apart(life())


def test_a_request_that_did_not_arrive_is_handed_on_again(lines: Lines) -> None:
    """Workers whose lines broke before they said that they have the request do not count as those that it broke."""

    async def life() -> None:
        with Peer(lines, CELLAR) as cellar:
            await cellar.open()
            with Peer(lines, ATTIC) as attic:
                await attic.open()
                with Peer(lines, DEN) as den:
                    await den.open()
                    asking = _ask(lines, DEN, ATTIC, CELLAR)
                    await den.request()
                await attic.request()
            await cellar.serve_one()
            answered = await asking

            assert (answered.worker, answered.hops) == (CELLAR, 2)

    run_apart(life())


def test_a_worker_that_comes_is_asked_what_is_left_over(lines: Lines) -> None:
    """A request that waits for nobody any more goes to the next line that opens."""

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.open()
            asking = _ask(lines, DEN, ATTIC)
            den.acknowledge((await den.request()).id)
        with Peer(lines, ATTIC) as attic:
            await attic.open()
            await attic.serve_one()

            assert (await asking).worker == ATTIC

    run_apart(life())


def test_a_broken_line_s_worker_may_still_answer(lines: Lines) -> None:
    """An answer comes by another way than the stream, and counts although that was cut meanwhile."""

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.open()
            asking = _ask(lines, DEN)
            request = await den.request()
        await asyncio.sleep(0)
        den.answer(request.id, body={"by": "den"})

        assert (await asking).body == {"by": "den"}

    run_apart(life())


def test_a_frozen_worker_is_asked_last_until_it_speaks(lines: Lines) -> None:
    """Who left a request lying costs only the first one its patience; a word of it, however late, clears it."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await _together(den, attic)
            first = _ask(lines, DEN, ATTIC)
            left_lying = await den.request()
            await attic.serve_one()
            second = _ask(lines, DEN, ATTIC)
            await attic.serve_one()
            with pytest.raises(TooLate):
                den.acknowledge(left_lying.id)
            third = _ask(lines, DEN, ATTIC)
            await den.serve_one()

            answered = [await asking for asking in (first, second, third)]

            assert [(one.worker, one.hops) for one in answered] == [(ATTIC, 1), (ATTIC, 0), (DEN, 0)]

    run_apart(life())


@pytest.mark.parametrize("acknowledges", [False, True], ids=["silent", "frozen"])
def test_nobody_waits_past_the_deadline(lines: Lines, acknowledges: bool) -> None:
    """When no worker answers, who asked is told at the deadline: not before it, and not later."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await _together(den, attic)
            began = time.monotonic()
            asking = _ask(lines, DEN, ATTIC, seconds=0.3)
            request = await den.request()
            if acknowledges:
                den.acknowledge(request.id)
            with pytest.raises(NotAnswered, match="den"):
                await asking

            assert 0.3 <= time.monotonic() - began < 0.6

    run_apart(life())


def test_an_answer_after_the_deadline_is_too_late(lines: Lines) -> None:
    """Nobody takes an answer whose time is over."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            asking = _ask(lines, DEN, seconds=0.1)
            request = await den.request()
            with pytest.raises(NotAnswered):
                await asking

            with pytest.raises(TooLate):
                den.answer(request.id, body={})

    run_apart(life())


def test_only_who_was_asked_may_answer(lines: Lines) -> None:
    """A worker that was not asked, an unknown id and a second answer are all refused."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await _together(den, attic)
            asking = _ask(lines, DEN)
            request = await den.request()
            for who, what in ((attic, request.id), (den, "0" * 16), (attic, den.held.hello.id)):
                with pytest.raises(TooLate):
                    who.answer(what, body={})
                with pytest.raises(TooLate):
                    who.acknowledge(what)
            den.answer(request.id, body={"by": "den"})
            with pytest.raises(TooLate):
                den.answer(request.id, body={"by": "somebody else"})

            assert (await asking).body == {"by": "den"}

    run_apart(life())


def test_an_error_is_handed_on_or_told(lines: Lines) -> None:
    """After one worker's error the next is asked; when that fails too, who asked is told at once, with the reason."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await _together(den, attic)
            began = time.monotonic()
            asking = _ask(lines, DEN, ATTIC, seconds=5.0)
            den.answer((await den.request()).id, error="no model")
            request = await attic.request()
            attic.answer(request.id, error="no memory")
            with pytest.raises(NotAnswered, match="no memory"):
                await asking
            with pytest.raises(TooLate):
                attic.answer(request.id, body={})

            assert time.monotonic() - began < 1

    run_apart(life())


def test_without_a_line_nobody_waits(lines: Lines) -> None:
    """When none of the workers holds an open line, that is said at once."""

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.event()
            for order in ((), (DEN,), (ATTIC,)):
                with pytest.raises(NoWorker):
                    await _ask(lines, *order)

    run_apart(life())


def test_who_leaves_takes_the_request_along(lines: Lines) -> None:
    """A request whose asker is cancelled is forgotten; its answer is too late, and it is not even written any more."""

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.open()
            taken = _ask(lines, DEN)
            first = await den.request()
            unread = _ask(lines, DEN)
            await asyncio.sleep(0)
            for asking in (taken, unread):
                asking.cancel()
            await asyncio.wait((taken, unread))
            with pytest.raises(TooLate):
                den.answer(first.id, body={})
            third = _ask(lines, DEN, body={"text": "third"})

            request = await den.request()
            den.answer(request.id, body={})
            await third

            assert request.body == {"text": "third"}
            assert lines.in_hand(DEN) == 0

    run_apart(life())


def test_there_is_room_for_so_many_and_no_more() -> None:
    """Beyond its room a plane says no at once, to lines and to requests; a worker's next line needs none."""
    lines = Lines(timing=Timing(), most_lines=1, most_requests=1)

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.open()
            asking = _ask(lines, DEN)
            await den.request()
            with pytest.raises(Unavailable, match="1 requests"):
                await _ask(lines, DEN)
            with pytest.raises(Unavailable, match="1 lines"):
                lines.check_room(ATTIC)
            lines.check_room(DEN)
            asking.cancel()

    run_apart(life())


def test_a_request_must_fit_a_line(lines: Lines) -> None:
    """A body that is too large for a line is refused before anybody is asked."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            with pytest.raises(InvalidRequest):
                await _ask(lines, DEN, body={"text": "x" * MAX_BODY})

    run_apart(life())


def test_nothing_stays_on_the_line_of_a_worker_that_does_not_read(lines: Lines) -> None:
    """A request that is over is let go, body and all, though its worker never took it off the line."""

    async def life() -> None:
        with Peer(lines, DEN) as den:
            await den.open()
            for _ in range(2):
                with pytest.raises(NotAnswered):
                    await _ask(lines, DEN, seconds=0.02)

            assert den.held.waiting == 0

    run_apart(life())


def test_a_stop_ends_everything_at_once(lines: Lines) -> None:
    """When the process stops, lines end, who asked is told, and nothing new is taken."""

    async def life() -> None:
        with Peer(lines) as den:
            await den.open()
            asking = _ask(lines, DEN)
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

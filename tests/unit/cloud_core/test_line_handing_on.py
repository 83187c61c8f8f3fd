"""Handing on: when a worker is silent, breaks or fails, one more is asked, in time and not too often."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from cloud_api.lines import Lines
from shared.errors import NotAnswered, TooLate
from shared.timing import Timing
from tests.unit.cloud_core.line_world import ATTIC, CELLAR, DEN, Peer, ask, open_all
from tests.unit.plane.asyncio_apart import run_apart


@pytest.fixture
def lines() -> Lines:
    """Lines with the product's times."""
    return Lines(timing=Timing())


def test_a_silent_worker_is_backed_up_once(lines: Lines) -> None:
    """Without an acknowledgement in two round trips and 100 ms the next worker is asked too; a third one never is."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic, Peer(lines, CELLAR) as cellar:
            await open_all(den, attic, cellar)
            began = time.monotonic()
            asking = ask(lines, DEN, ATTIC, CELLAR, seconds=1.0)
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


@pytest.mark.parametrize("pause", [0.011, 0.017, 0.023, 0.031, 0.047])
def test_no_moment_is_missed(pause: float) -> None:
    """The next worker is asked in time, also when a patience runs out between two looks at the clock."""
    looks = itertools.count()
    lines = Lines(timing=Timing(), clock=lambda: next(looks) * pause)

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await open_all(den, attic)
            den.held.round_trip = 0.0
            asking = ask(lines, DEN, ATTIC)
            async with asyncio.timeout(1):
                await attic.serve_one()

            assert (await asking).worker == ATTIC

    run_apart(life())


def test_half_of_the_time_is_for_who_stands_in(lines: Lines) -> None:
    """However long a line's round trip was found to be, the next worker is asked while there is time to answer."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await open_all(den, attic)
            den.held.round_trip = 60.0
            asking = ask(lines, DEN, ATTIC, seconds=0.5)
            await attic.serve_one()

            assert (await asking).worker == ATTIC

    run_apart(life())


def test_the_first_answer_wins(lines: Lines) -> None:
    """A worker that was late to acknowledge may still win; the other one's answer is too late then."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await open_all(den, attic)
            asking = ask(lines, DEN, ATTIC)
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
                asking = ask(lines, DEN, ATTIC)
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
                    asking = ask(lines, DEN, ATTIC, CELLAR, seconds=0.4)
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
                    asking = ask(lines, DEN, ATTIC, CELLAR)
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
            asking = ask(lines, DEN, ATTIC)
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
            asking = ask(lines, DEN)
            request = await den.request()
        await asyncio.sleep(0)
        den.answer(request.id, body={"by": "den"})

        assert (await asking).body == {"by": "den"}

    run_apart(life())


def test_a_frozen_worker_is_asked_last_until_it_speaks(lines: Lines) -> None:
    """Who left a request lying costs only the first one its patience; a word of it, however late, clears it."""

    async def life() -> None:
        with Peer(lines, DEN) as den, Peer(lines, ATTIC) as attic:
            await open_all(den, attic)
            first = ask(lines, DEN, ATTIC)
            left_lying = await den.request()
            await attic.serve_one()
            second = ask(lines, DEN, ATTIC)
            await attic.serve_one()
            with pytest.raises(TooLate):
                den.acknowledge(left_lying.id)
            third = ask(lines, DEN, ATTIC)
            await den.serve_one()

            answered = [await asking for asking in (first, second, third)]

            assert [(one.worker, one.hops) for one in answered] == [(ATTIC, 1), (ATTIC, 0), (DEN, 0)]

    run_apart(life())

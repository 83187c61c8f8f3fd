"""The line over a real server when somebody is silent, leaves, or does not read: noticed, and handed on."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest
from line_served import Served, echo, hear, until
from raw_line import ATTIC, DEN, RawLine

from cloud_api.line.asked import Answered
from tests.unit.plane.asyncio_apart import run_apart


def test_a_silent_worker_is_stood_in_for(served: Served) -> None:
    """Where the first worker does not acknowledge, the second one's answer comes well before the deadline."""

    async def life() -> None:
        hear(served, DEN, ATTIC)
        async with RawLine(served.url, DEN) as den, RawLine(served.url, ATTIC) as attic:
            await den.open()
            await attic.open()
            asking = echo(served, text="hi")
            lying = await den.request()
            request = await attic.request()
            await attic.answer(request.id, body=request.body)
            data = (await asking).json()["data"]

            assert (data["worker"], data["hops"]) == (ATTIC, 1)
            assert (await den.answer(lying.id, body=lying.body)).status_code == 409

    run_apart(life())


def test_a_worker_that_breaks_is_stood_in_for(served: Served) -> None:
    """Where a stream breaks with an acknowledged request in hand, the next worker has it at once."""

    async def life() -> None:
        hear(served, DEN, ATTIC)
        async with RawLine(served.url, ATTIC) as attic:
            await attic.open()
            async with RawLine(served.url, DEN) as den:
                await den.open()
                asking = echo(served, text="hi", seconds=20)
                await den.acknowledge((await den.request()).id)
                broke = time.monotonic()
            request = await attic.request()
            after = time.monotonic() - broke
            await attic.answer(request.id, body=request.body)

            assert (await asking).json()["data"]["worker"] == ATTIC
            assert after < 2

    run_apart(life())


def test_who_asked_is_told_at_the_deadline(served: Served) -> None:
    """With two frozen workers the answer is 504 when the time is over, and what they say later gets 409."""

    async def life() -> None:
        hear(served, DEN, ATTIC)
        async with RawLine(served.url, DEN) as den, RawLine(served.url, ATTIC) as attic:
            await den.open()
            await attic.open()
            began = time.monotonic()
            asking = echo(served, text="hi", seconds=0.5)
            request = await den.request()
            answer = await asking
            after = time.monotonic() - began
            late = [await den.acknowledge(request.id), await den.answer(request.id, body=request.body)]

            assert (answer.status_code, answer.json()["error"]["code"]) == (504, "NOT_ANSWERED")
            assert 0.5 <= after < 1.5
            assert [(one.status_code, one.json()["error"]["code"]) for one in late] == [(409, "TOO_LATE")] * 2

    run_apart(life())


def test_a_newer_stream_ends_the_older(served: Served) -> None:
    """A worker that connects again has one line: the stream before ends cleanly."""

    async def life() -> None:
        async with RawLine(served.url) as first:
            await first.open()
            async with RawLine(served.url) as second:
                await second.open()
                with pytest.raises(StopAsyncIteration):
                    await first.event(2)

                assert served.house.lines.is_open(DEN)

    run_apart(life())


def test_a_worker_that_leaves_is_noticed(served: Served) -> None:
    """A line whose peer closed its connection is not open any more, though nothing was written on it."""

    async def life() -> None:
        async with RawLine(served.url) as den:
            await den.open()

        await until(lambda: not served.house.lines.is_open(DEN), 2)

    run_apart(life())


def test_a_person_who_leaves_is_noticed(served: Served) -> None:
    """When whoever asked closes the connection, nothing stays in hand, and the answer is too late."""

    async def life() -> None:
        hear(served, DEN)
        async with RawLine(served.url) as den:
            await den.open()
            asking = echo(served, text="hi", seconds=30)
            request = await den.request()
            in_hand = served.house.lines.in_hand(DEN)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            await until(lambda: served.house.lines.in_hand(DEN) == 0, 2)

            assert in_hand == 1
            assert (await den.answer(request.id, body=request.body)).status_code == 409

    run_apart(life())


def test_a_peer_that_does_not_read_holds_nothing_up(served: Served) -> None:
    """Requests that a full connection cannot take are handed on, and a newer stream takes its place."""

    async def life() -> None:
        hear(served, DEN, ATTIC)
        async with RawLine(served.url, DEN) as den, RawLine(served.url, ATTIC) as attic:
            await den.open()
            await attic.open()
            async with attic.echoing():
                answers = await asyncio.gather(*(one_of_many() for _ in range(100)))
            async with RawLine(served.url, DEN) as again:
                await again.open()

            assert {answer.worker for answer in answers} == {ATTIC}

    async def one_of_many() -> Answered:
        work = served.house.lines.ask("echo", {"text": "x" * 200_000}, seconds=20, order=lambda: (DEN, ATTIC))
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, served.loop))

    run_apart(life())

"""The line over a real server: what is held, said, acknowledged, answered, handed on, and noticed when it breaks."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from line_served import Serve, Served
from plane_factories import a_heartbeat
from plane_twins import AS_ADMIN, AS_WORKER
from raw_line import ATTIC, DEN, RawLine

from cloud_api.line.asked import Answered
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import Orders
from shared.nodes.line import LINE_PATH, MAX_BODY
from shared.timing import Timing
from tests.unit.plane.asyncio_apart import run_apart

ECHO = "/api/v1/workers/echo"


def _hear(served: Served, *workers: str) -> None:
    """Have workers heard; the first one is the least loaded."""
    for slots, worker in zip((64, 1), workers, strict=False):
        capabilities = Capabilities(node=worker.partition(".")[0], cpus=8)
        attempt = {"job_id": f"job_{'0' * 26}", "attempt": 1, "repository": "a/b"}
        heartbeat = a_heartbeat(worker=worker, capabilities=capabilities, slots=slots, attempts=(attempt,))
        served.house.presence.hear(heartbeat)


def _echo(served: Served, **body: Any) -> asyncio.Task[httpx2.Response]:
    async def ask() -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=served.url, headers=AS_ADMIN, timeout=30.0) as http:
            return await http.post(ECHO, json=body)

    return asyncio.create_task(ask())


async def _until(condition: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - it changes on the server's thread
            await asyncio.sleep(0.01)


def test_a_line_is_a_stream_that_nothing_may_hold_back(served: Served) -> None:
    """The stream says what it is and that it must be passed on as it comes; its hello is there at once."""

    async def life() -> None:
        began = time.monotonic()
        async with RawLine(served.url) as den:
            name, hello = await den.event()
            after = time.monotonic() - began
            open_before = served.house.lines.is_open(DEN)
            acknowledged = await den.acknowledge(hello["id"])

            headers = den.response.headers
            assert (den.response.status_code, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache, no-transform", "no")
            assert "content-length" not in headers
            assert (name, hello["epoch"], open_before) == ("hello", 7, False)
            assert acknowledged.json()["data"] == {"id": hello["id"]}
            assert served.house.lines.is_open(DEN)
            assert after < 2

    run_apart(life())


def test_orders_arrive_as_they_are_given(served: Served) -> None:
    """What a thread of the plane orders is on the stream within moments."""

    async def life() -> None:
        async with RawLine(served.url) as den:
            await den.open()
            for look in ("mailbox", "ledger"):
                assert served.house.lines.tell(DEN, Orders(epoch=7, lanes=("ingest",), look=look))
                name, orders = await den.event(2)
                assert (name, orders["look"]) == ("orders", look)

    run_apart(life())


def test_pings_arrive(serve: Serve) -> None:
    """On a line on which nothing is said something is said all the same."""
    served = serve(Timing().scaled(0.005))

    async def life() -> None:
        async with RawLine(served.url) as den:
            await den.open()

            assert [await den.event(2) for _ in range(3)] == [("ping", {})] * 3

    run_apart(life())


def test_an_echo_comes_back(served: Served) -> None:
    """A person's text goes down a line and comes back, with who said it, how fast, and over how many hops."""

    async def life() -> None:
        _hear(served, DEN)
        async with RawLine(served.url) as den:
            await den.open()
            async with den.echoing():
                answer = await _echo(served, text="grüße \u2028 \n 🐙")

            data = answer.json()["data"]
            milliseconds = data.pop("round_trip_ms")
            assert answer.status_code == 200
            assert data == {"worker": DEN, "node": "den", "hops": 0, "text": "grüße \u2028 \n 🐙"}
            assert 0 < milliseconds < 2000

    run_apart(life())


def test_a_silent_worker_is_stood_in_for(served: Served) -> None:
    """Where the first worker does not acknowledge, the second one's answer comes well before the deadline."""

    async def life() -> None:
        _hear(served, DEN, ATTIC)
        async with RawLine(served.url, DEN) as den, RawLine(served.url, ATTIC) as attic:
            await den.open()
            await attic.open()
            asking = _echo(served, text="hi")
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
        _hear(served, DEN, ATTIC)
        async with RawLine(served.url, ATTIC) as attic:
            await attic.open()
            async with RawLine(served.url, DEN) as den:
                await den.open()
                asking = _echo(served, text="hi", seconds=20)
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
        _hear(served, DEN, ATTIC)
        async with RawLine(served.url, DEN) as den, RawLine(served.url, ATTIC) as attic:
            await den.open()
            await attic.open()
            began = time.monotonic()
            asking = _echo(served, text="hi", seconds=0.5)
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

        await _until(lambda: not served.house.lines.is_open(DEN), 2)

    run_apart(life())


def test_a_person_who_leaves_is_noticed(served: Served) -> None:
    """When whoever asked closes the connection, nothing stays in hand, and the answer is too late."""

    async def life() -> None:
        _hear(served, DEN)
        async with RawLine(served.url) as den:
            await den.open()
            asking = _echo(served, text="hi", seconds=30)
            request = await den.request()
            in_hand = served.house.lines.in_hand(DEN)
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            await _until(lambda: served.house.lines.in_hand(DEN) == 0, 2)

            assert in_hand == 1
            assert (await den.answer(request.id, body=request.body)).status_code == 409

    run_apart(life())


def test_a_peer_that_does_not_read_holds_nothing_up(served: Served) -> None:
    """Requests that a full connection cannot take are handed on, and a newer stream takes its place."""

    async def life() -> None:
        _hear(served, DEN, ATTIC)
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


def test_an_answer_must_fit(served: Served) -> None:
    """An answer that is larger than a line's messages may be is refused, and the request stays in hand."""

    async def life() -> None:
        _hear(served, DEN)
        async with RawLine(served.url) as den:
            await den.open()
            asking = _echo(served, text="hi")
            request = await den.request()
            refused = await den.answer(request.id, body={"text": "x" * MAX_BODY})
            await den.answer(request.id, body=request.body)

            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "INVALID_REQUEST")
            assert (await asking).status_code == 200

    run_apart(life())


@pytest.mark.parametrize(
    ("headers", "status"), [({"X": "1"}, 401), (AS_ADMIN, 403)], ids=["without a token", "with a person's token"]
)
def test_only_a_worker_holds_a_line(served: Served, headers: dict[str, str], status: int) -> None:
    """A stream, an acknowledgement and an answer need the workers' token."""

    async def life() -> None:
        async with RawLine(served.url, headers=headers) as den:
            refused = [den.response, await den.acknowledge("0" * 16), await den.answer("0" * 16, body={})]

            assert [one.status_code for one in refused] == [status] * 3

    run_apart(life())


def test_a_worker_asks_for_no_echo(served: Served) -> None:
    """The workers' token holds a line, and does nothing that people do."""
    with httpx2.Client(base_url=served.url, headers=AS_WORKER) as http:
        refused = [http.post(path, json={}).status_code for path in (ECHO, "/api/v1/workers/den/echo")]

    assert refused == [403, 403]


def test_a_stream_is_no_slow_request(served: Served) -> None:
    """How long a line was held does not count as the time of a request; that it was there does."""

    async def life() -> None:
        async with RawLine(served.url) as den:
            await den.open()
            await asyncio.sleep(0.3)
        await _until(lambda: _figures(served)[0] == 1, 2)

        assert _figures(served)[1] < 0.25

    run_apart(life())


def _figures(served: Served) -> tuple[float, float]:
    text = httpx2.get(f"{served.url}/metrics", headers=AS_ADMIN).text
    labels = re.escape(f'{{route="{LINE_PATH}"}}')
    found = [re.search(rf"pharos_http_request_seconds_{what}{labels} (\S+)", text) for what in ("count", "sum")]
    count, total = (float(one[1]) if one else 0.0 for one in found)
    return count, total

"""The line over a real server: what is held, said and answered on it, and who may."""

from __future__ import annotations

import asyncio
import re
import time

import httpx2
import pytest
from line_served import ECHO, Serve, Served, echo, hear, until
from plane_twins import AS_ADMIN, AS_WORKER
from raw_line import DEN, RawLine

from shared.nodes.heartbeat import Orders
from shared.nodes.line import LINE_PATH, MAX_BODY
from shared.timing import Timing
from tests.unit.plane.asyncio_apart import run_apart


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
        hear(served, DEN)
        async with RawLine(served.url) as den:
            await den.open()
            async with den.echoing():
                answer = await echo(served, text="grüße \u2028 \n 🐙")

            data = answer.json()["data"]
            milliseconds = data.pop("round_trip_ms")
            assert answer.status_code == 200
            assert data == {"worker": DEN, "node": "den", "hops": 0, "text": "grüße \u2028 \n 🐙"}
            assert 0 < milliseconds < 2000

    run_apart(life())


def test_an_answer_must_fit(served: Served) -> None:
    """An answer that is larger than a line's messages may be is refused, and the request stays in hand."""

    async def life() -> None:
        hear(served, DEN)
        async with RawLine(served.url) as den:
            await den.open()
            asking = echo(served, text="hi")
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


def test_a_worker_asks_for_noecho(served: Served) -> None:
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
        await until(lambda: _figures(served)[0] == 1, 2)

        assert _figures(served)[1] < 0.25

    run_apart(life())


def _figures(served: Served) -> tuple[float, float]:
    text = httpx2.get(f"{served.url}/metrics", headers=AS_ADMIN).text
    labels = re.escape(f'{{route="{LINE_PATH}"}}')
    found = [re.search(rf"pharos_http_request_seconds_{what}{labels} (\S+)", text) for what in ("count", "sum")]
    count, total = (float(one[1]) if one else 0.0 for one in found)
    return count, total

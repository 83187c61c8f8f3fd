"""One stream of the line, from asking for it to its end, and what its end says."""

from __future__ import annotations

import asyncio
import time

import httpx2
from pydantic import ValidationError

from edge_worker.absence import Absence
from edge_worker.desk import Desk
from edge_worker.tries import End, Tries
from shared.logs import get_logger
from shared.nodes.heartbeat import Orders
from shared.nodes.line import LINE_PATH, MAX_BODY, Hello, Request
from shared.timing import Timing

log = get_logger(__name__)


class Stream:
    """Server-sent events as the plane says them: hello, pings, orders, requests."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        desk: Desk,
        orders: asyncio.Queue[Orders],
        timing: Timing,
        tries: Tries,
        absence: Absence,
    ) -> None:
        """``orders`` takes what is to be obeyed."""
        self._http = http
        self._desk = desk
        self._orders = orders
        self._timing = timing
        self._tries = tries
        self._absence = absence
        self._away = False
        self._headed = False
        self._opened_at: float | None = None
        #: Whether the plane refused the token.
        self.refused = False
        #: Why it is over.
        self.cause: str | None = None

    def lived(self) -> float:
        """Return for how many seconds it has worked."""
        return time.monotonic() - self._opened_at if self._opened_at is not None else 0.0

    async def hold(self, worker: str) -> End:
        """Follow the stream until it is over; return how it ended."""
        # The head of an answer has twice the time, since a connection is opened in it.
        limit = asyncio.timeout(self._timing.line_hello * 2)
        try:
            async with (
                limit,
                self._http.sse(
                    LINE_PATH,
                    params={"worker": worker},
                    headers={"Accept-Encoding": "identity"},
                    max_event_size=MAX_BODY * 2,
                ) as events,
            ):
                watch = asyncio.create_task(self._watch(limit))
                try:
                    return await self._follow(events, limit)
                finally:
                    watch.cancel()
        except TimeoutError:
            return await self._timed_out()
        except httpx2.HTTPError as error:
            self.cause = f"{type(error).__name__}: {error}"[:200]
            return "ended" if self._opened_at is not None else "unreached"

    async def _follow(self, events: httpx2.EventSource, limit: asyncio.Timeout) -> End:
        response = events.response
        if response.status_code != 200:
            return self._judge(response)
        self._headed = True
        response.encoding = "utf-8"
        _extend(limit, self._timing.line_hello)
        async for event in events:
            if self._opened_at is not None:
                _extend(limit, self._timing.line_silence)
                self._tries.lives(self.lived())
            await self._take(event, limit)
        self.cause = "the other side ended it"
        return "ended" if self._opened_at is not None else "unreached"

    def _judge(self, response: httpx2.Response) -> End:
        self.cause = f"HTTP {response.status_code}"
        self.refused = response.status_code in {401, 403}
        # A host answers 404 in place of a plane that is not up; only the plane's own says that it knows no line.
        own = response.headers.get("Content-Type", "").startswith("application/problem+json")
        return "unknown" if own and response.status_code in {404, 405} else "unreached"

    async def _take(self, event: httpx2.ServerSentEvent, limit: asyncio.Timeout) -> None:
        try:
            if event.event == "hello":
                await self._greet(Hello.model_validate_json(event.data), limit)
            elif event.event == "orders":
                await self._orders.put(Orders.model_validate_json(event.data))
            elif event.event == "request":
                self._desk.take(Request.model_validate_json(event.data))
        except ValidationError as error:
            # A newer plane may say what this worker does not know yet.
            log.debug("line_event_not_understood", name=event.event[:40], errors=error.error_count())

    async def _greet(self, hello: Hello, limit: asyncio.Timeout) -> None:
        _extend(limit, self._timing.line_silence)
        await self._desk.acknowledge(hello.id)
        self._opened_at = time.monotonic()
        self._tries.opened(hello.epoch)
        log.info("line_opened", epoch=hello.epoch)

    async def _timed_out(self) -> End:
        if self._away:
            self.cause = "this machine stood still"
            return "away"
        if self._opened_at is not None:
            self.cause = "silence"
            return "ended"
        if self._headed:
            self.cause = "no first event"
            return "buffered"
        self.cause = "no head of an answer"
        return "withheld" if await self._plane_answers() else "unreached"

    async def _plane_answers(self) -> bool:
        """Return whether a plain request comes through, which tells a proxy that waits for the end from no plane."""
        try:
            answer = await self._http.get("/health", timeout=self._timing.line_hello)
        except httpx2.HTTPError:
            return False
        return answer.status_code == 200

    async def _watch(self, limit: asyncio.Timeout) -> None:
        """End the stream soon after this process stood still: the limit's own clock may have stood still with it."""
        while not self._away:
            await asyncio.sleep(self._timing.ping / 3)
            self._away = self._absence.over()
        limit.reschedule(asyncio.get_running_loop().time())


def _extend(limit: asyncio.Timeout, seconds: float) -> None:
    limit.reschedule(asyncio.get_running_loop().time() + seconds)

"""One held line: what waits to be said on it, how long its way there and back takes, and when it is over."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable

from shared.nodes.heartbeat import Orders
from shared.nodes.line import Hello

#: How far a new measurement moves the round trip. Down fast: the first one counts the opening of a connection too.
_FALL, _RISE = 0.5, 0.125
#: Composes a request when it is written, so that its milliseconds are true; ``None`` when nobody waits any more.
Say = Callable[[], bytes | None]


def event(name: str, data: str) -> bytes:
    """Return one server-sent event; ``data`` is JSON on one line."""
    return f"event: {name}\ndata: {data}\n\n".encode()


PING = event("ping", "{}")


class Held:
    """A line that one worker holds. It lives on the loop that made it; nothing here is for other threads."""

    def __init__(
        self,
        worker: str,
        *,
        epoch: int,
        ping: float,
        silence: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A hello that is not acknowledged for ``silence`` seconds ends the line."""
        self.worker = worker
        self.hello = Hello(id=secrets.token_hex(8), epoch=epoch, ping=ping)
        self.loop = asyncio.get_running_loop()
        #: Done when the line is over, with the reason.
        self.ended: asyncio.Future[str] = self.loop.create_future()
        #: Seconds there and back, smoothed; ``None`` until the hello was acknowledged.
        self.round_trip: float | None = None
        #: Requests that its worker was asked and that are not over.
        self.in_hand = 0
        #: When its worker last left a request unacknowledged, unless it spoke since.
        self.doubted_at: float | None = None
        self._ping = ping
        self._silence = silence
        self._clock = clock
        self._greeted_at: float | None = None
        self._orders: Orders | None = None
        self._requests: deque[Say] = deque()
        self._news = asyncio.Event()

    @property
    def open(self) -> bool:
        """Whether both ways are known to be free."""
        return self.round_trip is not None and not self.ended.done()

    @property
    def waiting(self) -> int:
        """How many requests were not written yet."""
        return len(self._requests)

    async def next(self) -> bytes:
        """Return what is to be said next: the hello, then what comes, and a ping when nothing came for so long."""
        if self._greeted_at is None:
            self._greeted_at = self._clock()
            return event("hello", self.hello.model_dump_json())
        while True:
            # One at a time: what a slow peer has not taken yet is composed later, or forgotten.
            if (text := self._waiting()) is not None:
                return text
            self._news.clear()
            try:
                async with asyncio.timeout(self._ping):
                    await self._news.wait()
            except TimeoutError:
                if self.round_trip is None and self._clock() - self._greeted_at > self._silence:
                    self.end("unheard")
                return PING

    def order(self, orders: Orders) -> None:
        """Say orders; those that still wait become one with them."""
        self._orders = orders if self._orders is None else _merged(self._orders, orders)
        self._news.set()

    def request(self, say: Say) -> None:
        """Say a request, unless it is forgotten before."""
        self._requests.append(say)
        self.in_hand += 1
        self._news.set()

    def forget(self, say: Say) -> None:
        """Let go of a request that is over: a peer that does not read must not make it wait here for ever."""
        self.in_hand -= 1
        if say in self._requests:
            self._requests.remove(say)

    def greeted(self) -> None:
        """Take in that the hello was acknowledged; a second time it means nothing."""
        if self.round_trip is None and self._greeted_at is not None:
            self.heard(self._clock() - self._greeted_at)

    def heard(self, seconds: float) -> None:
        """Take in that the worker acknowledged something ``seconds`` after it was said."""
        if self.round_trip is None:
            self.round_trip = seconds
        else:
            share = _FALL if seconds < self.round_trip else _RISE
            self.round_trip += share * (seconds - self.round_trip)

    def end(self, reason: str) -> None:
        """Make this the end; only the first reason counts."""
        if not self.ended.done():
            self.ended.set_result(reason)

    def _waiting(self) -> bytes | None:
        if self._orders is not None:
            orders, self._orders = self._orders, None
            return event("orders", orders.model_dump_json())
        while self._requests:
            if (text := self._requests.popleft()()) is not None:
                return text
        return None


def _merged(older: Orders, newer: Orders) -> Orders:
    # Who looks in the ledger finds also what the mailbox has.
    look = "ledger" if "ledger" in {older.look, newer.look} else newer.look or older.look
    cancel = tuple(sorted({*older.cancel, *newer.cancel}))
    return newer.model_copy(update={"look": look, "cancel": cancel})

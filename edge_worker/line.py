"""The line: one stream that this worker holds to the control plane, down which orders and requests come at once."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from functools import partial

import httpx2
from pydantic import SecretStr

from edge_worker.absence import Absence
from edge_worker.aside import aside
from edge_worker.desk import Answers, Desk
from edge_worker.stream import Stream
from edge_worker.tries import End, Tries
from shared.logs import get_logger
from shared.nodes.heartbeat import LineState, Orders
from shared.timing import Timing, elapsed

log = get_logger(__name__)

#: Orders that wait to be obeyed; who sends more has to wait.
_WAITING = 64
#: Seconds that an acknowledgement or an answer may take on its way.
_POST = 5.0
_HINTS = {
    "buffered": "a proxy holds the line back: exempt the control plane's address from it; orders come with heartbeats",
    "cut": "something ends the line again and again: exempt the control plane's address from proxies and their limits",
}


class Line:
    """Holds the line for as long as ``run`` is not stopped. Everything but requests works without it."""

    def __init__(
        self,
        *,
        control_url: str,
        token: SecretStr,
        worker: str,
        obey: Callable[[Orders], None],
        answers: Answers,
        timing: Timing,
        tell: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = elapsed,
    ) -> None:
        """``obey`` and ``answers`` are called on threads of their own, orders one after the other.

        ``tell`` is called when the state has changed; ``clock`` goes on while the machine sleeps.
        """
        self._url = control_url.rstrip("/")
        self._token = token
        self._worker = worker
        self._obey = obey
        self._answers = answers
        self._timing = timing
        self._clock = clock
        self._tries = Tries(timing, tell=tell)
        self._lock = threading.Lock()
        self._over = False
        self._end: Callable[[], object] | None = None
        #: Why there is no line, as it was said last.
        self._said: str | None = None

    @property
    def state(self) -> LineState:
        """How the line is, for the heartbeat."""
        return self._tries.state

    def run(self) -> None:
        """Hold the line until ``stop``."""
        try:
            asyncio.run(self._hold())
        except asyncio.CancelledError:
            log.debug("line_stopped")

    def stop(self) -> None:
        """End the line and whatever it waits for; safe from any thread, at any time, again and again."""
        with self._lock:
            self._over = True
            if self._end is not None:
                self._end()

    async def _hold(self) -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        with self._lock:
            if self._over:
                return
            self._end = lambda: loop.call_soon_threadsafe(task.cancel)
        try:
            await self._work()
        finally:
            with self._lock:
                self._end = None
            self._tries.state = "closed"

    async def _work(self) -> None:
        tls = httpx2.create_ssl_context()
        hello, kept = self._timing.line_hello, self._timing.ping * 2
        # A stream takes over no kept connection, since that may have died; a post does, and saves the round trips that
        # open a new one.
        async with (
            self._client(tls, httpx2.Timeout(None, connect=hello), httpx2.Limits(keepalive_expiry=0)) as down,
            self._client(tls, httpx2.Timeout(_POST), httpx2.Limits(keepalive_expiry=kept)) as up,
            asyncio.TaskGroup() as tasks,
        ):
            desk = Desk(http=up, worker=self._worker, answers=self._answers, tasks=tasks)
            orders = asyncio.Queue[Orders](_WAITING)
            tasks.create_task(self._obey_in_turn(orders))
            while True:
                absence = Absence(least=self._timing.line_silence, clock=self._clock)
                stream = Stream(down, desk=desk, orders=orders, timing=self._timing, tries=self._tries, absence=absence)
                await asyncio.sleep(await self._try(stream))

    def _client(self, tls: ssl.SSLContext, timeout: httpx2.Timeout, limits: httpx2.Limits) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=self._url,
            headers={"Authorization": f"Bearer {self._token.get_secret_value()}"},
            verify=tls,
            timeout=timeout,
            limits=limits,
            follow_redirects=False,
        )

    async def _try(self, stream: Stream) -> float:
        """Hold one stream to its end; return the pause after it."""
        before = self.state
        try:
            end = await stream.hold(self._worker)
        except Exception:  # the next one is worth a try whatever broke this one
            log.exception("line_broke")
            end = "unreached"
        lived = stream.lived()
        pause = self._tries.over(end, lived)
        self._note(before, stream, end, lived)
        return pause

    def _note(self, before: LineState, stream: Stream, end: End, lived: float) -> None:
        said, self._said = self._said, stream.cause
        if stream.refused and stream.cause != said:
            log.error("line_refused", cause=stream.cause, fix="set PHAROS_WORKER_TOKEN to the control plane's")
        elif self.state != before and self.state in _HINTS:
            log.warning("line_disturbed", state=self.state, hint=_HINTS[self.state])
        elif lived or stream.cause != said:
            # Work goes on without it.
            log.info("line_lost" if lived else "line_not_held", end=end, seconds=round(lived, 1), cause=stream.cause)

    async def _obey_in_turn(self, waiting: asyncio.Queue[Orders]) -> None:
        while True:
            orders = await waiting.get()
            try:
                await aside(partial(self._obey, orders))
            except Exception:  # they come again with the next heartbeat
                log.exception("orders_broke")

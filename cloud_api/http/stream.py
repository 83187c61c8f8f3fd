"""Answers that take their time, and who asked may leave before they are there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, suppress
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cloud_api.line.held import Held
from shared.errors import NotAnswered

T = TypeVar("T")

STREAM_TYPE = "text/event-stream"
#: Said to everything in between: pass each event on as it comes, and change nothing.
_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
#: Seconds that a peer has to take the last byte; one that does not read would hold up the end of the process.
_LAST = 1.0


class LineStream(Response):
    """Streams a line until its peer leaves, a newer one takes its place, or the control plane stops."""

    def __init__(self, hold: Callable[[], AbstractContextManager[Held]]) -> None:
        super().__init__(headers=_HEADERS, media_type=STREAM_TYPE)
        del self.headers["content-length"]
        self._hold = hold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold the line, and write what is said on it."""
        with self._hold() as line:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            # A server does not always say when it writes to nobody: its word that the peer left is waited for too.
            tasks = (asyncio.create_task(_write(line, send)), asyncio.create_task(left(receive)))
            try:
                done, _ = await asyncio.wait((*tasks, line.ended), return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    one.result()
            finally:
                await _stop(*tasks)
        # Who left, or does not read even this, gets no clean end: the server closes the connection and says so.
        with suppress(OSError):
            async with asyncio.timeout(_LAST):
                await send({"type": "http.response.body", "body": b"", "more_body": False})


async def while_there(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; it is cancelled when whoever sent ``request`` leaves before.

    Raises:
        NotAnswered: the peer has left, so nobody reads this.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(left(request.receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise NotAnswered("Whoever asked has left. Nothing was changed.")
    finally:
        await _stop(task, gone)


async def left(receive: Receive) -> None:
    """Return when the peer of a request has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(line: Held, send: Send) -> None:
    try:
        while True:
            await send({"type": "http.response.body", "body": await line.next(), "more_body": True})
    except OSError:  # so says a server that the peer has left
        return


async def _stop(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

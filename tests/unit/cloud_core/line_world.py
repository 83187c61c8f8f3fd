"""A worker's end of a line without HTTP in between: it reads what is said on it, acknowledges, and answers."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractContextManager
from typing import Any, Self

from cloud_api.line.asked import Answered
from cloud_api.line.held import Held
from cloud_api.lines import Lines
from shared.nodes.line import Acknowledgement, Answer, Request

DEN, ATTIC, CELLAR = "den.0123456789ab", "attic.0123456789ab", "cellar.0123456789ab"
EPOCH = 7


class Peer:
    """Holds one line. Nothing is answered unless the test says so."""

    def __init__(self, lines: Lines, worker: str = DEN) -> None:
        self.lines = lines
        self.worker = worker
        self.held: Held
        self._hold: AbstractContextManager[Held]

    def __enter__(self) -> Self:
        self._hold = self.lines.hold(self.worker, epoch=EPOCH)
        self.held = self._hold.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._hold.__exit__(None, None, None)

    async def event(self) -> tuple[str, dict[str, Any]]:
        """Return the next event and its data."""
        name, data = (await self.held.next()).decode().removesuffix("\n\n").split("\n")
        return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    async def open(self) -> Self:
        """Acknowledge the hello."""
        name, hello = await self.event()
        assert name == "hello"
        self.acknowledge(hello["id"])
        return self

    async def request(self) -> Request:
        """Return the next request."""
        async with asyncio.timeout(5):
            name, data = await self.event()
        assert name == "request"
        return Request.model_validate(data)

    def acknowledge(self, message_id: str) -> None:
        """Say that a message arrived."""
        self.lines.acknowledge(Acknowledgement(worker=self.worker, id=message_id))

    def answer(self, message_id: str, **what: Any) -> None:
        """Answer a request with a body or an error."""
        self.lines.answer(Answer(worker=self.worker, id=message_id, **what))

    async def serve_one(self) -> None:
        """Take one request as a healthy worker does."""
        request = await self.request()
        self.acknowledge(request.id)
        self.answer(request.id, body={"by": self.worker})


def ask(lines: Lines, *order: str, seconds: float = 5.0, body: dict[str, Any] | None = None) -> asyncio.Task[Answered]:
    """Ask workers for an echo, the first one first."""
    return asyncio.create_task(lines.ask("echo", body or {"text": "hi"}, seconds=seconds, order=lambda: order))


async def open_all(*peers: Peer) -> None:
    """Acknowledge the hello of every line."""
    for peer in peers:
        await peer.open()

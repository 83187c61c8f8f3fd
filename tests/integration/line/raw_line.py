"""A worker's half of the line, spoken by hand over HTTP, so that every reply can be withheld."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self

import httpx2
from plane_twins import AS_WORKER

from shared.nodes.line import ACKNOWLEDGEMENTS_PATH, ANSWERS_PATH, LINE_PATH, Request

DEN, ATTIC = "den.0123456789ab", "attic.0123456789ab"


class RawLine:
    """Holds one stream. As a context manager it is open, and gone at the end of the block."""

    def __init__(self, url: str, worker: str = DEN, *, headers: dict[str, str] | None = None) -> None:
        self.worker = worker
        self._http = httpx2.AsyncClient(base_url=url, headers=headers or AS_WORKER, timeout=30.0, verify=False)
        self._parts = AsyncExitStack()
        self.response: httpx2.Response
        self._pieces: AsyncIterator[str]
        self._text = ""

    async def __aenter__(self) -> Self:
        await self._parts.enter_async_context(self._http)
        stream = self._http.stream("GET", LINE_PATH, params={"worker": self.worker})
        self.response = await self._parts.enter_async_context(stream)
        self._pieces = self.response.aiter_text()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.aclose()

    async def open(self) -> Self:
        """Acknowledge the hello."""
        name, hello = await self.event()
        assert name == "hello"
        assert (await self.acknowledge(hello["id"])).status_code == 200
        return self

    async def event(self, seconds: float = 10.0) -> tuple[str, dict[str, Any]]:
        """Return the next event and its data. Raises ``StopAsyncIteration`` at the end of the stream."""
        async with asyncio.timeout(seconds):
            while "\n\n" not in self._text:
                self._text += await anext(self._pieces)
        event, _, self._text = self._text.partition("\n\n")
        name, data = event.split("\n")
        assert (name[:7], data[:6]) == ("event: ", "data: ")
        return name[7:], json.loads(data[6:])

    async def request(self) -> Request:
        """Return the next request."""
        name, data = await self.event()
        assert name == "request"
        return Request.model_validate(data)

    async def acknowledge(self, message_id: str) -> httpx2.Response:
        """Say that a message arrived."""
        return await self._http.post(ACKNOWLEDGEMENTS_PATH, json={"worker": self.worker, "id": message_id})

    async def answer(self, message_id: str, **what: Any) -> httpx2.Response:
        """Answer a request with a body or an error."""
        return await self._http.post(ANSWERS_PATH, json={"worker": self.worker, "id": message_id, **what})

    @asynccontextmanager
    async def echoing(self) -> AsyncIterator[None]:
        """Echo whatever is asked while the block runs."""
        task = asyncio.create_task(self._echo())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _echo(self) -> None:
        while True:
            name, data = await self.event(3600.0)
            if name == "request":
                await self.answer(data["id"], body={"text": data["body"]["text"][:200]})

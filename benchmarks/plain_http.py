"""HTTP with next to no cost of its own, so that a benchmark measures the server and not its client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any


class Plain:
    """One kept connection to a server on loopback; one request at a time."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def connect(self) -> None:
        """Open the connection."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        """Leave."""
        self._writer.close()

    async def post(self, path: str, body: object) -> None:
        """Send JSON, and wait for the answer, which must be a success."""
        text = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\n{self._head}Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
        )
        self._writer.write(head.encode() + text)
        status, headers = await self._answer()
        answer = await self._reader.readexactly(int(headers["content-length"]))
        if status >= 300:
            raise RuntimeError(f"{path}: {answer.decode()}")

    async def events(self, path: str) -> AsyncIterator[tuple[str, Any]]:
        """Follow a stream of server-sent events, each in one piece: their names and data."""
        self._writer.write(f"GET {path} HTTP/1.1\r\n{self._head}\r\n".encode())
        status, _ = await self._answer()
        if status != 200:
            raise RuntimeError(f"no stream: {status}")
        while size := int(await self._reader.readline(), 16):
            piece = (await self._reader.readexactly(size + 2)).decode()
            for event in piece.strip().split("\n\n"):
                name, data = event.split("\n")
                yield name.removeprefix("event: "), json.loads(data.removeprefix("data: "))

    async def _answer(self) -> tuple[int, dict[str, str]]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        return int(head[0].split(" ")[1]), headers
